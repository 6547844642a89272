# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A hypervisor in memory: plain dicts in words of its own, with the rules that a real one would enforce."""

from __future__ import annotations

import copy
import uuid
from typing import Any

from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import HostError

MIB = 1024**2
# What a running machine of this hypervisor never gets at once, whatever a driver believes.
COLD = ("boot", "verified_boot", "security_chip", "sequence", "cores_limit", "ram_limit_kib", "seed", "tuning")
HOT_PORTS = ("virtio", "scsi")


class FakeHypervisor:
    """All that this hypervisor holds.

    machines: name to its stored and running definition and its state; see define() for a definition.
    files: path to a disk's data: bytes, kind, base (another file that it stands on) and whose it is.
    frozen: a running machine's definition cannot be touched at all.
    """

    def __init__(self, frozen: bool = False) -> None:
        self.frozen = frozen
        self.machines: dict[str, dict[str, Any]] = {}
        self.files: dict[str, dict[str, Any]] = {}
        self.networks = {"net/default", "net/second", "bridge/br0"}
        self.pools = {"default": "/pools/default", "fast": "/pools/fast"}
        self.writes = 0

    def define(self, name: str, definition: dict[str, Any], ident: str | None = None) -> None:
        """Store a definition: about, cores, ram_kib, boot, drives, trays, cards, seed, tuning… and anything else.

        ident: of a new machine, made up where it is not given; one that another has makes that machine this one.
        """
        self._refuse_nonsense(definition)
        new: dict[str, Any] = {
            "id": ident or str(uuid.uuid4()),
            "stored": {},
            "running": None,
            "boots": 0,
            "obeys": True,
            "rank": None,
        }
        for other in [key for key, machine in self.machines.items() if machine["id"] == ident and key != name]:
            self.machines[name] = self.machines.pop(other)
        machine = self.machines.setdefault(name, new)
        if self.frozen and machine["running"] is not None:
            raise HostError(f"{name} runs and cannot be redefined")
        machine["stored"] = copy.deepcopy(definition)
        self.writes += 1

    def reshape(self, name: str, definition: dict[str, Any]) -> None:
        """Change a running machine at once, as far as its hardware allows."""
        self._refuse_nonsense(definition)
        old = self.machines[name]["running"]
        if self.frozen or old is None:
            raise HostError(f"{name} cannot be changed at once")
        if any(old.get(key) != definition.get(key) for key in COLD) or len(old["trays"]) != len(definition["trays"]):
            raise HostError(f"{name} cannot get that while it runs")
        moved = [drive for drive in [*old["drives"], *definition["drives"]] if self._moved(drive, old, definition)]
        if definition["cores"] < old["cores"] or any(drive["port"] not in HOT_PORTS for drive in moved):
            raise HostError(f"{name} cannot lose that while it runs")
        kinds = {card["hw"]: card["kind"] for card in old["cards"]}
        if any(kinds.get(card["hw"], card["kind"]) != card["kind"] for card in definition["cards"]):
            raise HostError(f"{name} cannot swap a card's kind while it runs")
        self.machines[name]["running"] = copy.deepcopy(definition)
        self.writes += 1

    @staticmethod
    def _moved(drive: dict[str, Any], old: dict[str, Any], new: dict[str, Any]) -> bool:
        """Whether a drive is plugged or unplugged; one that has only grown is not."""
        sides = [[(one["id"], one["file"], one["port"]) for one in side["drives"]] for side in (old, new)]
        return not all((drive["id"], drive["file"], drive["port"]) in side for side in sides)

    def _refuse_nonsense(self, definition: dict[str, Any]) -> None:
        cards = definition["cards"]
        wrong = {
            "cores": not 0 < definition["cores"] <= definition["cores_limit"],
            "memory": not 0 < definition["ram_kib"] <= definition["ram_limit_kib"],
            "network": any(card["on"] not in self.networks for card in cards),
            "twice the same card": len({card["hw"] for card in cards}) < len(cards),
            "verified boot": bool(definition["verified_boot"]) and definition["boot"] != "uefi",
        }
        if any(wrong.values()):
            raise HostError(f"that makes no sense: {', '.join(key for key, bad in wrong.items() if bad)}")

    def set_rank(self, name: str, rank: dict[str, Any] | None) -> None:
        """Whether and when a machine starts with the host; None: not at all."""
        self.machines[name]["rank"] = rank
        self.writes += 1

    def power_on(self, name: str) -> None:
        """Run what is stored."""
        machine = self.machines[name]
        if machine["running"] is None:
            for drive in machine["stored"]["drives"]:
                if drive["file"] not in self.files:
                    raise HostError(f"{name}: {drive['file']} is not there")
                drive["seen"] = self.files[drive["file"]]["bytes"]
            machine.update(running=copy.deepcopy(machine["stored"]), boots=machine["boots"] + 1)
            self.writes += 1

    def press_button(self, name: str) -> bool:
        """Ask a machine to shut down; say whether it did."""
        self.writes += 1
        return bool(self.machines[name]["obeys"]) and self.cut_power(name)

    def cut_power(self, name: str) -> bool:
        """Stop a machine the hard way."""
        self.machines[name]["running"] = None
        self.writes += 1
        return True

    def forget(self, name: str) -> None:
        """Drop a definition; files stay."""
        if self.machines.get(name, {}).get("running") is not None:
            raise HostError(f"{name} runs")
        self.machines.pop(name, None)
        self.writes += 1

    def make_file(self, path: str, size: int, kind: str, whose: str | None, base: str | None = None) -> None:
        """Make a disk's data."""
        if path in self.files:
            raise HostError(f"{path} is there already")
        if base is not None and base not in self.files:
            raise HostError(f"{base} is not there")
        self.files[path] = {"bytes": size, "kind": kind, "base": base, "whose": whose}
        self.writes += 1

    def resize(self, path: str, size: int) -> None:
        """Give a disk's data another size; a running machine sees it only when told."""
        self.files[path]["bytes"] = size
        self.writes += 1

    def delete_file(self, path: str) -> None:
        """Delete a disk's data; it asks no questions, as a file system would not."""
        del self.files[path]
        self.writes += 1

    def users(self, path: str) -> set[str]:
        """The machines, running or not, and the files that use a file."""
        found = {other for other, file in self.files.items() if file["base"] == path}
        for name, machine in self.machines.items():
            sides = [side for side in (machine["stored"], machine["running"]) if side]
            used = [drive["file"] for side in sides for drive in side["drives"]]
            used += [tray["medium"] for side in sides for tray in side["trays"]]
            found |= {name} if path in used else set()
        return found
