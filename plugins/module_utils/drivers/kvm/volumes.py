# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The data of disks as volumes of libvirt, which makes all files but full copies itself."""

from __future__ import annotations

import os
import threading

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm import xml
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.connect import libvirt, libvirt_says
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.disk_files import DiskFiles
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.groups import Groups
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.host import Host
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.pools import DEFAULT_POOL
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Disk
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.taken import TakenError


class Volumes(DiskFiles):
    """Disks' data on one host. pools: who looks into a pool, or makes a volume in one, holds this."""

    def __init__(
        self, connection: libvirt.virConnect, host: Host, cache_dir: str, groups: Groups, pools: threading.RLock
    ) -> None:
        super().__init__(host, cache_dir, groups)
        self._connection = connection
        self._pools = pools

    def room(self, disk: Disk) -> int | None:
        """How many bytes the pool of a disk could hold at the very most."""
        with self._pools, libvirt_says(f"the storage pool {disk.pool} cannot be read"):
            capacity: int = self._connection.storagePoolLookupByName(disk.pool or DEFAULT_POOL).info()[1]
        return capacity or None

    def make_file(self, disk: Disk, base: str | None, size_bytes: int) -> None:
        """Make a disk's file."""
        if base is not None and disk.image is not None and disk.image.copy == "full":
            super().make_file(disk, base, size_bytes)
            return
        with self._pools, libvirt_says(f"disk {disk.name}: {disk.path} cannot be made"):
            pool = self._connection.storagePoolLookupByName(disk.pool or DEFAULT_POOL)
            definition = _definition(disk, base, size_bytes)
            try:
                pool.createXML(definition, 0)
            except libvirt.libvirtError as error:
                if error.get_error_code() != libvirt.VIR_ERR_STORAGE_VOL_EXIST:
                    raise
                if self.is_there(disk.path or ""):
                    raise TakenError(disk) from error
                # The pool remembers a volume that was deleted behind its back.
                pool.refresh(0)
                pool.createXML(definition, 0)
        # The definition that will name it survives a power cut, and so must it.
        self._host.sync(disk.path or "")


def _definition(disk: Disk, base: str | None, size_bytes: int) -> str:
    root = xml.parse("<volume/>")
    xml.add(root, "name", os.path.basename(disk.path or ""))
    xml.add(root, "capacity", str(size_bytes), unit="bytes")
    xml.add(root, "allocation", "0", unit="bytes")
    target = xml.add(root, "target")
    xml.add(target, "format", type=disk.format)
    xml.add(xml.add(target, "permissions"), "mode", "0600")
    if base is not None and disk.image is not None:
        backing = xml.add(root, "backingStore")
        xml.add(backing, "path", base)
        xml.add(backing, "format", type=disk.image.format)
    return xml.render(root)
