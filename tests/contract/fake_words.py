# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Between the guest model and the fake hypervisor's own words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import (
    Autostart,
    Cdrom,
    CloudInit,
    Disk,
    Guest,
    Nic,
)

EMPTY: dict[str, Any] = {
    "about": "",
    "cores": 1,
    "cores_limit": 1,
    "ram_kib": 1024,
    "ram_limit_kib": 1024,
    "boot": "bios",
    "verified_boot": False,
    "security_chip": False,
    "sequence": ("disk",),
    "drives": [],
    "trays": [],
    "cards": [],
    "seed": "",
    "tuning": {},
}


def encode(field: str, value: Any) -> dict[str, Any]:
    """A scalar of the model in the hypervisor's words."""
    if field in ("memory_mib", "memory_max_mib"):
        return {WORDS[field]: value * 1024}
    return {WORDS[field]: value.digest if isinstance(value, CloudInit) else value}


WORDS = {
    "description": "about",
    "vcpus": "cores",
    "vcpus_max": "cores_limit",
    "memory_mib": "ram_kib",
    "memory_max_mib": "ram_limit_kib",
    "firmware": "boot",
    "secure_boot": "verified_boot",
    "tpm": "security_chip",
    "boot_order": "sequence",
    "cloud_init": "seed",
}


def encode_nic(nic: Nic, hw: str) -> dict[str, Any]:
    """A network card in the hypervisor's words; hw: its address when the wish has none."""
    on = f"net/{nic.network}" if nic.network is not None else f"bridge/{nic.bridge}"
    address = nic.mac.replace(":", "").upper() if nic.mac else hw
    return {"hw": address, "on": on, "tag": nic.vlan or 0, "kind": nic.model or "virtio", "cable": nic.link != "down"}


def decode_nic(card: Mapping[str, Any]) -> Nic:
    """A network card in the words of the model."""
    place, _slash, name = card["on"].partition("/")
    pairs = zip(card["hw"][::2], card["hw"][1::2], strict=True)
    mac = ":".join(a + b for a, b in pairs).lower()
    where = {"network" if place == "net" else "bridge": name}
    return Nic(mac=mac, vlan=card["tag"], model=card["kind"], link="up" if card["cable"] else "down", **where)


def decode_disk(drive: Mapping[str, Any], file: Mapping[str, Any] | None, size: int | None, owned: bool) -> Disk:
    """A disk in the words of the model."""
    path: str = drive["file"]
    pool = path.split("/")[2] if path.startswith("/pools/") else None
    kind = file["kind"] if file else path.rpartition(".")[2]
    own = tuple(sorted(drive.get("tuning", {}).items()))
    return Disk(drive["id"], size, pool, None, kind, drive["port"], path, owned and file is not None, own)


def decode(
    name: str, definition: Mapping[str, Any], disks: tuple[Disk, ...], machine: Mapping[str, Any], live: Guest | None
) -> Guest:
    """A definition, stored or running, as a guest."""
    rank = machine["rank"]
    return Guest(
        name=name,
        state="stopped" if machine["running"] is None else "running",
        description=definition["about"],
        vcpus=definition["cores"],
        vcpus_max=definition["cores_limit"],
        memory_mib=definition["ram_kib"] // 1024,
        memory_max_mib=definition["ram_limit_kib"] // 1024,
        firmware=definition["boot"],
        secure_boot=definition["verified_boot"],
        tpm=definition["security_chip"],
        boot_order=definition["sequence"],
        disks=disks,
        cdroms=tuple(Cdrom(tray["medium"] or None, tray["slot"]) for tray in definition["trays"]),
        nics=tuple(decode_nic(card) for card in definition["cards"]),
        cloud_init=CloudInit(definition["seed"]) if definition["seed"] else None,
        autostart=Autostart(False) if rank is None else Autostart(True, rank["order"], rank["delay"]),
        options=tuple(sorted(definition["tuning"].items())),
        uuid=machine["id"],
        addresses=("192.0.2.7",) if machine["running"] is not None else (),
        live=live,
    )
