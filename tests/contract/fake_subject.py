# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fake hypervisor as a subject of the contract, in three kinds that differ in what a running guest can get."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.driver import Driver
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Autostart, CloudInit
from ansible_collections.hostforge.hypervisor.tests.contract.fake import FakeDriver
from ansible_collections.hostforge.hypervisor.tests.contract.fake_hypervisor import MIB, FakeHypervisor
from ansible_collections.hostforge.hypervisor.tests.contract.fake_traits import (
    COLD_TRAITS,
    HOT_TRAITS,
    SLOW_TRAITS,
)
from ansible_collections.hostforge.hypervisor.tests.contract.fake_words import EMPTY, WORDS
from ansible_collections.hostforge.hypervisor.tests.contract.subject import (
    FOREIGN,
    IGNORES,
    OBEYS,
    POWER,
    START,
    UNKNOWN,
    Subject,
)
from ansible_collections.hostforge.hypervisor.tests.contract.wishes import Place, base_wish, standard_edits

PLACE = Place(
    networks=("default", "second"),
    media=("/iso/one.iso", "/iso/two.iso"),
    bridge="br0",
    pools=("default", "fast"),
    image="/images/base.qcow2",
    given="/elsewhere/given.qcow2",
    options={"cpu_mode": ("host", "plain"), "type": ("fast", "slow")},
    disk_options={"tier": ("gold", "iron")},
)


class FakeSubject(Subject):
    """A hypervisor that changes much while a guest runs."""

    traits = HOT_TRAITS
    features = frozenset({START, OBEYS, IGNORES, UNKNOWN, FOREIGN, POWER})
    base = base_wish(PLACE, HOT_TRAITS)
    edits = standard_edits(PLACE, HOT_TRAITS)
    image = PLACE.image
    given = PLACE.given
    kind: type[FakeDriver] = FakeDriver

    def __init__(self) -> None:
        self.hypervisor = FakeHypervisor(frozen=not self.traits.stores_pending)
        for path in (*PLACE.media, PLACE.image):
            self.hypervisor.make_file(path, 16 * MIB, "qcow2", None)
        self.hypervisor.make_file(PLACE.given, 24 * MIB, "qcow2", None)

    def make_driver(self) -> Driver:
        return self.kind(self.hypervisor, self.traits)

    def dump(self) -> Mapping[str, object]:
        machines = {f"guest {name}": copy.deepcopy(machine) for name, machine in self.hypervisor.machines.items()}
        return {**machines, **{f"file {path}": dict(file) for path, file in self.hypervisor.files.items()}}

    def has_file(self, path: str) -> bool:
        return path in self.hypervisor.files

    def facts(self, name: str, running: bool = False) -> Mapping[str, object]:
        machine = self.hypervisor.machines[name]
        definition = machine["running" if running else "stored"]
        found: dict[str, Any] = {field: definition[word] for field, word in WORDS.items()}
        for field in ("memory_mib", "memory_max_mib"):
            found[field] //= 1024
        rank = machine["rank"]
        found["autostart"] = Autostart(False) if rank is None else Autostart(True, rank["order"], rank["delay"])
        found["cloud_init"] = CloudInit(definition["seed"])
        found["uuid"] = machine["id"]
        files = self.hypervisor.files
        found["disks"] = {drive["id"]: files[drive["file"]]["bytes"] for drive in definition["drives"]}
        return {**found, **definition["tuning"]}

    def power(self, name: str) -> object:
        machine = self.hypervisor.machines[name]
        return None if machine["running"] is None else machine["boots"]

    def obey(self, name: str, obeys: bool) -> None:
        if name in self.hypervisor.machines:
            self.hypervisor.machines[name]["obeys"] = obeys

    def add_unknown(self, name: str) -> None:
        stored = self.hypervisor.machines[name]["stored"]
        stored["private"] = {"added": ["by", "hand"]}
        for part in (*stored["drives"], *stored["cards"], *stored["trays"]):
            part["private"] = "of this part"

    def unknown(self, name: str) -> Mapping[str, object]:
        stored = self.hypervisor.machines[name]["stored"]
        parts = {drive["id"]: drive for drive in stored["drives"]}
        parts.update({card["hw"]: card for card in stored["cards"]}, **{tray["slot"]: tray for tray in stored["trays"]})
        return {place: part.get("private") for place, part in {"": stored, **parts}.items()}

    def add_foreign_guest(self, name: str) -> None:
        path = f"/elsewhere/{name}.img"
        self.hypervisor.make_file(path, 48 * MIB, "raw", None)
        drive = {"id": "sda", "file": path, "port": "sata"}
        card = {"hw": "525400F0F0F0", "on": "net/default", "tag": 0, "kind": "e1000", "cable": True}
        self.hypervisor.define(name, {**copy.deepcopy(EMPTY), "drives": [drive], "cards": [card], "private": 1})

    def attach_foreign_disk(self, name: str) -> tuple[str, str]:
        path = "/pools/default/theirs.qcow2"
        self.hypervisor.make_file(path, 24 * MIB, "qcow2", None)
        stored = self.hypervisor.machines[name]["stored"]
        stored["drives"].append({"id": "theirs", "file": path, "port": "virtio"})
        return "theirs", path

    def share_disk(self, path: str) -> None:
        drive = {"id": "sda", "file": path, "port": "sata"}
        self.hypervisor.define("sharer", {**copy.deepcopy(EMPTY), "drives": [drive]})

    def lose_file(self, path: str) -> None:
        self.hypervisor.delete_file(path)


class SlowSubject(FakeSubject):
    """A hypervisor that changes nothing of a running guest, but keeps every change for its next boot."""

    traits = SLOW_TRAITS
    base = base_wish(PLACE, SLOW_TRAITS)
    edits = standard_edits(PLACE, SLOW_TRAITS)


class FrozenSubject(FakeSubject):
    """A hypervisor that changes nothing of a running guest, and cannot keep a change for its next boot."""

    traits = COLD_TRAITS
    base = base_wish(PLACE, COLD_TRAITS)
    edits = standard_edits(PLACE, COLD_TRAITS)
