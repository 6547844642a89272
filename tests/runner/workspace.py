# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a run lives: a folder of its own in the cache, a private home, and an environment that is nobody's but ours."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from .environment import CHECKOUT, COLLECTION, cache_root, link_collection

# Settings of the caller that would change what the tools do.
FOREIGN = re.compile(r"^(ANSIBLE|MOLECULE|PYTEST|PYTHON|MYPY|RUFF|PIP|XDG|GIT|VIRTUAL_ENV|LC_|LANG)")
# Runs whose logs are kept.
KEPT_RUNS = 5


@dataclass(frozen=True)
class Workspace:
    """The folders of one run. `folder` is new and empty; `cache` outlives the run."""

    cache: Path
    folder: Path

    def copy(self, name: str) -> Path:
        """A copy of the checkout (tracked files, and new ones that git does not ignore) under the collection's name.

        Each part that needs one has its own, so that what one tool leaves behind is not another's input.
        """
        target = self.folder / "trees" / name / COLLECTION
        for file in tree_files(CHECKOUT):
            (target / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(CHECKOUT / file, target / file, follow_symlinks=False)
        return target

    @cached_property
    def linked(self) -> Path:
        """A collections path in which the collection is the checkout itself, whatever that folder's name is."""
        return link_collection()

    @cached_property
    def home(self) -> Path:
        """A home folder that tools may fill; it is kept, because ansible-test keeps its environments there."""
        home = self.cache / "home"
        pip = home / ".config/pip/pip.conf"
        pip.parent.mkdir(parents=True, exist_ok=True)
        pip.write_text(pip_settings())
        return home

    @cached_property
    def no_settings(self) -> Path:
        """An empty ansible.cfg; Ansible itself takes the null device for one, but tools around it do not."""
        empty = self.cache / "ansible.cfg"
        empty.touch()
        return empty

    @cached_property
    def environment(self) -> dict[str, str]:
        """The environment of every tool: the caller's settings of these tools do not reach it."""
        kept = {name: value for name, value in os.environ.items() if not FOREIGN.match(name)}
        tools = Path(sys.executable).parent
        return kept | {
            "ANSIBLE_COLLECTIONS_PATH": str(collections_path(self.linked)),
            "ANSIBLE_CONFIG": str(self.no_settings),
            "ANSIBLE_FORCE_COLOR": "false",
            "ANSIBLE_HOME": str(self.home / ".ansible"),
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": "safe.directory",
            "GIT_CONFIG_VALUE_0": "*",
            "HOME": str(self.home),
            "HOSTFORGE_CACHE": str(self.cache),
            "LC_ALL": "C.UTF-8",
            "MYPY_CACHE_DIR": str(self.cache / "mypy"),
            "NO_COLOR": "1",
            "PATH": search_path(tools, self.pythons),
            "PYTHONPATH": str(collections_path(self.linked)),
            "PYTHONPYCACHEPREFIX": str(self.cache / "pycache"),
            "PYTHONUNBUFFERED": "1",
            "RUFF_CACHE_DIR": str(self.cache / "ruff"),
        }

    @cached_property
    def pythons(self) -> Path:
        """A folder with one link for each Python version found, so that a version manager's stand-ins do not answer."""
        folder = self.cache / "pythons"
        folder.mkdir(parents=True, exist_ok=True)
        for minor in range(8, 15):
            link = folder / f"python3.{minor}"
            found = find_python(minor)
            if found and not link.exists():
                link.unlink(missing_ok=True)
                link.symlink_to(found)
        return folder


def open_workspace() -> Workspace:
    """Make the folder of a new run, and forget all but the last few runs before it."""
    cache = cache_root()
    runs = cache / "runs"
    runs.mkdir(parents=True, exist_ok=True)
    for old in sorted(runs.iterdir())[: 1 - KEPT_RUNS]:
        if not in_use(old):
            shutil.rmtree(old, ignore_errors=True)
    folder = runs / f"{time.strftime('%Y%m%dT%H%M%S')}-{os.getpid()}"
    folder.mkdir()
    workspace = Workspace(cache=cache, folder=folder)
    # Made here, once: the parts that share it run at the same time.
    workspace.environment  # noqa: B018
    return workspace


def in_use(run: Path) -> bool:
    """Whether the process that a run's folder is named after still runs."""
    process = run.name.rpartition("-")[2]
    return process.isdigit() and Path("/proc", process).exists()


def close_workspace(workspace: Workspace) -> None:
    """Remove what a run made, but for its logs."""
    for entry in workspace.folder.iterdir():
        if entry.is_dir():
            shutil.rmtree(entry, ignore_errors=True)


def collections_path(collection: Path) -> Path:
    """The folder that holds ansible_collections/ above a collection."""
    return collection.parents[2]


def tree_files(checkout: Path) -> list[str]:
    """What a commit of everything would hold, and is there."""
    command = ["git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=checkout, check=True, capture_output=True, text=True).stdout
    return sorted({name for name in listed.split("\0") if name and (checkout / name).is_file()})


def find_python(minor: int) -> str | None:
    """The interpreter of Python 3.minor that really runs, on the search path or among a version manager's."""
    managed = sorted(Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")).glob(f"versions/3.{minor}.*/bin"))
    search = os.pathsep.join([os.environ.get("PATH", os.defpath), *map(str, managed)])
    for folder in search.split(os.pathsep):
        candidate = Path(folder) / f"python3.{minor}"
        if "shims" not in candidate.parts and os.access(candidate, os.X_OK) and not in_environment(candidate):
            return str(candidate)
    return None


def in_environment(python: Path) -> bool:
    """Whether an interpreter belongs to a virtual environment, which may go away."""
    return (python.parent.parent / "pyvenv.cfg").exists()


def search_path(*first: Path) -> str:
    """PATH: our tools, then the system's, then what the caller added, without a version manager's stand-ins."""
    system = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"]
    added = [entry for entry in os.environ.get("PATH", "").split(os.pathsep) if entry and "shims" not in entry]
    return os.pathsep.join(dict.fromkeys([*map(str, first), *system, *added]))


def pip_settings() -> str:
    """The caller's pip settings as one file: ansible-test passes no environment on to pip."""
    command = [sys.executable, "-m", "pip", "config", "list"]
    listed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    pairs = (line.partition("=") for line in listed.splitlines() if "=" in line)
    settings = {name.rpartition(".")[2]: ast.literal_eval(value) for name, _equals, value in pairs}
    lines = (f"{name} = {' '.join(str(value).split())}" for name, value in sorted(settings.items()))
    return "\n".join(["[global]", *lines, ""])
