# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The VirtualBox driver on the simulator as a subject of the contract, with the power that the real one lacks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.virtualbox.connection import Api
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.virtualbox.driver import VirtualBoxDriver
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.virtualbox.traits import TRAITS
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Autostart
from ansible_collections.hostforge.hypervisor.tests.contract.subject import (
    FOREIGN,
    IGNORES,
    OBEYS,
    POWER,
    START,
    UNKNOWN,
    Subject,
)
from ansible_collections.hostforge.hypervisor.tests.contract.wishes import MIB, Place, base_wish, standard_edits
from ansible_collections.hostforge.hypervisor.tests.unit.virtualbox.simulated_box import (
    SimulatedBox,
    SimulatedHost,
    SimulatedManager,
)
from ansible_collections.hostforge.hypervisor.tests.unit.virtualbox.simulated_machine import ONLINE, Machine
from ansible_collections.hostforge.hypervisor.tests.unit.virtualbox.terms import UNSETTABLE, in_terms, options

DISKS = "/disks"
FOLDERS = {"disk_dir": DISKS, "seed_dir": "/seeds", "image_cache": "/images"}
PLACE = Place(
    networks=("default", "second"),
    media=("/iso/one.iso", "/iso/two.iso"),
    bridge="br0",
    pools=("default", "fast"),
    image="/elsewhere/base.qcow2",
    given="/elsewhere/given.vdi",
    format="vdi",
    buses=("sata", "virtio"),
    options=options(DISKS),
    disk_options={"hotplug": (True, False)},
)


class SimulatedSubject(Subject):
    """VirtualBox in memory."""

    traits = TRAITS
    features = frozenset({START, POWER, OBEYS, IGNORES, UNKNOWN, FOREIGN})
    base = base_wish(PLACE, TRAITS)
    edits = in_terms(standard_edits(PLACE, TRAITS))
    unsettable: ClassVar[Mapping[str, str]] = UNSETTABLE
    image = PLACE.image
    given = PLACE.given
    shutdown_timeout_s = 0

    def __init__(self) -> None:
        self.host = SimulatedHost()
        self.box = SimulatedBox(self.host)
        self.manager = SimulatedManager(self.box)
        for folder in (DISKS, f"{DISKS}/fast", "/elsewhere", "/iso"):
            self.host.folders[folder] = 0o755
        for path in PLACE.media:
            self.host.files[path] = b"not really a medium"
        self.host.make_disk(PLACE.image, "qcow2", 16 * MIB)
        self.host.make_disk(PLACE.given, "vdi", 24 * MIB)

    def make_driver(self) -> VirtualBoxDriver:
        return VirtualBoxDriver(self.host, FOLDERS, lambda: Api(self.manager))

    def machine(self, name: str) -> Machine:
        return self.box.findMachine(name)

    def dump(self) -> Mapping[str, object]:
        found: dict[str, object] = {f"file {path}": content for path, content in self.host.files.items()}
        return {**found, **{f"guest {one.name}": _plain(one) for one in self.box.machines}}

    def has_file(self, path: str) -> bool:
        return path in self.host.files

    def facts(self, name: str, running: bool = False) -> Mapping[str, object]:
        one = self.machine(name)
        return {
            "description": one.description,
            "uuid": one.id,
            "vcpus": one.CPUCount,
            "memory_mib": one.memorySize,
            "ostype": one.OSTypeId,
            "autostart": Autostart(one.autostartEnabled, None, one.autostartDelay or None),
        }

    def power(self, name: str) -> object:
        one = self.machine(name)
        return one.boots if one.state in ONLINE else None

    def obey(self, name: str, obeys: bool) -> None:
        for one in self.box.machines:
            if one.name == name:
                one.__dict__["obeys"] = obeys

    def add_unknown(self, name: str) -> None:
        one = self.machine(name)
        one.extra["VBoxInternal/odd"] = "1"
        for slot in one.mediumAttachments:
            slot.__dict__["nonRotational"] = True
        for card in one.cards:
            card.__dict__["bootPriority"] = 3

    def unknown(self, name: str) -> Mapping[str, object]:
        one = self.machine(name)
        found: dict[str, object] = {"": one.extra.get("VBoxInternal/odd")}
        for slot in one.mediumAttachments:
            if slot.type == 3:
                found[slot.medium.location] = slot.nonRotational or None
        return {**found, **{card.MACAddress: card.bootPriority for card in one.cards if card.enabled}}

    def _register(self, name: str, path: str) -> None:
        one = self.box.createMachine("", name, 1, [], "Other", "")
        one.description = "made by hand"
        one.addStorageController("IDE", 1)
        one.attachDevice("IDE", 0, 0, 3, self.box.openMedium(path, 3, 2, False))
        self.box.registerMachine(one)

    def add_foreign_guest(self, name: str) -> None:
        self.host.make_disk(f"/elsewhere/{name}.vmdk", "vmdk", 48 * MIB)
        self._register(name, f"/elsewhere/{name}.vmdk")

    def attach_foreign_disk(self, name: str) -> tuple[str, str]:
        path = f"{DISKS}/theirs.vdi"
        self.host.make_disk(path, "vdi", 24 * MIB)
        with Api(self.manager).edited(self.machine(name)) as machine:
            machine.attachDevice("SATA", 7, 0, 3, self.box.openMedium(path, 3, 2, False))
        return "SATA-7-0", path

    def share_disk(self, path: str) -> None:
        self._register("sharer", path)

    def lose_file(self, path: str) -> None:
        del self.host.files[path]


def _plain(value: Any, depth: int = 0) -> object:
    """A machine's settings as plain data."""
    if isinstance(value, (list, tuple)):
        return [_plain(one, depth + 1) for one in value]
    if isinstance(value, dict):
        return {key: _plain(one, depth + 1) for key, one in sorted(value.items())}
    inner = getattr(value, "__dict__", None)
    if inner is None:
        return value
    skipped = ("machine", "box", "medium", "sessions")
    plain = {key: _plain(one, depth + 1) for key, one in inner.items() if key not in skipped}
    medium = inner.get("medium")
    return {**plain, "medium": getattr(medium, "location", None)}
