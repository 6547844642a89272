# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The suites: the steps that run the collection's own tests."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from .environment import CHECKOUT, COLLECTION
from .part import Step, Steps
from .workspace import Workspace


def unit(workspace: Workspace, arguments: tuple[str, ...]) -> Iterator[Step]:
    """The tests that need nothing but Python."""
    yield pytest(workspace, "tests/unit", *arguments)


def fuzz(workspace: Workspace, arguments: tuple[str, ...]) -> Iterator[Step]:
    """The tests of made-up input, of which the suite of units runs a share, with as many examples as are asked for."""
    yield pytest(workspace, "tests/unit", "-k", "fuzz", "--hypothesis-profile=long", *arguments)


def integration(workspace: Workspace, arguments: tuple[str, ...]) -> Iterator[Step]:
    """The tests against real daemons, which the tests start in namespaces of their own."""
    # One line a test: they are slow, and progress that shows only at the end is none.
    yield pytest(workspace, "tests/integration", "-v", *arguments)


def roots() -> list[Path]:
    """The folders of tests that run in a root filesystem of another suite; a new one needs no word here."""
    return sorted(path.parent for path in (CHECKOUT / "tests/roots").glob("*/root.json"))


def shown_in_root(root: Path) -> str:
    """What the tests in a root show, as its recipe says."""
    return str(json.loads((root / "root.json").read_text())["shows"])


def rooted(root: str) -> Steps:
    """The step of the tests in one root, which is made first where it is not in the cache."""

    def steps(workspace: Workspace, arguments: tuple[str, ...]) -> Iterator[Step]:
        module = ".".join((*COLLECTION.parts, "tests", "roots"))
        yield Step("pytest", (sys.executable, "-m", module, root, "-v", *arguments), workspace.linked)

    return steps


def scenarios() -> list[Path]:
    """The folders of the molecule scenarios; a new one needs no word here."""
    return sorted(path.parent for path in (CHECKOUT / "molecule").glob("*/molecule.yml"))


def shown(scenario: Path) -> str:
    """What a scenario shows: the remark between the licence and the settings of its file."""
    remarks = (scenario / "molecule.yml").read_text().partition("---")[0].splitlines()
    return remarks[-1].strip("# .")


def asked(scenario: Path) -> bool:
    """Whether a scenario is run only when it is asked for, which the first platform in its file says."""
    return re.search(r"^    asked: true\b", (scenario / "molecule.yml").read_text(), re.MULTILINE) is not None


def molecule(scenario: str) -> Steps:
    """The steps of one molecule scenario; it makes, uses and ends its own VM."""

    def steps(workspace: Workspace, arguments: tuple[str, ...]) -> Iterator[Step]:
        test = ("molecule", "test", "--scenario-name", scenario, *arguments)
        yield Step("test", test, workspace.linked)

    return steps


def demo(workspace: Workspace, _arguments: tuple[str, ...]) -> Iterator[Step]:
    """The demonstration, from its command to the end of its host."""
    yield Step("up", ("bin/demo",), workspace.linked)
    yield Step("destroy", ("bin/demo", "destroy"), workspace.linked)


def bench(workspace: Workspace, arguments: tuple[str, ...]) -> Iterator[Step]:
    """The benchmark, which prints a table and judges nothing."""
    module = ".".join((*COLLECTION.parts, "bench"))
    yield Step("bench", (sys.executable, "-m", module, *arguments), workspace.linked)


def pytest(workspace: Workspace, folder: str, *arguments: str) -> Step:
    """One run of pytest in the checkout, found as a collection, with its caches elsewhere.

    The caller's arguments may name files or single tests; without them, it is the whole folder.
    """
    cache = f"cache_dir={workspace.cache / 'pytest'}"
    named = any((CHECKOUT / argument.split("::")[0]).exists() for argument in arguments)
    what = arguments if named else (folder, *arguments)
    return Step("pytest", ("pytest", "-o", cache, "--durations=5", *what), workspace.linked)
