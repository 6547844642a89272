# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the disks of VirtualBox guests are, a folder and folders within it, and how their files are made."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import replace
from typing import Any

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.virtualbox.connection import Api
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.virtualbox.media import (
    forget,
    known_disk,
    open_disk,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.disk_files import DiskFiles
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import (
    HostError,
    HypervisorError,
    PlanError,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.groups import Groups
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.host import Host
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.image_files import QCOW2, QEMU_NAMES
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.parts import part_of
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.pools import DEFAULT_POOL
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Disk

DEFAULT_FORMAT = "vdi"
# What qemu-img has to be told, so that a file is as large as it was said to be.
QEMU_OPTIONS = {"vhd": ["-o", "force_size=on"]}


class VirtualBoxFiles(DiskFiles):
    """The files of disks. qemu-img makes them, and VirtualBox grows them, which qemu-img cannot in these formats.

    A disk from an image is a full copy of it, be it said to be thin or not: its file takes the room that its content
    needs.
    """

    def __init__(self, host: Host, cache_dir: str, api: Api) -> None:
        super().__init__(host, cache_dir, Groups(host, {}))
        self._host = host
        self.api = api

    def make_part(self, disk: Disk, part: str, base: str | None, size_bytes: int) -> None:
        """Make a disk's data; of an image by way of an overlay, which is how it becomes larger than its image."""
        name = disk.format or DEFAULT_FORMAT
        kind = [QEMU_NAMES.get(name, name), *QEMU_OPTIONS.get(name, [])]
        image = disk.image
        if base is None or image is None:
            self._host.run(["qemu-img", "create", "-q", "-f", *kind, "--", part, str(size_bytes)])
            return
        layer = part_of(f"{disk.path}.layer")
        try:
            backing = ["-b", base, "-F", image.format]
            self._host.run(["qemu-img", "create", "-q", "-f", QCOW2, *backing, "--", layer, str(size_bytes)])
            self._host.run(["qemu-img", "convert", "-f", QCOW2, "-O", *kind, "--", layer, part])
        finally:
            self._host.remove(layer)

    def grow(self, path: str, size_bytes: int, kind: str) -> None:
        """Make a disk that is not in use larger. Twice does no harm."""
        known = known_disk(self.api, path)
        medium = known if known is not None else open_disk(self.api, path)
        try:
            grow_medium(self.api, medium, size_bytes)
        finally:
            if known is None:
                forget(self.api, medium)
        self._host.sync(path)

    def size(self, path: str, kind: str) -> int | None:
        """The capacity of the data at path, in bytes; None when it is not there."""
        return super().size(path, QEMU_NAMES.get(kind, kind))

    def check_kept(self, disk: Disk) -> None:
        """Refuse data that is there already and is not what the disk is to be, with PlanError."""
        name = disk.format or ""
        super().check_kept(replace(disk, format=QEMU_NAMES.get(name, name)))

    def check_format(self, disk: Disk) -> int:
        """The capacity of data that somebody else made, which has to be what it is said to be."""
        name = disk.format or ""
        return super().check_format(replace(disk, format=QEMU_NAMES.get(name, name)))

    def refuse_open(self, path: str, kind: str) -> None:
        """Refuse to delete what VirtualBox has in use; other programs lock these files in no way."""
        known = known_disk(self.api, path)
        if known is not None and self.api.word("MediumState", known.state).startswith("Locked"):
            raise HypervisorError(f"{path} is not deleted: VirtualBox has it in use")


def grow_medium(api: Api, medium: Any, size_bytes: int) -> None:
    """Make a medium larger; one that is so large already is left alone."""
    medium.refreshState()
    if int(medium.logicalSize) < size_bytes:
        api.wait(medium.resize(size_bytes), f"{medium.location} cannot be grown")
        medium.refreshState()


class Storage:
    """The pools of one host: `default` is the folder disk_dir, others are folders in it."""

    def __init__(self, host: Host, disk_dir: str, files: VirtualBoxFiles) -> None:
        self._host = host
        self._disk_dir = disk_dir
        self.files = files

    def pool_of(self, path: str) -> str | None:
        """The pool that data lies in, by its path; None for data elsewhere."""
        folder = os.path.dirname(path)
        if folder == self._disk_dir:
            return DEFAULT_POOL
        return os.path.basename(folder) if os.path.dirname(folder) == self._disk_dir else None

    def place(self, guest: str, disk: Disk) -> Disk:
        """Say where a disk's data belongs, and in which format. PlanError when there is no such pool.

        Data that is given by its path stays where it is, and is in no pool.
        """
        if disk.path:
            return disk
        pool, kind = disk.pool or DEFAULT_POOL, disk.format or DEFAULT_FORMAT
        folder = self._disk_dir if pool == DEFAULT_POOL else f"{self._disk_dir}/{pool}"
        found = self._host.info(folder)
        if pool != DEFAULT_POOL and (found is None or found.kind != "folder"):
            raise PlanError(f"disk {disk.name}: there is no pool {pool}, for there is no folder {folder}")
        return replace(disk, pool=pool, format=kind, path=f"{folder}/{guest}.{disk.name}.{kind}")

    def based(self, path: str) -> list[str]:
        """The files that are based on a disk's, as far as VirtualBox knows."""
        with suppress(HostError):
            known = known_disk(self.files.api, path)
            return [] if known is None else [one.location for one in self.files.api.list_of(known, "children")]
        return []
