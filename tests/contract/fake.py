# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""FakeDriver: an honest driver of the fake hypervisor, for tests of the core and of the contract itself."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from typing import Any

from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.change import Change
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.driver import Driver
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import HostError, PlanError
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.resource import Wish
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Autostart, Disk, Guest
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.traits import Traits
from ansible_collections.hostforge.hypervisor.tests.contract.fake_hypervisor import FakeHypervisor
from ansible_collections.hostforge.hypervisor.tests.contract.fake_traits import HOT_TRAITS
from ansible_collections.hostforge.hypervisor.tests.contract.fake_words import (
    EMPTY,
    WORDS,
    decode,
    decode_disk,
    decode_nic,
    encode,
    encode_nic,
)


class FakeDriver(Driver):
    """Converts between the model and the fake hypervisor's definitions; edits only what a change names."""

    def __init__(self, hypervisor: FakeHypervisor, traits: Traits = HOT_TRAITS) -> None:
        self.hypervisor = hypervisor
        self.traits = traits

    def read(self, names: Collection[str] | None) -> dict[str, Guest]:
        """Read guests from the hypervisor's dicts."""
        wanted = self.hypervisor.machines if names is None else names
        return {name: self._guest(name) for name in wanted if name in self.hypervisor.machines}

    def _guest(self, name: str) -> Guest:
        machine = self.hypervisor.machines[name]
        running = machine["running"]
        live = None
        if running is not None:
            seen = tuple(self._disk(name, drive, drive["seen"]) for drive in running["drives"])
            live = decode(name, running, seen, machine, None)
        disks = tuple(self._disk(name, drive, None) for drive in machine["stored"]["drives"])
        return decode(name, machine["stored"], disks, machine, live)

    def _disk(self, name: str, drive: dict[str, Any], seen: int | None) -> Disk:
        file = self.hypervisor.files.get(drive["file"])
        size = file["bytes"] if file and seen is None else seen
        return decode_disk(drive, file, size, self._owns(name, drive["file"]))

    def _owns(self, name: str, path: str) -> bool:
        file = self.hypervisor.files.get(path)
        return file is not None and file["whose"] == name and self.hypervisor.users(path) <= {name}

    def check(self, wish: Wish[Guest], changes: Sequence[Change]) -> Iterator[PlanError]:
        """Refuse networks, media and images that are not there, and disks that nothing says how to make."""
        for change in changes:
            if change.verb in ("create", "add", "set"):
                yield from self._check(change)
            if change.verb == "create":
                yield from self._check_uuid(change.after.uuid)

    def _check_uuid(self, uuid: str | None) -> Iterator[PlanError]:
        users = [name for name, one in self.hypervisor.machines.items() if one["id"] == uuid]
        if users:
            yield PlanError(f"uuid {uuid} is {users[0]}'s")

    def _check(self, change: Change) -> Iterator[PlanError]:
        after = change.after
        whole = isinstance(after, Guest)
        nics = after.nics if whole else [after] if change.field == "nics" else []
        places = [f"net/{nic.network}" if nic.network is not None else f"bridge/{nic.bridge}" for nic in nics or ()]
        if change.field == "nics.source":
            places = [f"net/{after[0]}" if after[0] is not None else f"bridge/{after[1]}"]
        unknown = [place for place in places if place not in self.hypervisor.networks]
        if unknown:
            yield PlanError(f"there is no {', '.join(unknown)}")
        for disk in after.disks if whole else [after] if change.field == "disks" else []:
            known = disk.pool is None or disk.pool in self.hypervisor.pools
            if not known:
                yield PlanError(f"there is no pool {disk.pool}")
            if disk.image is not None and disk.image.source not in self.hypervisor.files:
                yield PlanError(f"there is no image {disk.image.source}")
            if known:
                yield from self._check_data(change.name, disk)

    def _check_data(self, name: str, disk: Disk) -> Iterator[PlanError]:
        kept = self.hypervisor.files.get(disk.path or self._path(name, disk))
        if disk.path is not None and kept is None:
            yield PlanError(f"there is no data at {disk.path}")
        if disk.size_bytes is None and disk.image is None and kept is None:
            yield PlanError(f"disk {disk.name} needs a size or an image")
        if kept is not None and disk.path is None and kept["bytes"] > (disk.size_bytes or kept["bytes"]):
            yield PlanError(f"disk {disk.name} is there already, and larger")

    def apply(self, change: Change) -> None:
        """Carry out one change."""
        special = {
            ("create", "guest"): self._create,
            ("remove", "guest"): lambda c: self.hypervisor.forget(c.name),
            ("set", "autostart"): lambda c: self._rank(c.name, c.after),
            ("delete", "disks"): lambda c: self._delete(c.name, c.before.path),
            ("start", "state"): lambda c: self.hypervisor.power_on(c.name),
            ("stop", "state"): self._stop,
            ("restart", "state"): self._restart,
        }
        special.get((change.verb, change.field), self._edit)(change)

    def _create(self, change: Change) -> None:
        want: Guest = change.after
        definition = copy.deepcopy(EMPTY)
        least: dict[str, Any] = {"vcpus_max": want.vcpus, "memory_max_mib": want.memory_mib}
        full = replace(want, **{key: value for key, value in least.items() if getattr(want, key) is None})
        for field in WORDS:
            if getattr(full, field) is not None:
                definition.update(encode(field, getattr(full, field)))
        definition["tuning"] = {key: value for key, value in want.options if value is not None}
        for index, drive in enumerate(want.cdroms or ()):
            definition["trays"].append({"slot": f"cd{index}", "medium": drive.source or ""})
        for nic in want.nics or ():
            taken = {card["hw"] for card in definition["cards"]}
            definition["cards"].append(encode_nic(nic, _address(want.name, taken)))
        for disk in want.disks or ():
            definition["drives"].append(self._drive(want.name, disk))
        self.hypervisor.define(want.name, definition, want.uuid)
        self._rank(want.name, want.autostart)
        for disk in want.disks or ():
            self._make_disk(want.name, disk)

    def _rank(self, name: str, autostart: Autostart | None) -> None:
        rank = {"order": autostart.order, "delay": autostart.delay_s} if autostart and autostart.enabled else None
        self.hypervisor.set_rank(name, rank)

    def _path(self, name: str, disk: Disk) -> str:
        folder = self.hypervisor.pools[disk.pool or "default"]
        return f"{folder}/{name}-{disk.name}.{disk.format or 'qcow2'}"

    def _drive(self, name: str, disk: Disk) -> dict[str, Any]:
        path = disk.path or self._path(name, disk)
        return {"id": disk.name, "file": path, "port": disk.bus or "virtio", "tuning": dict(disk.options)}

    def _make_disk(self, name: str, disk: Disk) -> None:
        path = disk.path or self._path(name, disk)
        if path not in self.hypervisor.files:
            base = disk.image.source if disk.image else None
            size = disk.size_bytes or self.hypervisor.files[base or ""]["bytes"]
            self.hypervisor.make_file(path, size, disk.format or "qcow2", name, base)
        elif self.hypervisor.files[path]["bytes"] < (disk.size_bytes or 0):
            self.hypervisor.resize(path, disk.size_bytes or 0)

    def _delete(self, name: str, path: str) -> None:
        if path in self.hypervisor.files:
            self.hypervisor.delete_file(path)

    def _stop(self, change: Change) -> None:
        if not self.hypervisor.press_button(change.name):
            if not change.force:
                raise HostError(f"it did not shut down within {change.timeout_s} s")
            self.hypervisor.cut_power(change.name)

    def _restart(self, change: Change) -> None:
        self._stop(change)
        self.hypervisor.power_on(change.name)

    def _edit(self, change: Change) -> None:
        """Edit the stored definition and, when the change is hot, the running one."""
        machine = self.hypervisor.machines[change.name]
        if change.verb == "add":
            change = self._named(change, machine)
        if change.verb == "grow":
            disks = self._guest(change.name).disks or ()
            self.hypervisor.resize(next(d.path or "" for d in disks if d.name == change.key), change.after)
        self.hypervisor.define(change.name, self._edited(machine["stored"], change))
        if change.hot:
            self.hypervisor.reshape(change.name, self._edited(machine["running"], change, running=True))
        if change.delete:
            self._delete(change.name, change.before.path)

    def _named(self, change: Change, machine: dict[str, Any]) -> Change:
        """An entry that is to be added, with what makes it the same one in the stored and the running definition."""
        sides = [side for side in (machine["stored"], machine["running"]) if side]
        if change.field == "disks":
            self._make_disk(change.name, change.after)
        elif change.field == "nics" and change.after.mac is None:
            taken = {card["hw"] for side in sides for card in side["cards"]}
            card = encode_nic(change.after, _address(change.name, taken))
            return replace(change, after=decode_nic(card))
        elif change.field == "cdroms" and change.after.drive is None:
            used = {tray["slot"] for side in sides for tray in side["trays"]}
            slot = next(name for name in (f"cd{index}" for index in range(99)) if name not in used)
            return replace(change, after=replace(change.after, drive=slot))
        return change

    def _edited(self, definition: dict[str, Any], change: Change, running: bool = False) -> dict[str, Any]:
        """A copy of a definition with one change made in it; what the change does not name stays."""
        new = copy.deepcopy(definition)
        head = change.field.partition(".")[0]
        if head in WORDS:
            new.update(encode(head, change.after))
        elif head == "disks":
            self._edit_drives(new["drives"], change, running)
        elif head == "cdroms":
            _edit_trays(new["trays"], change)
        elif head == "nics":
            _edit_cards(new["cards"], change)
        else:
            new["tuning"][change.field] = change.after
        return new

    def _edit_drives(self, drives: list[dict[str, Any]], change: Change, running: bool) -> None:
        found = [drive for drive in drives if drive["id"] == change.key]
        if change.verb == "remove":
            drives[:] = [drive for drive in drives if drive["id"] != change.key]
        elif change.verb == "add" and not found:
            drive = self._drive(change.name, change.after)
            drives.append({**drive, "seen": self.hypervisor.files[drive["file"]]["bytes"]} if running else drive)
        elif change.verb == "grow" and running:
            found[0]["seen"] = change.after
        elif change.field == "disks.bus":
            found[0]["port"] = change.after
        elif change.verb == "set":
            found[0].setdefault("tuning", {})[change.field.partition(".")[2]] = change.after


def _edit_trays(trays: list[dict[str, str]], change: Change) -> None:
    if change.verb == "remove":
        trays[:] = [tray for tray in trays if tray["slot"] != change.key]
    elif change.verb == "add":
        slots = {tray["slot"] for tray in trays}
        new = {"slot": change.after.drive, "medium": change.after.source or ""}
        trays += [] if change.after.drive in slots else [new]
    else:
        for tray in trays:
            tray["medium"] = (change.after or "") if tray["slot"] == change.key else tray["medium"]


def _edit_cards(cards: list[dict[str, Any]], change: Change) -> None:
    hw = (change.after.mac if change.verb == "add" else change.key).replace(":", "").upper()
    found = [card for card in cards if card["hw"] == hw]
    if change.verb == "remove":
        cards[:] = [card for card in cards if card["hw"] != hw]
    elif change.verb == "add":
        cards += [] if found else [encode_nic(change.after, hw)]
    elif change.field == "nics.source" and found:
        network, bridge = change.after
        found[0]["on"] = f"net/{network}" if network is not None else f"bridge/{bridge}"
    elif change.field == "nics.link" and found:
        found[0]["cable"] = change.after == "up"
    elif found:
        found[0]["tag" if change.field == "nics.vlan" else "kind"] = change.after


def _address(name: str, taken: Collection[str]) -> str:
    """A card's address that is still free, the same on every try."""
    tries = (hashlib.sha256(f"{name} {number}".encode()).hexdigest()[:6].upper() for number in range(99))
    return next(hw for hw in (f"525400{part}" for part in tries) if hw not in taken)
