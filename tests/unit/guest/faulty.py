# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Drivers with one fault each, such as real drivers have had, to show that the contract finds it."""

from __future__ import annotations

import copy
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from typing import Any

from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.change import Change
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import PlanError
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.resource import Wish
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Disk, Guest
from ansible_collections.hostforge.hypervisor.tests.contract.fake import FakeDriver
from ansible_collections.hostforge.hypervisor.tests.contract.fake_hypervisor import MIB
from ansible_collections.hostforge.hypervisor.tests.contract.fake_words import EMPTY


class RoundsSizes(FakeDriver):
    """Makes disks as large as the next 4 MiB."""

    def apply(self, change: Change) -> None:
        super().apply(change)
        for file in self.hypervisor.files.values():
            file["bytes"] = -(-file["bytes"] // (4 * MIB)) * 4 * MIB


class RoundsMemory(FakeDriver):
    """Gives memory by 4 MiB, and says what it was asked for."""

    def apply(self, change: Change) -> None:
        super().apply(change)
        stored = self.hypervisor.machines.get(change.name, {}).get("stored", {"ram_kib": 0})
        stored.setdefault("asked_kib", stored["ram_kib"])
        if change.field == "memory_mib":
            stored["asked_kib"] = stored["ram_kib"]
        stored["ram_kib"] = stored["ram_kib"] // 4096 * 4096

    def read(self, names: Collection[str] | None) -> dict[str, Guest]:
        stored = {name: self.hypervisor.machines[name]["stored"] for name in super().read(names)}
        found = super().read(names)
        return {
            name: replace(guest, memory_mib=stored[name].get("asked_kib", guest.memory_mib * 1024) // 1024)
            for name, guest in found.items()
            if guest.memory_mib is not None
        }


class SkipsAChange(FakeDriver):
    """Forgets about autostart."""

    def apply(self, change: Change) -> None:
        if change.field != "autostart":
            super().apply(change)


class SkipsAndLies(FakeDriver):
    """Never sets a description, and remembers what it should be."""

    def apply(self, change: Change) -> None:
        super().apply(change)
        machine = self.hypervisor.machines.get(change.name)
        if machine is not None and change.field in ("description", "guest"):
            about = machine["stored"]["about"]
            for side in (machine["stored"], machine["running"] or {}):
                side["about"] = ""
            machine["said"] = about

    def _guest(self, name: str) -> Guest:
        guest = super()._guest(name)
        said = self.hypervisor.machines[name].get("said", guest.description)
        return replace(guest, description=said, live=guest.live and replace(guest.live, description=said))


class WritesWhenItReads(FakeDriver):
    """Tidies up definitions whenever it reads them."""

    def read(self, names: Collection[str] | None) -> dict[str, Guest]:
        for machine in self.hypervisor.machines.values():
            machine["stored"]["seen_by_us"] = machine["stored"].get("seen_by_us", 0) + 1
        return super().read(names)


class WritesWhenItChecks(FakeDriver):
    """Makes a disk's data already when it looks whether it could."""

    def check(self, wish: Wish[Guest], changes: Sequence[Change]) -> Iterator[PlanError]:
        yield from super().check(wish, changes)
        for change in changes:
            if (change.verb, change.field) == ("add", "disks"):
                self._make_disk(change.name, change.after)


class WritesWhenItPlans(FakeDriver):
    """Stores the wished description while it plans."""

    def plan(self, wish: Wish[Guest], have: Guest | None) -> Iterator[Change]:
        changes = list(super().plan(wish, have))
        for change in changes:
            if change.field == "description":
                self.apply(change)
        yield from changes


class LosesTheUnknown(FakeDriver):
    """Writes definitions anew, with what it knows."""

    def apply(self, change: Change) -> None:
        super().apply(change)
        if change.name in self.hypervisor.machines:
            stored = self.hypervisor.machines[change.name]["stored"]
            self.hypervisor.machines[change.name]["stored"] = {key: stored[key] for key in EMPTY}


class LosesTheUnknownInside(FakeDriver):
    """Writes the parts of definitions anew, with what it knows of them."""

    def _edited(self, definition: dict[str, Any], change: Change, running: bool = False) -> dict[str, Any]:
        new = super()._edited(definition, change, running)
        for part in (*new["drives"], *new["cards"], *new["trays"]):
            part.pop("private", None)
        return new


class OwnsEverything(FakeDriver):
    """Takes every disk for its own."""

    def _owns(self, name: str, path: str) -> bool:
        return path in self.hypervisor.files


class ForgetsToLookForUsers(FakeDriver):
    """Takes a disk for its own though another guest uses it."""

    def _owns(self, name: str, path: str) -> bool:
        return path in self.hypervisor.files and self.hypervisor.files[path]["whose"] == name


class DeletesWhatItDetaches(FakeDriver):
    """Deletes data that nobody said to delete."""

    def apply(self, change: Change) -> None:
        super().apply(change)
        if change.verb == "remove" and isinstance(change.before, Disk):
            self._delete(change.name, change.before.path or "")


class DeletesMedia(FakeDriver):
    """Deletes the media of a guest with its disks."""

    def apply(self, change: Change) -> None:
        if change.verb == "remove" and change.field == "guest" and change.delete:
            for drive in change.before.cdroms or ():
                self._delete(change.name, drive.source or "")
        super().apply(change)


class TakesLiveForStored(FakeDriver):
    """Reads what runs, and takes it for what is stored."""

    def _guest(self, name: str) -> Guest:
        guest = super()._guest(name)
        return guest if guest.live is None else replace(guest.live, live=guest.live)


class TakesStoredForLive(FakeDriver):
    """Reads what is stored, and takes it for what runs."""

    def _guest(self, name: str) -> Guest:
        guest = super()._guest(name)
        return guest if guest.live is None else replace(guest, live=replace(guest, live=None))


class ChangesOnlyTheStored(FakeDriver):
    """Leaves a running guest as it is, though the change is hot."""

    def apply(self, change: Change) -> None:
        super().apply(replace(change, hot=False))


class ChangesOnlyTheRunning(FakeDriver):
    """Forgets to store what it changes at once."""

    def apply(self, change: Change) -> None:
        machine = self.hypervisor.machines.get(change.name)
        stored = copy.deepcopy(machine["stored"]) if machine else None
        super().apply(change)
        if machine and change.hot and change.verb == "set":
            machine["stored"] = stored


class RestartsUnasked(FakeDriver):
    """Restarts a running guest so that a change takes effect."""

    def apply(self, change: Change) -> None:
        super().apply(change)
        machine = self.hypervisor.machines.get(change.name)
        if machine and machine["running"] is not None and change.verb == "set" and not change.hot:
            self.hypervisor.cut_power(change.name)
            self.hypervisor.power_on(change.name)


class CutsPowerUnasked(FakeDriver):
    """Does not take no for an answer."""

    def _stop(self, change: Change) -> None:
        self.hypervisor.cut_power(change.name)


class MakesUpNewAddresses(FakeDriver):
    """Gives cards a new address with every edit."""

    def _edited(self, definition: dict[str, Any], change: Change, running: bool = False) -> dict[str, Any]:
        new = super()._edited(definition, change, running)
        for index, card in enumerate(new["cards"]):
            card["hw"] = f"5254{index:02}{self.hypervisor.writes:06}"
        return new


class ReadsTooMuch(FakeDriver):
    """Gives more than it was asked for."""

    def read(self, names: Collection[str] | None) -> dict[str, Guest]:
        return super().read(None)


class TrimsText(FakeDriver):
    """Stores a text's first line."""

    def _edited(self, definition: dict[str, Any], change: Change, running: bool = False) -> dict[str, Any]:
        new = super()._edited(definition, change, running)
        return {**new, "about": new["about"].partition("\n")[0]}


class MakesUpUuids(FakeDriver):
    """Gives a new guest a uuid of its own choosing."""

    def _create(self, change: Change) -> None:
        super()._create(replace(change, after=replace(change.after, uuid=None)))


class LeavesDataOfAbsentGuests(FakeDriver):
    """Keeps what it was told to delete."""

    def _delete(self, name: str, path: str) -> None:
        pass
