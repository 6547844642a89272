# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the subjects of the contract for the Xen driver share: wishes in Xen's terms, and files that others write."""

from __future__ import annotations

import json
import re
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.xen.definition import Definition
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.xen.disk_spec import parse_disk
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.seed import make_cloud_init
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import (
    Autostart,
    Disk,
    Guest,
    Image,
    Nic,
)
from ansible_collections.hostforge.hypervisor.tests.contract.subject import Edit, Subject
from ansible_collections.hostforge.hypervisor.tests.contract.wishes import MIB

IMAGES = "/var/lib/xen/images"
AUTO = "/etc/xen/auto"
EMULATED = ("firmware", "boot_order", "cdroms", "cdroms.source", "nics.model")
UNSETTABLE = {
    "nics.mac": "a card with another address is another card: 'card exchanged'",
    "disks.vdev": "tried by test_own_xen.py, as no two disks have the same",
    "disks.image": "only looked at when a disk is made",
    "type": "tried by test_own_xen.py, as it goes with other options",
    "config": "tried by test_own_xen.py, as it is told in the words of the wish",
    "bootloader": "tried by test_own_xen.py, as it goes with other options",
}
_TOP = "# at the top\n\nfuture_option = [ 'a',  # of a kind\n 'b' ]; odd=0x1f\n"
_END = "# at the end\n"
_LETTERS = {"c": "disk", "d": "cdrom", "n": "network"}


def whole_and_other(name: str, image: str, **instead: Any) -> tuple[Guest, Guest]:
    """Two wishes for one guest, of which the second differs in all that is made of files, and more."""
    root = Disk("root", 20 * MIB, image=Image(image))
    whole = Guest(
        name,
        description="words",
        memory_mib=64,
        disks=(root, Disk("data", 8 * MIB, format="raw")),
        nics=(Nic(bridge="xenbr0", mac="00:16:3e:00:00:01"),),
        cloud_init=make_cloud_init(name, {"hostname": name}, None, None),
        autostart=Autostart(True, 5, 30),
    )
    other = replace(
        whole,
        description="other words",
        disks=(replace(root, size_bytes=40 * MIB), Disk("logs", 4 * MIB)),
        nics=(Nic(bridge="xenbr1", mac="00:16:3e:00:00:02"),),
        cloud_init=make_cloud_init(name, {"hostname": "another"}, None, None),
        autostart=Autostart(True, 6, 10),
    )
    return replace(whole, **instead), replace(other, **instead)


def on_bridges(guest: Guest) -> Guest:
    """A wish with bridges where it has networks."""
    if guest.nics is None:
        return guest
    return replace(guest, nics=tuple(_on_bridge(nic) for nic in guest.nics))


def _on_bridge(nic: Any) -> Any:
    return nic if nic.network is None else replace(nic, network=None, bridge=nic.network)


def xen_edits(edits: tuple[Edit, ...]) -> tuple[Edit, ...]:
    """The contract's edits in Xen's terms: on bridges, and each disk at a place of its own."""
    found = []
    for edit in edits:
        before, after = (_side(side) for side in (edit.before, edit.after))
        found.append(replace(edit, before=before, after=after))
    return tuple(found)


def _side(side: Mapping[str, Any]) -> dict[str, Any]:
    new = dict(side)
    if new.get("nics") is not None:
        new["nics"] = tuple(replace(_on_bridge(nic), link=None) for nic in new["nics"])
    if new.get("disks") is not None:
        new["disks"] = tuple(replace(disk, bus=None) for disk in new["disks"])
    return new


def paravirtual(guest: Guest) -> Guest:
    """A wish without what only emulated machines have."""
    options = tuple((key, "pv" if key == "type" else value) for key, value in guest.options)
    return replace(guest, firmware=None, boot_order=None, cdroms=None, options=options)


def paravirtual_edits(edits: tuple[Edit, ...]) -> tuple[Edit, ...]:
    """The edits that guests have which are no emulated machines."""
    return tuple(
        replace(edit, after={**edit.after, "options": tuple(dict(edit.after["options"], type="pv").items())})
        if "options" in edit.after
        else edit
        for edit in edits
        if edit.field not in EMULATED
    )


class XenSubject(Subject):
    """A host with files in /etc/xen, looked at past the driver."""

    unsettable = UNSETTABLE

    @abstractmethod
    def text(self, path: str) -> str:
        """What stands in a file."""

    @abstractmethod
    def write(self, path: str, text: str) -> None:
        """Write a file, as somebody else would."""

    @abstractmethod
    def make_disk(self, path: str, kind: str, size_bytes: int) -> None:
        """Make a disk's data, as somebody else would."""

    @abstractmethod
    def capacity(self, path: str) -> int:
        """The capacity of a disk's data in bytes."""

    @abstractmethod
    def stored(self, name: str) -> Mapping[str, Any]:
        """What a guest's file says, in the words of xl list -l."""

    @abstractmethod
    def running(self, name: str) -> Mapping[str, Any]:
        """With what a guest runs, in the words of xl list -l."""

    @abstractmethod
    def xl(self, *words: str) -> None:
        """Use xl, as somebody else would."""

    @abstractmethod
    def links(self) -> Mapping[str, str]:
        """The links in /etc/xen/auto: path to target."""

    def facts(self, name: str, running: bool = False) -> Mapping[str, object]:
        config = self.running(name) if running else self.stored(name)
        built = config["b_info"]
        own = built[f"type.{config['c_info']['type']}"]
        links = [path for path, target in self.links().items() if target == f"/etc/xen/{name}.cfg"]
        order = links[0].rpartition("/")[2].partition("-")[0] if links else ""
        delay = self._notes(name).get("delay")
        found: dict[str, Any] = {
            "uuid": config["c_info"]["uuid"],
            "type": config["c_info"]["type"],
            "vcpus": len(built["avail_vcpus"]),
            "vcpus_max": built["max_vcpus"],
            "memory_mib": built["target_memkb"] // 1024,
            "memory_max_mib": built["max_memkb"] // 1024,
            "kernel": built.get("kernel"),
            "cmdline": built.get("cmdline"),
            "autostart": Autostart(bool(links), int(order) if order.isdigit() else None, delay if links else None),
        }
        if "bios" in own:
            found["firmware"] = {"ovmf": "uefi"}.get(own["bios"], "bios")
            found["boot_order"] = tuple(_LETTERS[letter] for letter in own["boot"] if letter in _LETTERS)
        return found if running else {**found, "disks": self._sizes(name, config)}

    def _sizes(self, name: str, config: Mapping[str, Any]) -> dict[str, int]:
        """What is to grow at the next start is noted, and counts as stored."""
        paths = [one["pdev_path"] for one in config.get("disks", ()) if one["pdev_path"].startswith(IMAGES)]
        grown = {one["path"]: one.get("grow", 0) for one in self._notes(name).get("disks", ())}
        return {path.split(".")[-2]: max(self.capacity(path), grown[path]) for path in paths}

    def _notes(self, name: str) -> dict[str, Any]:
        """What is noted in the comment of a guest's file."""
        notes = re.search(r"^# hostforge: (.*)$", self.text(_cfg(name)), re.MULTILINE)
        return dict(json.loads(notes[1])) if notes else {}

    def add_unknown(self, name: str) -> None:
        text = f"{_TOP}{self.text(_cfg(name))}{_END}"
        text = text.replace("access=rw,", "access=rw,discard,").replace("mac=", "rate=10Mb/s,mac=")
        self.write(_cfg(name), text)

    def unknown(self, name: str) -> Mapping[str, object]:
        text = self.text(_cfg(name))
        found: dict[str, object] = {"": (text.startswith(_TOP) and f"\n{_END}" in text) or None}
        definition = Definition(text)
        for item in definition.items_of("disk"):
            spec = parse_disk(item.text)
            if not spec.read_only:
                found[spec.target] = "discard" in spec.others or None
        for item in definition.items_of("vif"):
            words = item.text.split(",")
            mac = next(word for word in words if word.startswith("mac="))
            found[mac] = "rate=10Mb/s" in words or None
        return found

    def _define(self, name: str, disk: str) -> None:
        self.write(
            _cfg(name),
            f"# by hand\nname='{name}'\nbuilder = \"hvm\"\nmemory = 64\nvif = [ '' ]\n"
            f"uuid = 'aaaaaaaa-2222-3333-4444-555555555555'\ndisk = [ '{disk}' ]\n",
        )

    def add_foreign_guest(self, name: str) -> None:
        path = f"/elsewhere/{name}.img"
        self.make_disk(path, "raw", 48 * MIB)
        self._define(name, f"file:{path},xvda,w")

    def attach_foreign_disk(self, name: str) -> tuple[str, str]:
        path = f"{IMAGES}/theirs.qcow2"
        self.make_disk(path, "qcow2", 24 * MIB)
        definition = Definition(self.text(_cfg(name)))
        definition.add_item("disk", f"{path},qcow2,xvdm,w")
        self.write(_cfg(name), definition.text)
        return "xvdm", path

    def share_disk(self, path: str) -> None:
        self._define("sharer", f"{path},qcow2,xvda,w")


def _cfg(name: str) -> str:
    return f"/etc/xen/{name}.cfg"
