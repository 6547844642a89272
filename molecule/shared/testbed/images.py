# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds images into the cache, once per digest, and finds the built ones."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from .apt import AptSettings, settings_of
from .assemble import ROOTFS
from .errors import TestbedError
from .keys import public_key
from .paths import images_folder, locked, vms_folder
from .recipe import Recipe, digest, recipe_named
from .rootfs import build_rootfs, inside_prefix
from .say import say
from .tools import find

_KEEP = 2


@dataclass(frozen=True)
class Image:
    """A built image in the cache. Hosts are booted with their own kernel, or as guests are by their boot sector."""

    name: str
    folder: Path
    own_loader: bool = False

    @property
    def disk(self) -> Path:
        return self.folder / "disk.qcow2"

    @property
    def kernel(self) -> Path:
        return self.folder / "vmlinuz"

    @property
    def initrd(self) -> Path:
        return self.folder / "initrd"


def ensure_image(name: str) -> Image:
    """The image of that name, built now if the cache has none for this recipe."""
    recipe = recipe_named(name)
    apt = settings_of(recipe.suite, recipe.components, recipe.frozen)
    folder = images_folder() / f"{name}-{digest(recipe, apt, public_key())}"
    if not folder.exists():
        with locked(images_folder() / f"{name}.lock", f"the image {name}"):
            if not folder.exists():
                _build(recipe, apt, folder)
                _prune(name, keep=folder)
    return Image(name, folder, recipe.own_loader)


def _build(recipe: Recipe, apt: AptSettings, folder: Path) -> None:
    for stale in drafts(recipe.name):  # we hold the lock, so nobody is at work there
        _remove(stale)
    work = images_folder() / f".draft-{recipe.name}-{os.getpid()}"
    work.mkdir()
    begun = time.monotonic()
    say(f"building image {recipe.name}: downloading and installing Debian {recipe.suite} (about a minute)")
    build_rootfs(recipe, apt, work / ROOTFS, work / "mmdebstrap.log")
    say(f"building image {recipe.name}: configuring it and writing its disk")
    _assemble(recipe, apt.seen_from_vm(), work)
    work.rename(folder)
    say(f"built image {recipe.name} in {time.monotonic() - begun:.0f} s: {folder}")


def drafts(name: str) -> list[Path]:
    """The folders in which that image is being built; an image whose name only begins so has folders of its own."""
    return sorted(images_folder().glob(f".draft-{name}-[0-9]*"))


def _assemble(recipe: Recipe, apt: AptSettings, work: Path) -> None:
    """In a process of its own, because that one may have to live in a user namespace."""
    order = {"recipe": recipe.name, "sources": apt.sources, "options": apt.options, "key": public_key()}
    prefix = inside_prefix()
    if prefix:
        prefix[0] = find(prefix[0])
    done = subprocess.run(
        [*prefix, sys.executable, "-m", __package__, "assemble-image", str(work)],
        check=False,
        input=json.dumps(order),
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)},
    )
    if done.returncode != 0:
        raise TestbedError(f"the image {recipe.name} could not be assembled; its parts are in {work}")


def _prune(name: str, keep: Path) -> None:
    """Old builds of an image go, but for the newest ones and those on which a VM's disk lies."""
    pattern = f"{name}-" + "[0-9a-f]" * 12
    builds = sorted(images_folder().glob(pattern), key=lambda path: path.stat().st_mtime, reverse=True)
    in_use = "\n".join(path.read_text() for path in vms_folder().glob("*/vm.json"))
    for build in builds[_KEEP:]:
        if build != keep and str(build) not in in_use:
            _remove(build)


def _remove(folder: Path) -> None:
    """Files below may belong to a user namespace's users: its root can remove them."""
    subprocess.run([*inside_prefix(), "rm", "-rf", "--", str(folder)], check=False)
    shutil.rmtree(folder, ignore_errors=True)
