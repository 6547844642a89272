# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The gates: the steps that ask other people's tools whether the collection is in order."""

from __future__ import annotations

import re
import shutil
import sysconfig
from collections.abc import Iterator
from pathlib import Path

from .environment import CHECKOUT, COLLECTION
from .part import Step
from .workspace import Workspace, collections_path

# ansible-test fetches this script from its own server to put pip into a bare environment. Python brings pip along.
GET_PIP = "import ensurepip\n\nensurepip.bootstrap(upgrade=True)\n"


def lint(workspace: Workspace, _arguments: tuple[str, ...]) -> Iterator[Step]:
    """Everything that reads the sources and runs nothing of them."""
    tree = workspace.copy("lint")
    settings = ("--config-file", str(tree / "pyproject.toml"))
    root = collections_path(tree)
    sources = ("plugins/module_utils", "tests/runner", "tests/unit/house", "bench")
    yield Step("ruff check", ("ruff", "check", "."), tree)
    yield Step("ruff format", ("ruff", "format", "--check", "."), tree)
    yield Step("mypy", ("mypy", *settings, *(str(COLLECTION / source) for source in sources)), root)
    stubtest = ("stubtest", "--ignore-missing-stub", "--concise", "libvirt")
    yield Step("stubtest libvirt", stubtest, tree, {"MYPYPATH": str(tree / "typings")})
    yield Step("shellcheck", ("shellcheck", ".ci/run"), tree)
    yield Step("yamllint", ("yamllint", "--strict", "."), tree)
    yield Step("changelog", ("antsibull-changelog", "lint"), tree)
    yield Step("changelog.yaml", ("antsibull-changelog", "lint-changelog-yaml", "changelogs/changelog.yaml"), tree)
    yield Step("changelog again", ("antsibull-changelog", "generate"), tree)
    yield Step("changelog current", ("diff", "-u", str(CHECKOUT / "CHANGELOG.md"), "CHANGELOG.md"), tree)
    docs = ("antsibull-docs", "lint-collection-docs", "--plugin-docs", "--validate-collection-refs=self", ".")
    yield Step("module docs", docs, tree, {"ANSIBLE_COLLECTIONS_PATH": str(root)})
    yield Step("ansible-lint", ("ansible-lint", "--profile=production", "--strict", "--offline"), tree)


def sanity(workspace: Workspace, arguments: tuple[str, ...]) -> Iterator[Step]:
    """ansible-test sanity, its virtual environments kept in the private home."""
    package = Path(sysconfig.get_path("purelib")) / "ansible_test"
    yield ansible_test(workspace, package, workspace.copy("sanity"), arguments)


def ansible_test(workspace: Workspace, package: Path, tree: Path, arguments: tuple[str, ...]) -> Step:
    """All of the sanity tests that this machine can run.

    What it leaves out for want of a tool is two things: Python versions that are not here, of which it warns, and
    PowerShell's own checks, for which the collection has no file. The package is ansible-test's own; its virtual
    environments in the home are shared with other runs, which wait.
    """
    bootstrap_pip(workspace.home, package)
    alone = ("flock", str(workspace.cache / "ansible-test.lock"))
    return Step("sanity", (*alone, "ansible-test", "sanity", "--color=no", *arguments), tree)


def bootstrap_pip(home: Path, package: Path) -> None:
    """Leave the script that ansible-test would fetch where it looks for it; its name carries the version it wants."""
    source = (package / "_internal/python_requirements.py").read_text()
    for version in re.findall(r"pip='([0-9.]+)'", source):
        script = home / f".ansible/test/cache/get_pip_{version.replace('.', '_')}.py"
        script.parent.mkdir(parents=True, exist_ok=True)
        script.write_text(GET_PIP)


def docs(workspace: Workspace, _arguments: tuple[str, ...]) -> Iterator[Step]:
    """The module pages, as a site in the cache; a reference that leads nowhere is an error."""
    tree = workspace.copy("docs")
    pages = workspace.folder / "docs"
    # antsibull-docs refuses a folder that others may write to.
    pages.mkdir(mode=0o700)
    shutil.copy2(tree / "tests/docs/conf.py", pages)
    options = ("--use-current", "--squash-hierarchy", "--fail-on-error", "--dest-dir", str(pages))
    env = {"ANSIBLE_COLLECTIONS_PATH": str(collections_path(tree))}
    yield Step("pages", ("antsibull-docs", "collection", *options, "hostforge.hypervisor"), tree, env)
    site = workspace.cache / "docs"
    shutil.rmtree(site, ignore_errors=True)
    sphinx = ("sphinx-build", "-q", "-W", "--keep-going", "-b", "html", str(pages), str(site))
    yield Step("site", sphinx, pages)
