# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One look at a host: its machines, also those that VirtualBox cannot read, and who has which data."""

from __future__ import annotations

import os
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.virtualbox import read
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.virtualbox.connection import Api
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.virtualbox.media import Slot, slots_of
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.virtualbox.storage import Storage
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.virtualbox.words import BUSY_OFF, SAVED
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.host import Host
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.ledger import Ledger
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.seeds import Seeds
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Guest


@dataclass(frozen=True)
class Broken:
    """A machine that is registered and that VirtualBox cannot read: its settings file, and why."""

    path: str
    error: str

    @property
    def name(self) -> str:
        """What its file is called, which is the guest's name."""
        return os.path.basename(self.path).rpartition(".")[0]


@dataclass
class Look:
    """What was seen. machines, slots: by name. users: data, without links, and the guests that have it.

    uuids: of machines, also broken ones, and what they are called.
    """

    api: Api
    host: Host
    storage: Storage
    seeds: Seeds
    machines: dict[str, Any] = field(default_factory=dict)
    slots: dict[str, list[Slot]] = field(default_factory=dict)
    broken: dict[str, Broken] = field(default_factory=dict)
    users: dict[str, set[str]] = field(default_factory=dict)
    uuids: dict[str, str] = field(default_factory=dict)

    def look(self) -> None:
        """Look at all of it."""
        for machine in self.api.machines():
            # Somebody may remove it just now.
            with suppress(self.api.errors):
                self._look_at(machine)

    def _look_at(self, machine: Any) -> None:
        uuid = str(machine.id).lower()
        if not machine.accessible:
            error = machine.accessError
            found = Broken(str(machine.settingsFilePath), str(error.text if error else ""))
            self.broken[found.name], self.uuids[uuid] = found, found.name
            return
        name, slots = str(machine.name), slots_of(self.api, machine)
        self.machines[name], self.slots[name], self.uuids[uuid] = machine, slots, name
        for slot in slots:
            for path in {slot.path, slot.top} - {None}:
                self.users.setdefault(real(path or ""), set()).add(name)

    def others(self, path: str, name: str) -> list[str]:
        """The other guests that have data, in a snapshot, too."""
        found = set(self.users.get(real(path), set()))
        for slot in (slot for slots in self.slots.values() for slot in slots):
            if slot.path and real(slot.path) == real(path):
                uuids = (str(uuid).lower() for uuid in self.api.list_of(slot.medium.base, "machineIds"))
                found.update(self.uuids.get(uuid, uuid) for uuid in uuids)
        return sorted(found - {name})

    def slot(self, guest: str, path: str | None) -> Slot | None:
        """The slot of a guest that data is in."""
        return next((one for one in self.slots.get(guest, []) if path and one.path == path), None)

    def guests(self, names: Collection[str] | None) -> dict[str, Guest]:
        """The guests of these names, None for all."""
        return {name: self.guest(name) for name in self.machines if names is None or name in names}

    def guest(self, name: str) -> Guest:
        """A guest that is there."""
        around = read.Around(
            is_there=lambda path: self.host.info(path) is not None,
            pool=self.storage.pool_of,
            owns=lambda slot, noted: self._owns(name, slot, noted),
            seed=self.seeds.digest_of,
        )
        return read.guest_of(self.api, self.machines[name], self.slots[name], around)

    def _owns(self, name: str, slot: Slot, noted: Ledger) -> bool:
        """Whether the data in a slot is this guest's and nobody else's. What snapshots stand on is theirs, too."""
        entry = noted.find(slot.path)
        if entry is None or not entry.made or slot.layered or self.others(slot.path or "", name):
            return False
        return not self.api.list_of(slot.medium, "children")

    def state(self, name: str) -> str:
        """The state of a machine in VirtualBox's word."""
        return self.api.word("MachineState", self.machines[name].state)

    def is_saved(self, name: str) -> bool:
        """Whether a guest's memory is saved."""
        return name in self.machines and self.state(name) in SAVED

    def is_busy(self, name: str) -> bool:
        """Whether a guest is off and something is being done to it."""
        return name in self.machines and self.state(name) in BUSY_OFF

    def snapshots(self, name: str) -> int:
        """How many snapshots a guest has."""
        return int(self.machines[name].snapshotCount) if name in self.machines else 0


def real(path: str) -> str:
    """A path without links."""
    return os.path.realpath(path)
