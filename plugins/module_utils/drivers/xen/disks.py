# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The data of a guest's disks and what is noted of it, each step so that a killed run can be finished by the next."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.xen import devices, edit, ledger, store
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.xen.definition import Definition
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.xen.now import Moment
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.xen.read import type_of
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.xen.storage import Storage
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import HypervisorError
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.host import Host
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.image_files import RAW
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.ledger import Entry
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Disk
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.taken import TakenError


class Disks:
    """The disks of guests on one host. path: where a guest's definition is."""

    def __init__(self, host: Host, storage: Storage, path: Callable[[str], str]) -> None:
        self._host = host
        self._storage = storage
        self._path = path

    def placed(self, guest: str, wished: Sequence[Disk], kind: str, taken: Collection[str] = ()) -> list[Disk]:
        """Disks with their data's places and their devices. taken: devices that the guest has."""
        found: list[Disk] = []
        names = [*taken, *(disk.option("vdev") for disk in wished if disk.option("vdev"))]
        for disk in wished:
            vdev = disk.option("vdev") or devices.free_disk(names, kind)
            names.append(vdev)
            options = tuple(sorted({**dict(disk.options), "vdev": vdev}.items()))
            found.append(replace(self._storage.place(guest, disk), options=options))
        return found

    def add(self, guest: str, wished: Disk, running: Collection[str]) -> Disk:
        """Make or take a disk's data, noting it first. running: devices that the running guest has."""
        definition = self._load(guest)
        known = devices.find_disk(definition, wished.path)
        if known is not None:
            return replace(wished, options=(("vdev", known[1].vdev),))
        taken = [*running, *(spec.vdev for _item, spec in devices.disks(definition))]
        if wished.path and wished.option("vdev") in running and wished.pool is not None:
            taken = [
                name for name in taken if name != wished.option("vdev")
            ]  # it runs with it, and is only to be stored
        (disk,) = self.placed(guest, [wished], type_of(definition), taken)
        noted = ledger.read(definition)
        entry = noted.find(disk.path)
        there = self._storage.files.is_there(disk.path or "")
        # Data that is there is not ours, unless a run was killed after it had made it, or it was detached and kept.
        ours = not there or (entry is not None and entry.made)
        ledger.write(definition, noted.with_disk(Entry(disk.name, disk.path or "", ours, ours and not there)))
        if not there:
            self._storage.files.fetch(disk)
        self._save(guest, definition)
        self.make(guest, disk, new=not there)
        return disk

    def make(self, guest: str, disk: Disk, new: bool) -> None:
        """Make a disk that is noted. Data of others that came there meanwhile is not ours, whatever was noted."""
        try:
            self._storage.files.make(disk, new)
        except TakenError:
            definition = self._load(guest)
            ledger.write(definition, ledger.read(definition).without(disk.path or ""))
            self._save(guest, definition)
            raise

    @staticmethod
    def name_all(definition: Definition, made: Sequence[Disk]) -> None:
        """Name disks in a definition whose data is there."""
        for disk in made:
            edit.add_disk(definition, disk)

    def delete(self, guest: str, disk: Disk, moment: Moment) -> None:
        """Delete a disk's data, if it is ours and nobody else's, by a look at this moment."""
        now = moment.seen
        path = disk.path or ""
        entry = ledger.read(self._load(guest)).find(path)
        others = now.others(path, guest)
        based = moment.based_on(path)
        if entry is None or not entry.made or others or based:
            users = ", ".join([*others, *based])
            raise HypervisorError(
                f"{path} is not deleted: {f'it is used by {users}' if users else 'this collection did not make it'}"
            )
        if guest in now.running_users(path):
            raise HypervisorError(f"{path} is not deleted: the guest is running on it")
        self._storage.delete(path, disk.format or RAW)

    def grow(self, guest: str, name: str, size_bytes: int, running: bool) -> None:
        """Make a disk larger, or note that it is to be when the guest starts: it is not done under a running one."""
        definition = self._load(guest)
        noted = ledger.read(definition)
        for _item, spec in devices.disks(definition):
            entry = noted.find(spec.path)
            if spec.cdrom or name != (entry.name if entry else spec.vdev):
                continue
            if running:
                entry = entry or Entry(spec.vdev, spec.path, made=False)
                ledger.write(definition, noted.with_disk(replace(entry, grow=size_bytes)))
                self._save(guest, definition)
            else:
                self._storage.grow(spec.path, size_bytes, spec.format)

    def grow_noted(self, guest: str) -> None:
        """Make the disks larger that are to be when the guest starts. What is done is struck out after that."""
        definition = self._load(guest)
        noted = ledger.read(definition)
        for entry in noted.disks:
            found = devices.find_disk(definition, entry.path)
            if entry.grow and found is not None:
                self._storage.grow(entry.path, entry.grow, found[1].format)
                noted = noted.with_disk(replace(entry, grow=0))
        ledger.write(definition, noted)
        self._save(guest, definition)

    def _load(self, guest: str) -> Definition:
        return store.load(self._host, self._path(guest), guest)

    def _save(self, guest: str, definition: Definition) -> None:
        store.save(self._host, self._path(guest), definition)
