# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The changes of guests' disks: noted before data is made, looked at once more before any is taken or deleted."""

from __future__ import annotations

import os
from collections.abc import Collection
from dataclasses import replace

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm import (
    devices,
    edit_devices,
    existing,
    in_use,
    ledger,
    read,
    snapshot_chain,
    xml,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.both import change_both, change_live
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.connect import libvirt, steadily
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.live import LIVE
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.look import Look
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.roots import (
    live_root,
    roots_if_there,
    stored_root,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.storage import Storage
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.change import Change
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import HypervisorError
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.host import Host
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.image_files import RAW
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.ledger import Entry
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Disk
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.taken import TakenError


class DiskSteps:
    """Changes of disks, each of one guest, on one libvirt."""

    def __init__(self, connection: libvirt.virConnect, host: Host, storage: Storage) -> None:
        self._connection = connection
        self._host = host
        self._storage = storage

    def add(self, change: Change) -> None:
        """Give a guest a disk: one that is made, one that was kept, or one that others made."""
        domain = self._connection.lookupByName(change.name)
        disk: Disk = change.after
        if not disk.path:
            disk = self._storage.place(change.name, disk)
            self._storage.files.fetch(disk)
            root = stored_root(domain, secure=True)
            noted = ledger.find(root, disk.path)
            # Data that is there is not ours, unless a run was killed after it had made it.
            ours = not self._storage.is_there(disk) or (noted is not None and noted.pending)
            ledger.write(root, Entry(disk.name, disk.path or "", made=ours, pending=ours))
            new = not self._storage.is_there(disk)
            self._connection.defineXML(xml.render(root))
            self.make(change.name, disk, new)
        elif disk.pool is None and devices.find_disk(stored_root(domain), disk.path) is None:
            disk = self._storage.place(change.name, disk)
            root = stored_root(domain, secure=True)
            ledger.write(root, Entry(disk.name, disk.path or "", made=False))
            self._connection.defineXML(xml.render(root))
            self.make(change.name, disk, new=False)
        change_both(self._connection, replace(change, after=disk))

    def make(self, name: str, disk: Disk, new: bool) -> None:
        """Make a disk that is noted. Data of others that came there meanwhile is not ours, whatever was noted."""
        if not new:
            # Somebody may have come to use it since it was checked: fetching images takes its time.
            seen = steadily(lambda: Look(self._connection, self._host, self._storage))
            in_use.refuse_used(name, disk, seen, self._storage)
            in_use.refuse_changing(name, disk, seen, self._storage)
        try:
            self._storage.make(disk, new)
        except TakenError:
            root = stored_root(self._connection.lookupByName(name), secure=True)
            ledger.forget(root, disk.path or "")
            self._connection.defineXML(xml.render(root))
            raise

    def remove(self, change: Change) -> None:
        """With its data: out of the running guest, then the data, then out of the definition.

        In this order a killed run leaves the disk in the definition, and the next run goes on from there.
        """
        if change.delete:
            change_live(self._connection.lookupByName(change.name), change)
            self.delete(change)
        change_both(self._connection, replace(change, hot=change.hot and not change.delete))

    def delete(self, change: Change) -> None:
        """Look once more before deleting: another client may have come to use the disk since it was read."""
        path = change.before.path
        domain = self._connection.lookupByName(change.name)
        root = stored_root(domain)
        files = snapshot_chain.stack(root, root, path)
        for file in files:
            others = self._using(file, change.name, files)
            if not ledger.is_ours(root, file) or others:
                raise HypervisorError(f"{file} is not deleted: {_why_not(others)}")
        if domain.isActive() and devices.find_disk(live_root(domain), path) is not None:
            raise HypervisorError(f"{path} is not deleted: the guest is running on it")
        # The newest first: what is left of a disk after a killed run can still be read.
        for file in files:
            self._storage.delete(file)

    def _using(self, path: str, name: str, mine: Collection[str]) -> list[str]:
        """Who uses a path at this moment: other guests than the named one, stored or running, and disks based on it.

        mine: disks based on it that do not count.
        """
        real = os.path.realpath(path)
        formats: dict[str, str | None] = {}
        guests = []
        for domain in self._connection.listAllDomains(0):
            roots = roots_if_there(domain)
            used = {path: kind for root in roots for path, kind in read.sources(root).items()}
            if domain.name() != name and real in {os.path.realpath(one) for one in used}:
                guests.append(domain.name())
            formats.update({path: kind or formats.get(path) for path, kind in used.items()})
        based = self._storage.bases(formats).get(real, [])
        return guests + [one for one in based if os.path.realpath(one) not in map(os.path.realpath, mine)]

    def grow(self, change: Change) -> None:
        """QEMU makes the file of a running guest larger, and is told of a volume that is."""
        domain = self._connection.lookupByName(change.name)
        root = stored_root(domain)
        for disk in read.disks(root):
            path, kind = read.source(disk) or "", xml.attribute(disk, "driver", "type")
            if edit_devices.disk_name(root, disk) == change.key and (existing.is_device(path) or not domain.isActive()):
                self._storage.files.grow(path, change.after, kind or RAW)
        if domain.isActive():
            LIVE[change.verb, change.field](domain, change)


def _why_not(others: list[str]) -> str:
    return f"it is used by {', '.join(others)}" if others else "this collection did not make it"
