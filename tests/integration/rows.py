# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One row for each field of the KVM driver's traits: what is written before and after, and where a definition shows it.

test_rows.py proves with them what the traits say. A field without a row there fails the tests.
"""

from __future__ import annotations

import os
import xml.etree.ElementTree as ET
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.seed import make_cloud_init
from ansible_collections.hostforge.hypervisor.tests.integration.daemon import BRIDGE
from ansible_collections.hostforge.hypervisor.tests.integration.kvm_subject import GIVEN, MEDIA, virtual_size
from ansible_collections.hostforge.hypervisor.tests.integration.runs import paths, virsh

MIB = 1024**2
MAC = "52:54:00:0a:0b:0c"
NAME = "row1"
BASE: dict[str, Any] = {"name": NAME, "memory": "128 MiB"}
Probe = Callable[[ET.Element], object]


@dataclass(frozen=True)
class Row:
    """A field's change.

    before, after: options of kvm_guest, beside those of BASE. probe: what a definition (stored or running) shows of
    the field, looked at past the driver. shows: what it is before and after. system: only a guest with a system inside
    takes it while it runs. cold: why a guest cannot run with it on the test host; then only the stored side is proven.
    """

    before: Mapping[str, Any]
    after: Mapping[str, Any]
    probe: Probe
    shows: tuple[object, object]
    system: bool = False
    cold: str = ""


def attribute(path: str, name: str) -> Probe:
    """An attribute of the element at path; None when either is missing."""

    def probe(root: ET.Element) -> object:
        found = root.find(path)
        return None if found is None else found.get(name)

    return probe


def text(path: str) -> Probe:
    """The text of the element at path; "" when it is missing."""
    return lambda root: root.findtext(path, "")


def all_of(path: str, name: str) -> Probe:
    """An attribute of every element at path."""
    return lambda root: [one.get(name) for one in root.findall(path)]


def disk(**options: Any) -> dict[str, Any]:
    """A guest with one disk."""
    return {"disks": [{"name": "root", "size": "16 MiB", **options}]}


def disk_own(**options: Any) -> dict[str, Any]:
    """A guest with one disk that has options of this hypervisor."""
    return disk(kvm=options)


def pci_devices() -> list[str]:
    """The addresses of the test host's PCI devices."""
    return sorted(os.listdir("/sys/bus/pci/devices"))


def card(**options: Any) -> dict[str, Any]:
    """A guest with one card."""
    return {"nics": [{"network": "default", "mac": MAC, **options}]}


def own(**options: Any) -> dict[str, Any]:
    """A guest with options of this hypervisor."""
    return {"kvm": {"type": "qemu", **options}}


def _driver(name: str) -> Probe:
    return all_of("devices/disk/driver", name)


def _sizes(root: ET.Element) -> list[int]:
    return [virtual_size(path) for path in paths(root)]


def _seeds(root: ET.Element) -> list[str]:
    return [path.rpartition("-")[2] for path in paths(root, "cdrom") if path.endswith(".iso")]


def _mode(root: ET.Element) -> object:
    """The processor's mode; when a guest starts, libvirt writes host-model out as a custom model."""
    mode = attribute("cpu", "mode")(root)
    return "host-model" if mode == "custom" else mode


def _links(root: ET.Element) -> list[str]:
    """A card that says nothing has its cable in."""
    return [str(attribute("link", "state")(one) or "up") for one in root.findall("devices/interface")]


def _seed(name: str) -> dict[str, Any]:
    return {"cloud_init": {"user_data": {"hostname": name}}}


def _digest(name: str) -> str:
    return f"{make_cloud_init(NAME, {'hostname': name}, None, None).digest}.iso"


def _starts(_root: ET.Element) -> str:
    return virsh("dominfo", NAME).partition("Autostart:")[2].split()[0]


UUIDS = ("6f1a0e6c-1b5d-4c55-9d4e-0c9a5a3f7b21", "0b1f2c3d-1b5d-4c55-9d4e-0c9a5a3f7b22")
UEFI = {"firmware": "uefi"}
TWO_CARDS = {"nics": [*card()["nics"], {"network": "second", "mac": "52:54:00:0a:0b:0d"}]}
TWO_DISKS = {"disks": [*disk()["disks"], {"name": "data", "size": "8 MiB"}]}

ROWS: dict[str, Row] = {
    "description": Row({"description": "one"}, {"description": "two"}, text("description"), ("one", "two")),
    "uuid": Row({"uuid": UUIDS[0]}, {"uuid": UUIDS[1]}, text("uuid"), UUIDS),
    "vcpus": Row({"vcpus": 1, "vcpus_max": 4}, {"vcpus": 2, "vcpus_max": 4}, attribute("vcpu", "current"), ("1", "2")),
    "vcpus_max": Row({"vcpus_max": 2}, {"vcpus_max": 4}, text("vcpu"), ("2", "4")),
    "memory_mib": Row(
        {"memory": "208 MiB", "memory_max": "256 MiB"},
        {"memory": "240 MiB", "memory_max": "256 MiB"},
        text("currentMemory"),
        (str(208 * 1024), str(240 * 1024)),
        system=True,
    ),
    "memory_max_mib": Row(
        {"memory_max": "128 MiB"}, {"memory_max": "192 MiB"}, text("memory"), (str(128 * 1024), str(192 * 1024))
    ),
    "firmware": Row({"firmware": "bios"}, UEFI, attribute("os", "firmware"), (None, "efi")),
    "secure_boot": Row(
        {**UEFI, "secure_boot": False}, {**UEFI, "secure_boot": True}, attribute("os/loader", "secure"), (None, "yes")
    ),
    "tpm": Row({"tpm": False}, {"tpm": True}, attribute("devices/tpm", "model"), (None, "tpm-crb")),
    "boot_order": Row(
        {"boot_order": ["disk"]},
        {"boot_order": ["network", "disk"]},
        all_of("os/boot", "dev"),
        (["hd"], ["network", "hd"]),
    ),
    "disks": Row(disk(), TWO_DISKS, all_of("devices/disk/target", "dev"), (["vda"], ["vda", "vdb"])),
    "disks.size_bytes": Row(disk(), disk(size="32 MiB"), _sizes, ([16 * MIB], [32 * MIB])),
    "disks.bus": Row(disk(), disk(bus="sata"), all_of("devices/disk/target", "bus"), (["virtio"], ["sata"])),
    "disks.cache": Row(
        disk_own(cache="writeback"), disk_own(cache="none"), _driver("cache"), (["writeback"], ["none"])
    ),
    "disks.io": Row(
        disk_own(cache="none", io="threads"),
        disk_own(cache="none", io="native"),
        _driver("io"),
        (["threads"], ["native"]),
    ),
    "disks.discard": Row(
        disk_own(discard="ignore"), disk_own(discard="unmap"), _driver("discard"), (["ignore"], ["unmap"])
    ),
    "disks.serial": Row(disk_own(serial="S-1"), disk_own(serial="S-2"), text("devices/disk/serial"), ("S-1", "S-2")),
    "disks.pool": Row(disk(pool="default"), disk(pool="fast"), lambda root: "fast" in paths(root)[0], (False, True)),
    "disks.format": Row(disk(), disk(format="raw"), all_of("devices/disk/driver", "type"), (["qcow2"], ["raw"])),
    "disks.path": Row(disk(), disk(path=GIVEN, format="qcow2"), lambda root: paths(root)[0] == GIVEN, (False, True)),
    "cdroms": Row(
        {"cdroms": [{"source": MEDIA[0]}]},
        {"cdroms": [{"source": path} for path in MEDIA]},
        lambda root: paths(root, "cdrom"),
        ([MEDIA[0]], list(MEDIA)),
    ),
    "cdroms.source": Row(
        {"cdroms": [{"source": MEDIA[0]}]},
        {"cdroms": [{"source": MEDIA[1]}]},
        lambda root: paths(root, "cdrom"),
        ([MEDIA[0]], [MEDIA[1]]),
    ),
    "nics": Row(card(), TWO_CARDS, all_of("devices/interface/source", "network"), (["default"], ["default", "second"])),
    "nics.source": Row(
        card(), card(network="second"), all_of("devices/interface/source", "network"), (["default"], ["second"])
    ),
    "nics.mac": Row(
        {"memory": "208 MiB", **card()},
        {"memory": "208 MiB", **card(mac="52:54:00:0a:0b:0d")},
        all_of("devices/interface/mac", "address"),
        ([MAC], ["52:54:00:0a:0b:0d"]),
        system=True,
    ),
    "nics.vlan": Row(
        {"nics": [{"bridge": BRIDGE, "mac": MAC}]},
        {"nics": [{"bridge": BRIDGE, "mac": MAC, "vlan": 20}]},
        all_of("devices/interface/vlan/tag", "id"),
        ([], ["20"]),
        cold="a guest with a tagged card on a Linux bridge starts with libvirt 11.0 and later",
    ),
    "nics.model": Row(
        card(), card(model="e1000e"), all_of("devices/interface/model", "type"), (["virtio"], ["e1000e"])
    ),
    "nics.link": Row(card(link="up"), card(link="down"), _links, (["up"], ["down"])),
    "cloud_init": Row(_seed("one"), _seed("two"), _seeds, ([_digest("one")], [_digest("two")])),
    "autostart": Row({"autostart": False}, {"autostart": True}, _starts, ("disable", "enable")),
    "cpu_mode": Row(own(cpu_mode="maximum"), own(cpu_mode="host-model"), _mode, ("maximum", "host-model")),
    "machine": Row(
        own(machine="pc-q35-7.2"),
        own(machine="pc-q35-7.1"),
        attribute("os/type", "machine"),
        ("pc-q35-7.2", "pc-q35-7.1"),
    ),
    "cpu_model": Row(own(cpu_model="qemu64"), own(cpu_model="Nehalem"), text("cpu/model"), ("qemu64", "Nehalem")),
    "topology": Row(
        {"vcpus_max": 4, **own(topology={"sockets": 4})},
        {"vcpus_max": 4, **own(topology={"cores": 2, "threads": 2})},
        attribute("cpu/topology", "cores"),
        ("1", "2"),
    ),
    "watchdog": Row(
        own(watchdog="none"),
        own(watchdog={"action": "pause"}),
        attribute("devices/watchdog[@model='i6300esb']", "action"),
        (None, "pause"),
    ),
    "pci_devices": Row(
        own(pci_devices=[]),
        own(pci_devices=pci_devices()[:1]),
        lambda root: len(root.findall("devices/hostdev")),
        (0, 1),
        cold="a guest must not take a device from the test host",
    ),
    "xml": Row(
        own(xml=[{"path": "features/hyperv", "element": ""}]),
        own(xml=[{"path": "features/hyperv", "element": "<hyperv mode='custom'><relaxed state='on'/></hyperv>"}]),
        attribute("features/hyperv/relaxed", "state"),
        (None, "on"),
    ),
    "graphics": Row(own(graphics="none"), own(graphics="vnc"), attribute("devices/graphics", "type"), (None, "vnc")),
}
# Fields that the test host cannot show, each with the reason.
UNPROVEN = {
    "usb_devices": "the test host has none; the refusals are in test_passthrough.py",
    "type": "without hardware virtualisation there is only one",
    "package": "only looked at when a guest is made: test_kvm_packages.py",
    "disks.image": "only looked at when a disk is made: test_an_image_is_not_looked_at_again",
}
