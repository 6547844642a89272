# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds root filesystems of another Debian suite than the machine's, into the cache, once for each recipe."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.hostforge.hypervisor.molecule.shared.testbed.apt import settings_of
from ansible_collections.hostforge.hypervisor.molecule.shared.testbed.paths import cache_root, locked
from ansible_collections.hostforge.hypervisor.molecule.shared.testbed.rootfs import DPKG_OPTIONS
from ansible_collections.hostforge.hypervisor.molecule.shared.testbed.say import say
from ansible_collections.hostforge.hypervisor.molecule.shared.testbed.tools import run

HERE = Path(__file__).parent
KEPT = 2


@dataclass(frozen=True)
class Recipe:
    """What a root is made of: a suite, components of its archive beside main, and packages. shows: what its tests show.

    frozen: the machine's mirror may have a copy of the suite that is older than the suite's own files allow.
    """

    name: str
    shows: str
    suite: str
    packages: tuple[str, ...]
    components: tuple[str, ...] = ()
    frozen: bool = False


def recipe_of(name: str) -> Recipe:
    """The recipe in a folder beside this file."""
    written = json.loads((HERE / name / "root.json").read_text())
    packages, components = (tuple(written.pop(key, ())) for key in ("packages", "components"))
    return Recipe(name, packages=packages, components=components, **written)


def ensure_root(recipe: Recipe) -> Path:
    """The folder of a root, built now if the cache has none of this recipe."""
    if os.geteuid() != 0:
        raise PermissionError("these tests need root, for a root filesystem in namespaces of its own")
    folder = cache_root() / "roots"
    folder.mkdir(parents=True, exist_ok=True)
    apt = settings_of(recipe.suite, recipe.components, recipe.frozen)
    mark = hashlib.sha256(f"{recipe}{apt}{Path(__file__).read_text()}".encode()).hexdigest()[:12]
    root = folder / f"{recipe.name}-{mark}"
    with locked(folder / f"{recipe.name}.lock", f"the root filesystem {recipe.name}"):
        if not root.exists():
            _sweep(recipe, folder)
            draft = folder / f".draft-{recipe.name}-{mark}"
            say(f"building the root filesystem {recipe.name}: Debian {recipe.suite} (two minutes)")
            _build(recipe, apt.sources, apt.options, draft)
            draft.rename(root)
            _prune(recipe, folder)
    return root


def _sweep(recipe: Recipe, folder: Path) -> None:
    """What a build that was killed has left, a folder and a file, goes."""
    for left in folder.glob(f".draft-{recipe.name}-*"):
        if left.is_dir():
            shutil.rmtree(left)
        else:
            left.unlink()


def _build(recipe: Recipe, sources: str, options: tuple[str, ...], draft: Path) -> None:
    written = draft.with_suffix(".sources")
    written.write_text(sources)
    settings = ('APT::Install-Recommends "false";', 'Acquire::Languages "none";', *options)
    command = [
        *("mmdebstrap", "--mode=root", "--variant=minbase", "--format=directory"),
        *(f"--aptopt={line}" for line in settings),
        *(f"--dpkgopt={line}" for line in DPKG_OPTIONS),
        *(f"--include={','.join(recipe.packages)}", recipe.suite, str(draft), str(written)),
    ]
    try:
        run(command)
    finally:
        written.unlink()


def _prune(recipe: Recipe, folder: Path) -> None:
    """Old builds go, but for the last."""
    builds = sorted(folder.glob(f"{recipe.name}-*/"), key=lambda path: path.stat().st_mtime, reverse=True)
    for build in builds[KEPT:]:
        shutil.rmtree(build)
