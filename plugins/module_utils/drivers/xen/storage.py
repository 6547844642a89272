# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the disks of Xen guests are: a folder, folders within it, and the volume groups of LVM."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import replace

from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.disk_files import DiskFiles
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import (
    HostError,
    HypervisorError,
    PlanError,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.groups import Groups
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.host import Host
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.image_files import QCOW2, RAW
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.pools import DEFAULT_POOL, placed, rounded
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Disk, Guest

# Folders of /dev that are no volume group.
_NO_GROUPS = ("block", "bus", "char", "disk", "fd", "input", "mapper", "net", "pts", "shm", "vfio", "xen")
_VOLUME = re.compile(r"/dev/([^/]+)/[^/]+")


class Storage:
    """The pools of one host: `default` is the folder disk_dir, others are folders in it or volume groups."""

    def __init__(self, host: Host, disk_dir: str, cache_dir: str) -> None:
        self._host = host
        self._disk_dir = disk_dir
        self._known: dict[str, str] | None = None
        self._folders: dict[str, str] = {}
        self._volume_groups = Groups(host, self._folders)
        self.files = DiskFiles(host, cache_dir, self._volume_groups)
        self.size = self.files.size

    def pool_of(self, path: str) -> str | None:
        """The pool that data lies in, by its path; None for data elsewhere."""
        folder = os.path.dirname(path)
        if folder == self._disk_dir:
            return DEFAULT_POOL
        if os.path.dirname(folder) == self._disk_dir:
            return os.path.basename(folder)
        volume = _VOLUME.fullmatch(path)
        return volume[1] if volume and volume[1] not in _NO_GROUPS else None

    def place(self, guest: str, disk: Disk) -> Disk:
        """Say where a disk's data belongs, and in which format. PlanError when there is no such pool.

        Data that is given by its path stays where it is, and is in no pool.
        """
        if disk.path:
            return replace(disk, format=disk.format or (RAW if self.is_device(disk.path) else None))
        pool = disk.pool or DEFAULT_POOL
        return placed(guest, disk, pool, self._group(pool) or self._folder(disk), self._volume_groups)

    def _folder(self, disk: Disk) -> str:
        if disk.pool in (None, DEFAULT_POOL):
            return self._disk_dir
        folder = f"{self._disk_dir}/{disk.pool}"
        found = self._host.info(folder)
        if found is None or found.kind != "folder":
            raise PlanError(
                f"disk {disk.name}: there is no pool {disk.pool}: neither the folder {folder}, nor a volume group of "
                "that name"
            )
        return folder

    def _group(self, pool: str) -> str | None:
        """The folder of a volume group's volumes, None when there is no such group."""
        if pool == DEFAULT_POOL or self._host.info(f"{self._disk_dir}/{pool}") is not None:
            return None
        if self._known is None:
            try:
                names = self._host.run(["vgs", "--noheadings", "--options", "vg_name"]).split()
            except HostError:
                names = []  # there is no LVM
            self._known = {name: f"/dev/{name}" for name in names}
            self._folders.update({folder: name for name, folder in self._known.items()})
        return self._known.get(pool)

    def rounded(self, want: Guest, have: Guest | None) -> Guest:
        """The wish with the sizes of its disks as volume groups have them."""
        return rounded(want, have, self._volume_groups, self._group)

    def is_device(self, path: str) -> bool:
        """Whether a path is a block device, or would be one if it were there."""
        found = self._host.info(path)
        return path.startswith("/dev/") if found is None else found.kind == "device"

    def can_grow(self, path: str) -> bool:
        """Whether the data at path can be made larger here: files and volumes, not devices of others."""
        if self.is_device(path):
            return self.pool_of(path) is not None and self._group(self.pool_of(path) or "") is not None
        return True

    def grow(self, path: str, size_bytes: int, kind: str) -> None:
        """Make a disk that is not in use larger."""
        self._group(self.pool_of(path) or DEFAULT_POOL)  # so that a volume is known as one
        self.files.grow(path, size_bytes, kind)

    def drop(self, part: str) -> None:
        """Delete what a killed run was making, a file or a volume."""
        self._group(self.pool_of(part) or DEFAULT_POOL)  # so that a volume is known as one
        self.files.drop(part)

    def delete(self, path: str, kind: str) -> None:
        """Delete a disk's data. The caller has made sure that it may. Of devices only volumes are ever deleted."""
        if self.is_device(path) and self._group(self.pool_of(path) or DEFAULT_POOL) is None:
            raise HypervisorError(f"{path} is not deleted: it is a device, and no volume of LVM")
        self.files.delete(path, kind)

    def files_in_pools(self) -> Mapping[str, str]:
        """Every file in the folders of disks, and its format by its name."""
        folders = [self._disk_dir, *(f"{self._disk_dir}/{name}" for name in self._host.list_dir(self._disk_dir))]
        paths = [f"{folder}/{name}" for folder in folders for name in self._host.list_dir(folder)]
        return {path: QCOW2 for path in paths if path.endswith(f".{QCOW2}")}
