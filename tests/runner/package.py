# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The package: the steps that build the archive, and look at it as Galaxy and as a user would."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain
from pathlib import Path

from . import gates, suites
from .environment import CHECKOUT, ensure
from .part import Step
from .workspace import Workspace

OLDEST_CORE = CHECKOUT / "tests/requirements-2.18.txt"


def build(workspace: Workspace, _arguments: tuple[str, ...], name: str = "build") -> Iterator[Step]:
    """Archive, then install and use it in a folder that knows nothing of the checkout and of any network."""
    folder = workspace.folder / name
    installed = {"ANSIBLE_COLLECTIONS_PATH": str(folder / "collections"), "PYTHONPATH": ""}
    yield from archive(workspace, folder)
    built = only(folder)
    yield Step("contents", (sys.executable, "-m", "runner.archive", str(built)), folder, runner_path(workspace))
    install = ("ansible-galaxy", "collection", "install", "-p", str(folder / "collections"), str(built))
    yield Step("install", without_network(install), folder, installed)
    playbook = str(workspace.linked / "tests/build/playbook.yml")
    yield Step("use", without_network(("ansible-playbook", playbook)), folder, installed)
    site = ("ansible-playbook", "--syntax-check", "hostforge.hypervisor.site")
    yield Step("site playbook", without_network(site), folder, installed)


def importer(workspace: Workspace, _arguments: tuple[str, ...]) -> Iterator[Step]:
    """The checks that Galaxy makes when an archive is uploaded."""
    folder = workspace.folder / "importer"
    yield from archive(workspace, folder)
    built = only(folder)
    yield Step("import", (sys.executable, "-m", "runner.importer", str(built)), folder, runner_path(workspace))


def archive(workspace: Workspace, folder: Path) -> Iterator[Step]:
    """Build the archive into a new folder."""
    folder.mkdir()
    command = ("ansible-galaxy", "collection", "build", "--output-path", str(folder))
    yield Step("build", command, workspace.copy(folder.name))


def only(folder: Path) -> Path:
    """The archive that was built into a folder."""
    for built in folder.glob("*.tar.gz"):
        return built
    raise FileNotFoundError("no archive was built")


def runner_path(workspace: Workspace) -> dict[str, str]:
    """What makes `python -m runner...` work outside the checkout."""
    return {"PYTHONPATH": str(workspace.linked / "tests")}


def without_network(command: tuple[str, ...]) -> tuple[str, ...]:
    """The command in a network namespace that has no interface, where such can be made."""
    as_user = () if os.geteuid() == 0 else ("--map-root-user",)
    prefix = ("unshare", *as_user, "--net", "--")
    # Some containers may not make namespaces; there it runs with whatever network there is.
    allowed = subprocess.run((*prefix, "true"), check=False, capture_output=True).returncode == 0
    return (*prefix, *command) if allowed else command


def compat(workspace: Workspace, arguments: tuple[str, ...]) -> Iterator[Step]:
    """The oldest ansible-core that is admitted: sanity, unit tests, and the archive in use."""
    tools = ensure(("compile",), OLDEST_CORE) / "bin"
    env = {"PATH": f"{tools}{os.pathsep}{workspace.environment['PATH']}"}
    (package,) = tools.parent.glob("lib/python3.*/site-packages/ansible_test")
    yield Step("version", ("ansible", "--version"), workspace.folder, env)
    sanity = gates.ansible_test(workspace, package, workspace.copy("compat-sanity"), ())
    for step in chain((sanity,), suites.unit(workspace, arguments), build(workspace, arguments, "compat")):
        yield replace(step, env=dict(step.env) | env)
