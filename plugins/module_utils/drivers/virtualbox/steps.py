# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The changes of VirtualBox guests, each carried out so that a killed run can be finished by the next."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.virtualbox import (
    define,
    edit,
    ledger,
    media,
    power,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.virtualbox.edit import EDITS
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.virtualbox.look import Look
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.virtualbox.storage import (
    DEFAULT_FORMAT,
    grow_medium,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.virtualbox.words import OFF
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.change import Change
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import HostError, HypervisorError
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.ledger import Entry, Ledger
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.seeds import Seeds
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import CloudInit, Disk, Guest
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.taken import TakenError, refuse_used


class Steps:
    """Changes, each of one guest, on one host. look: sees it anew."""

    def __init__(self, seen: Look, seeds: Seeds, look: Callable[[], Look]) -> None:
        self._api = seen.api
        self._host = seen.host
        self._storage = seen.storage
        self._seeds = seeds
        self._look = look

    def carry_out(self, change: Change) -> None:
        """Carry out one change."""
        special: Mapping[tuple[str, str], Callable[[Change], None]] = {
            ("create", "guest"): self._create,
            ("remove", "guest"): self._remove,
            ("add", "disks"): self._add_disk,
            ("remove", "disks"): self._remove_disk,
            ("delete", "disks"): self._delete_disk,
            ("grow", "disks.size_bytes"): self._grow,
            ("set", "disks.bus"): self._move_disk,
            ("set", "disks.hotplug"): self._set_hotplug,
            ("set", "cloud_init"): self._set_seed,
            ("set", "package"): lambda one: self._note(one.name, Ledger.finished),
            ("delete", "seeds"): self._sweep_seeds,
            ("start", "state"): lambda one: power.start(self._api, self._machine(one.name)),
            ("stop", "state"): self._stop,
            ("restart", "state"): self._restart,
        }
        special.get((change.verb, change.field), self._edit)(change)

    def _machine(self, name: str) -> Any:
        found = self._api.find(name)
        if found is None:
            raise HypervisorError("it is not there any more: somebody has removed or renamed it meanwhile")
        return found

    def _is_running(self, machine: Any) -> bool:
        return power.word(self._api, machine) not in OFF

    def _edit(self, change: Change) -> None:
        with self._api.edited(self._machine(change.name)) as machine:
            EDITS[change.verb, change.field](self._api, machine, change)

    def _create(self, change: Change) -> None:
        """Register the guest without disks, make those, and attach them.

        So its settings never name data that is not there, and its ledger tells from the start what is being made:
        a run that is killed here leaves a guest that lacks disks, which the next run adds.
        """
        want: Guest = change.after
        placed = [self._storage.place(want.name, disk) for disk in want.disks or ()]
        kept = {disk.name for disk in placed if self._storage.files.is_there(disk.path or "")}
        self._refuse_taken(want.name, [disk for disk in placed if disk.pool is None])
        for disk in placed:
            self._storage.files.fetch(disk)
        notes = tuple(_entry(disk, disk.name not in kept) for disk in placed)
        noted = Ledger(disks=notes, unfinished=want.package is not None)
        with self._api.edited(define.register(self._api, self._host, want, noted)) as machine:
            define.furnish(self._api, machine, want)
        self._seeds.make(want.name, want.cloud_init)
        for disk in placed:
            self._make(want.name, disk, disk.name not in kept)
        with self._api.edited(self._machine(want.name)) as machine:
            for disk in placed:
                edit.attach_disk(self._api, machine, disk)
            self._put_seed(machine, want.name, want.cloud_init)
        if want.package is not None:
            self._note(want.name, Ledger.finished)

    def _refuse_taken(self, name: str, given: Sequence[Disk]) -> None:
        """Refuse data of others that somebody has come to use since it was read."""
        if given:
            now = self._look()
            refuse_used(given, lambda path: now.others(path, name))

    def _make(self, name: str, disk: Disk, new: bool) -> None:
        """Make a disk that is noted. Data of others that came there meanwhile is not ours, whatever was noted."""
        try:
            self._storage.files.make(disk, new)
        except TakenError:
            self._note(name, lambda noted: noted.without(disk.path or ""))
            raise
        if disk.pool is not None and new:
            self._note(name, lambda noted: noted.with_disk(Entry(disk.name, disk.path or "", True)))

    def _note(self, name: str, change: Callable[[Ledger], Ledger]) -> None:
        with self._api.edited(self._machine(name)) as machine:
            ledger.write(machine, change(ledger.read(machine)))

    def _add_disk(self, change: Change) -> None:
        disk = self._storage.place(change.name, change.after)
        path = disk.path or ""
        self._refuse_taken(change.name, [disk] if change.after.path else [])
        there = self._storage.files.is_there(path)
        entry = ledger.read(self._machine(change.name)).find(path)
        # Data that is there is not ours, unless a run was killed after it had made it, or it was detached and kept.
        ours = not there or (entry is not None and entry.made)
        if not there:
            self._storage.files.fetch(disk)
        self._note(change.name, lambda noted: noted.with_disk(Entry(disk.name, path, ours, ours and not there)))
        self._make(change.name, disk, not there)
        machine = self._machine(change.name)
        running = self._is_running(machine)
        with self._api.edited(machine) as mutable:
            edit.attach_disk(self._api, mutable, disk, running)

    def _remove_disk(self, change: Change) -> None:
        """With its data: out of a running guest, then the data; out of one that is off, the data goes first.

        So a killed run leaves either the disk, whose data is not there, or data that is noted as ours.
        """
        path = change.before.path or ""
        running = self._is_running(self._machine(change.name))
        if running:
            self._detach(change.name, path)
        if change.delete:
            self._delete_data(change.name, change.before)
        self._detach(change.name, path)
        if change.delete:
            self._note(change.name, lambda noted: noted.without(path))

    def _detach(self, name: str, path: str) -> None:
        machine = self._machine(name)
        slot = self._slot(machine, path)
        if slot is None:
            return
        with self._api.edited(machine) as mutable:
            edit.detach(mutable, slot)
        media.forget(self._api, media.known_disk(self._api, path))

    def _slot(self, machine: Any, path: str) -> media.Slot | None:
        return next((one for one in media.slots_of(self._api, machine) if one.path == path), None)

    def _delete_disk(self, change: Change) -> None:
        self._delete_data(change.name, change.before)
        self._detach(change.name, change.before.path or "")

    def _delete_data(self, name: str, disk: Disk) -> None:
        """Look once more before deleting: somebody else may have come to use the disk since it was read."""
        path, now = disk.path or "", self._look()
        entry = ledger.read(self._machine(name)).find(path)
        users = [*now.others(path, name), *self._storage.based(path)]
        if users:
            raise HypervisorError(f"{path} is not deleted: it is used by {', '.join(users)}")
        if entry is None or not entry.made:
            raise HypervisorError(f"{path} is not deleted: this collection did not make it")
        self._storage.files.delete(path, disk.format or DEFAULT_FORMAT)

    def _grow(self, change: Change) -> None:
        machine = self._machine(change.name)
        noted = ledger.read(machine)
        for slot in media.slots_of(self._api, machine):
            entry = noted.find(slot.path)
            if slot.type == "HardDisk" and change.key == (entry.name if entry else slot.key):
                with self._api.says(f"{slot.path} cannot be grown"):
                    grow_medium(self._api, slot.medium, change.after)
                self._host.sync(slot.path or "")

    def _named(self, machine: Any, name: str) -> media.Slot:
        noted = ledger.read(machine)
        for slot in media.slots_of(self._api, machine):
            entry = noted.find(slot.path)
            if slot.type == "HardDisk" and name == (entry.name if entry else slot.key):
                return slot
        raise HypervisorError(f"disk {name}: it is not there any more")

    def _move_disk(self, change: Change) -> None:
        """Plug a disk in on another bus, in one step of the settings."""
        with self._api.edited(self._machine(change.name)) as machine:
            slot = self._named(machine, change.key)
            edit.detach(machine, slot)
            edit.attach_disk(self._api, machine, Disk(change.key, path=slot.path, bus=change.after))
            edit.keep_traits(machine, slot, self._named(machine, change.key))

    def _set_hotplug(self, change: Change) -> None:
        with self._api.edited(self._machine(change.name)) as machine:
            slot = self._named(machine, change.key)
            machine.setHotPluggableForDevice(slot.controller, slot.port, slot.device, change.after)

    def _set_seed(self, change: Change) -> None:
        self._seeds.make(change.name, change.after)
        with self._api.edited(self._machine(change.name)) as machine:
            self._put_seed(machine, change.name, change.after)
        self._sweep_seeds(change)

    def _put_seed(self, machine: Any, name: str, wanted: CloudInit | None) -> None:
        """Put the seed into the drive that is for it, which is made where there is none."""
        path = self._seeds.path(name, wanted)
        if path is None:
            return
        slots = media.slots_of(self._api, machine)
        mine = [slot for slot in slots if slot.path and self._seeds.digest_of(name, slot.path)]
        if not mine:
            edit.attach_drive(self._api, machine, path)
        elif mine[0].path != path:
            slot = mine[0]
            medium = media.open_dvd(self._api, path)
            machine.mountMedium(slot.controller, slot.port, slot.device, medium, False)

    def _sweep_seeds(self, change: Change) -> None:
        """Delete the guest's seeds but for those that are in use."""
        now = self._look()
        for medium in self._api.list_of(self._api.box, "DVDImages"):
            if self._seeds.digest_of(change.name, medium.location):
                media.forget(self._api, medium)
        self._seeds.sweep(change.name, set(now.users))

    def _stop(self, change: Change) -> None:
        power.stop(self._api, self._machine(change.name), change.timeout_s, change.force)
        self._sweep_seeds(change)

    def _restart(self, change: Change) -> None:
        self._stop(change)
        power.start(self._api, self._machine(change.name))

    def _remove(self, change: Change) -> None:
        """Unregister the guest, which leaves all its disks' files, and delete what VirtualBox has made for it."""
        machine = self._api.find(change.name)
        if machine is None:
            return
        path = str(machine.settingsFilePath)
        paths = [slot.path for slot in media.slots_of(self._api, machine) if slot.path]
        if change.before.autostart is not None and change.before.autostart.enabled:
            with self._api.edited(machine) as mutable:
                mutable.autostartEnabled = False
        self._api.patiently(lambda: machine.unregister(self._api.number("CleanupMode", "UnregisterOnly")))
        self._forget(paths)
        self._seeds.sweep(change.name, keep=())
        if change.delete:
            self._api.wait(machine.deleteConfig([]), "its settings cannot be deleted")
        for file in (path, f"{path}-prev"):
            self._host.remove(file)
        with suppress(HostError):  # what others keep there stays, and so do variables of the firmware
            self._host.run(["rmdir", "--", os.path.dirname(path)])

    def _forget(self, paths: Sequence[str]) -> None:
        known = [*self._api.list_of(self._api.box, "hardDisks"), *self._api.list_of(self._api.box, "DVDImages")]
        for medium in known:
            if medium.location in paths:
                media.forget(self._api, medium)


def _entry(disk: Disk, ours: bool) -> Entry:
    return Entry(disk.name, disk.path or "", ours and disk.pool is not None, ours and disk.pool is not None)
