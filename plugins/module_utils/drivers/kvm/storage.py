# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The storage pools of one host, and where in them the data of disks belongs."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from dataclasses import replace

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm import existing, xml
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.bases import find_bases
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.connect import libvirt, libvirt_says
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.devices import DEFAULT_FORMAT
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.existing import is_device
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.volumes import Volumes
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import PlanError
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.groups import Groups
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.host import Host
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.image_files import RAW
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.pools import DEFAULT_POOL, placed, rounded
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Disk, Guest
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.units import format_size

FOLDER_POOLS = ("dir", "fs", "netfs")  # pools whose volumes are files in a folder
GROUP_POOL = "logical"  # pools whose volumes are LVM's


class Storage:
    """The disks' data on one host.

    files: the disks' data itself. cache_dir: where images are kept.
    All methods raise HypervisorError or one of its kinds.
    """

    def __init__(self, connection: libvirt.virConnect, host: Host, cache_dir: str) -> None:
        self._connection = connection
        self._host = host
        self._folders: dict[str, str] | None = None
        self._names: dict[str, str] = {}
        self._groups = Groups(host, self._names)
        # libvirt does not look into a pool that it is making a volume in.
        self._pools = threading.RLock()
        self.files = Volumes(connection, host, cache_dir, self._groups, self._pools)

    def folders(self) -> Mapping[str, str]:
        """The active pools that disks can be made in: name to the folder of their volumes. Read once."""
        if self._folders is None:
            with libvirt_says("the storage pools cannot be read"):
                pools = self._connection.listAllStoragePools(libvirt.VIR_CONNECT_LIST_STORAGE_POOLS_ACTIVE)
                roots = [xml.parse(pool.XMLDesc(0)) for pool in pools]
            self._folders = {
                root.findtext("name", ""): root.findtext("target/path", "").rstrip("/") or "/"
                for root in roots
                if root.get("type") in (*FOLDER_POOLS, GROUP_POOL)
            }
            groups = [root for root in roots if root.get("type") == GROUP_POOL]
            for root in groups:
                self._names[self._folders[root.findtext("name", "")]] = root.findtext("source/name", "")
        return self._folders

    def rounded(self, want: Guest, have: Guest | None) -> Guest:
        """The wish with the sizes of its disks as their pools have them."""
        return rounded(want, have, self._groups, lambda pool: self.folders().get(pool))

    def place(self, guest: str, disk: Disk) -> Disk:
        """Say where a disk's data belongs, and in which format. PlanError when there is no such pool.

        Data that is given by its path stays where it is, and is in no pool.
        """
        if disk.path:
            return replace(disk, format=disk.format or (RAW if is_device(disk.path) else None))
        pool = disk.pool or DEFAULT_POOL
        folder = self.folders().get(pool)
        if folder is None:
            known = ", ".join(sorted(self.folders())) or "none"
            raise PlanError(f"disk {disk.name}: there is no active storage pool {pool} for disks; there are: {known}")
        return placed(guest, disk, pool, folder, self._groups)

    def is_there(self, disk: Disk) -> bool:
        """Whether data already lies where the disk belongs."""
        return self._host.info(disk.path or "") is not None

    def check(self, disk: Disk) -> None:
        """Refuse a placed disk that cannot be made or taken; looks only."""
        if disk.pool is None:
            self._check_given(disk)
            return
        if self._groups.has(disk.path or ""):
            self._groups.check(disk)
        if self.is_there(disk) and not self.files.is_blank(disk):
            self.files.check_kept(disk)
        else:
            self.files.check_new(disk)

    def make(self, disk: Disk, new: bool) -> None:
        """Make a placed disk's data, as DiskFiles.make() does, and have libvirt know it."""
        if disk.pool is None:
            self._check_given(disk)
        self.files.make(disk, new)
        if disk.pool is not None:
            self._make_known(disk.path or "")

    def can_grow(self, path: str) -> bool:
        """Whether the data at path can be made larger here: files and volumes, not devices of others."""
        return self._groups.has(path) or not is_device(path)

    def _check_given(self, disk: Disk) -> None:
        """Data that somebody else made: it has to be what it is said to be."""
        existing.check(disk)
        path = disk.path or ""
        if self.files.is_cached(path):
            raise PlanError(f"disk {disk.name}: {path} is an image that disks are made from; use it as image")
        # A file that holds nothing was no disk of ours that is still to be made, and is none.
        size = self.files.check_format(disk)
        if disk.size_bytes and size < disk.size_bytes and is_device(path):
            raise PlanError(too_small(disk.name, path, size, disk.size_bytes))

    def bases(self, others: Mapping[str, str | None]) -> dict[str, list[str]]:
        """Every file that disks' data is based on, with the files based on it, as far as this host knows.

        others: paths of disks that may be in no pool, each with its format.
        """
        with self._pools:
            return find_bases(self._connection, self._host, others)

    def delete(self, path: str) -> None:
        """Delete a disk's data. The caller has made sure that it may."""
        if self._host.info(path) is None:
            return
        self.files.refuse_open(path, format_of(path))
        with self._pools, libvirt_says(f"{path} cannot be deleted"):
            try:
                volume = self._connection.storageVolLookupByPath(path)
            except libvirt.libvirtError:
                self._refresh(path)
                volume = self._connection.storageVolLookupByPath(path)
            volume.delete(0)

    def _make_known(self, path: str) -> None:
        """Have libvirt know a file as a volume of its pool, where it came there past libvirt."""
        try:
            self._connection.storageVolLookupByPath(path)
        except libvirt.libvirtError:
            self._refresh(path)

    def _refresh(self, path: str) -> None:
        name = next((pool for pool, folder in self.folders().items() if folder == os.path.dirname(path)), None)
        if name is not None:
            with self._pools, libvirt_says(f"the storage pool {name} cannot be refreshed"):
                self._connection.storagePoolLookupByName(name).refresh(0)


def format_of(path: str) -> str:
    """The format of data that we made: its name says it, and volumes without are raw."""
    suffix = path.rpartition(".")[2]
    return suffix if suffix in (DEFAULT_FORMAT, RAW) and not is_device(path) else RAW


def too_small(name: str, path: str, size: int, wanted: int) -> str:
    """What is said of a device that is smaller than its disk is to be."""
    found, wish = format_size(size), format_size(wanted)
    return f"disk {name}: the device {path} is {found}, not {wish}: make the device larger, then run this again"
