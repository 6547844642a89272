# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Xen driver on the simulator as a subject of the contract: emulated machines, and guests of type pv."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.xen.definition import Definition
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.xen.disk_spec import parse_disk
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.xen.driver import XenDriver
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.xen.traits import TRAITS
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Autostart, Guest
from ansible_collections.hostforge.hypervisor.tests.contract.subject import (
    FOREIGN,
    IGNORES,
    OBEYS,
    POWER,
    START,
    UNKNOWN,
    Edit,
    Subject,
)
from ansible_collections.hostforge.hypervisor.tests.contract.wishes import MIB, Place, base_wish, standard_edits
from ansible_collections.hostforge.hypervisor.tests.unit.xen.simulated_host import SWITCH, SimulatedXenHost
from ansible_collections.hostforge.hypervisor.tests.unit.xen.simulated_xl import to_config

IMAGES = "/var/lib/xen/images"
PLACE = Place(
    networks=("xenbr0", "xenbr1"),
    media=("/iso/one.iso", "/iso/two.iso"),
    bridge=SWITCH,
    pools=("default", "fast"),
    image="/elsewhere/base.qcow2",
    given="/elsewhere/given.qcow2",
    models=("netfront", "e1000"),
    options={
        "type": ("hvm", "hvm"),
        "cmdline": ("quiet", "loud 'and' \"more\""),
        "kernel": ("/boot/one", "/boot/two"),
        "ramdisk": ("/boot/first", "/boot/second"),
        "on_crash": ("destroy", "preserve"),
        "on_reboot": ("restart", "destroy"),
        "on_poweroff": ("destroy", "preserve"),
    },
)
NO_NETWORKS = "there are no networks on Xen"


def on_bridges(guest: Guest) -> Guest:
    """A wish with bridges where it has networks."""
    if guest.nics is None:
        return guest
    return replace(guest, nics=tuple(_on_bridge(nic) for nic in guest.nics))


def _on_bridge(nic: Any) -> Any:
    return nic if nic.network is None else replace(nic, network=None, bridge=nic.network)


def xen_edits(edits: tuple[Edit, ...]) -> tuple[Edit, ...]:
    """The contract's edits in Xen's terms: on bridges, without delays, and each disk at a place of its own."""
    found = []
    for edit in edits:
        before, after = (_side(side) for side in (edit.before, edit.after))
        found.append(replace(edit, before=before, after=after))
    return tuple(found)


def _side(side: Mapping[str, Any]) -> dict[str, Any]:
    new = dict(side)
    if new.get("nics") is not None:
        new["nics"] = tuple(replace(_on_bridge(nic), link=None) for nic in new["nics"])
    if new.get("autostart") == Autostart(True, 7, 30):
        new["autostart"] = Autostart(True, 7)
    if new.get("disks") is not None:
        new["disks"] = tuple(replace(disk, bus=None) for disk in new["disks"])
    return new


class SimulatedSubject(Subject):
    """Emulated machines, which have all that there is."""

    traits = TRAITS
    features = frozenset({START, OBEYS, IGNORES, UNKNOWN, FOREIGN, POWER})
    base = on_bridges(base_wish(PLACE, TRAITS))
    edits = tuple(edit for edit in xen_edits(standard_edits(PLACE, TRAITS)) if edit.field != "type")
    unsettable: ClassVar[Mapping[str, str]] = {
        "nics.mac": "a card with another address is another card: 'card exchanged'",
        "disks.vdev": "tried by test_options.py, as no two disks have the same",
        "disks.image": "only looked at when a disk is made",
        "type": "tried by test_options.py, as it goes with other options",
        "config": "tried by test_options.py, as it is told in the words of the wish",
        "bootloader": "tried by test_options.py, as an emulated machine has none",
    }
    image = PLACE.image
    given = PLACE.given
    shutdown_timeout_s = 0
    host_kind: ClassVar[type[SimulatedXenHost]] = SimulatedXenHost

    def __init__(self) -> None:
        self.host = self.host_kind()
        for path in (*PLACE.media, "/boot/one", "/boot/two", "/boot/first", "/boot/second"):
            self.host.files[path] = b"not really one"
        self.host.make_disk(PLACE.image, "qcow2", 16 * MIB)
        self.host.make_disk(PLACE.given, "qcow2", 24 * MIB)

    def make_driver(self) -> XenDriver:
        return XenDriver(self.host, IMAGES, "/var/lib/hostforge/seeds", "/var/lib/hostforge/images")

    def dump(self) -> Mapping[str, object]:
        found: dict[str, object] = {f"file {path}": content for path, content in self.host.files.items()}
        found |= {f"size {path}": size for path, size in self.host.sparse.items()}
        found |= {f"link {path}": target for path, target in self.host.links.items()}
        return {**found, **{f"guest {one.name}": copy.deepcopy(one) for one in self.host.xl.domains}}

    def has_file(self, path: str) -> bool:
        return path in self.host.files

    def _text(self, name: str) -> str:
        return self.host.files[f"/etc/xen/{name}.cfg"].decode()

    def facts(self, name: str, running: bool = False) -> Mapping[str, object]:
        """What the file, or xl, says, in the words of to_config."""
        domain = self.host.xl.find(name)
        config = to_config(Definition(self._text(name)))
        if running:
            assert domain is not None
            assert domain.config is not None
            config = domain.config
        built = config["b_info"]
        own = built[f"type.{config['c_info']['type']}"]
        links = [path for path, target in self.host.links.items() if target == f"/etc/xen/{name}.cfg"]
        order = links[0].rpartition("/")[2].partition("-")[0] if links else ""
        found: dict[str, Any] = {
            "uuid": config["c_info"]["uuid"],
            "type": config["c_info"]["type"],
            "vcpus": len(built["avail_vcpus"]),
            "vcpus_max": built["max_vcpus"],
            "memory_mib": built["target_memkb"] // 1024,
            "memory_max_mib": built["max_memkb"] // 1024,
            "kernel": built.get("kernel"),
            "cmdline": built.get("cmdline"),
            "autostart": Autostart(bool(links), int(order) if order.isdigit() else None),
        }
        if "bios" in own:
            found["firmware"] = {"ovmf": "uefi"}.get(own["bios"], "bios")
            words = {"c": "disk", "d": "cdrom", "n": "network"}
            found["boot_order"] = tuple(words[letter] for letter in own["boot"] if letter in words)
        if running:
            return found
        paths = [one["pdev_path"] for one in config["disks"] if one["pdev_path"].startswith(IMAGES)]
        sizes = {path: int(str(self.host.disk_info(path)["virtual-size"])) for path in paths}
        # What is to grow at the next start is noted, and counts as stored.
        notes = re.search(r"^# hostforge: (.*)$", self._text(name), re.MULTILINE)
        grown = {one["path"]: one.get("grow", 0) for one in json.loads(notes[1]).get("disks", ())} if notes else {}
        return {**found, "disks": {path.split(".")[-2]: max(size, grown[path]) for path, size in sizes.items()}}

    def power(self, name: str) -> object:
        found = self.host.xl.find(name)
        return None if found is None else found.number

    def obey(self, name: str, obeys: bool) -> None:
        self.host.xl.stubborn.discard(name)
        if not obeys:
            self.host.xl.stubborn.add(name)

    def add_unknown(self, name: str) -> None:
        text = self._text(name)
        text = f"# at the top\n\nfuture_option = [ 'a',  # of a kind\n 'b' ]; odd=0x1f\n{text}# at the end\n"
        text = text.replace("access=rw,", "access=rw,discard,").replace("mac=", "rate=10Mb/s,mac=")
        self.host.files[f"/etc/xen/{name}.cfg"] = text.encode()

    def unknown(self, name: str) -> Mapping[str, object]:
        text = self._text(name)
        head = text.startswith("# at the top\n\nfuture_option = [ 'a',  # of a kind\n 'b' ]; odd=0x1f\n")
        found: dict[str, object] = {"": (head and "\n# at the end\n" in text) or None}
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
        self.host.files[f"/etc/xen/{name}.cfg"] = (
            f"# by hand\nname='{name}'\nbuilder = \"hvm\"\nmemory = 64\nvif = [ '' ]\n"
            f"uuid = 'aaaaaaaa-2222-3333-4444-555555555555'\ndisk = [ '{disk}' ]\n"
        ).encode()

    def add_foreign_guest(self, name: str) -> None:
        path = f"/elsewhere/{name}.img"
        self.host.make_disk(path, "raw", 48 * MIB)
        self._define(name, f"file:{path},xvda,w")

    def attach_foreign_disk(self, name: str) -> tuple[str, str]:
        path = f"{IMAGES}/theirs.qcow2"
        self.host.make_disk(path, "qcow2", 24 * MIB)
        definition = Definition(self._text(name))
        definition.add_item("disk", f"{path},qcow2,xvdm,w")
        self.host.files[f"/etc/xen/{name}.cfg"] = definition.text.encode()
        return "xvdm", path

    def share_disk(self, path: str) -> None:
        self._define("sharer", f"{path},qcow2,xvda,w")

    def lose_file(self, path: str) -> None:
        del self.host.files[path]


class ParavirtualSubject(SimulatedSubject):
    """Guests of type pv, which have no firmware and no cdrom drives."""

    _BASE = SimulatedSubject.base
    base = replace(
        _BASE,
        firmware=None,
        boot_order=None,
        cdroms=None,
        options=tuple((key, "pv" if key == "type" else value) for key, value in _BASE.options),
    )
    _EMULATED = ("firmware", "boot_order", "cdroms", "cdroms.source", "nics.model")
    edits = tuple(
        replace(edit, after={**edit.after, "options": tuple(dict(edit.after["options"], type="pv").items())})
        if "options" in edit.after
        else edit
        for edit in SimulatedSubject.edits
        if edit.field not in ("firmware", "boot_order", "cdroms", "cdroms.source", "nics.model")
    )
    unsettable: ClassVar[Mapping[str, str]] = {
        **SimulatedSubject.unsettable,
        **dict.fromkeys(_EMULATED, "only emulated machines have one"),
    }
