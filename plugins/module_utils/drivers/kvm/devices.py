# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The XML of single devices: disks, cdrom drives, network cards. Source: libvirt's domain documentation."""

from __future__ import annotations

import os
import string
from xml.etree.ElementTree import Element

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm import disk_options, nvme, xml
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.existing import is_device
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.read import disks, source
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import PlanError
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Disk, Nic

PREFIXES = {"virtio": "vd", "scsi": "sd", "sata": "sd", "usb": "sd", "ide": "hd", "fdc": "fd", "nvme": nvme.BUS}
DEFAULT_BUS = "virtio"
DEFAULT_MODEL = "virtio"
CDROM_BUS = "sata"
DEFAULT_FORMAT = "qcow2"


def target_name(taken: set[str], bus: str) -> str:
    """The first free device name for a bus: vda, vdb, ….

    taken: those in use in the stored definition and in the running guest.
    """
    letters = string.ascii_lowercase
    names: list[str] = [*letters, *(a + b for a in letters for b in letters)]
    possible = [PREFIXES[bus] + name for name in names]
    if bus == nvme.BUS:
        possible = [nvme.target_name(number) for number in range(len(names))]
    name = next((name for name in possible if name not in taken), None)
    if name is None:
        raise PlanError(f"there is no room for another disk on the bus {bus}")
    return name


def targets(*roots: Element | None) -> set[str]:
    """The device names in use."""
    there = [root for root in roots if root is not None]
    found = (one.get("dev") for root in there for one in root.findall("devices/disk/target"))
    return {name for name in found if name}.union(*map(nvme.targets, there))


def disk_element(disk: Disk, target: str) -> Element:
    """The XML of a disk; disk.path is where its data is."""
    kind, place = ("block", "dev") if is_device(disk.path) else ("file", "file")
    element = Element("disk", {"type": kind, "device": "disk"})
    xml.add(element, "driver", name="qemu", type=disk.format or DEFAULT_FORMAT, discard="unmap")
    xml.add(element, "source").set(place, disk.path or "")
    xml.add(element, "target", dev=target, bus=disk.bus or DEFAULT_BUS)
    for name, value in disk.options:
        disk_options.write(element, name, value)
    return element


def ensure_controller(parent: Element, bus: str | None) -> Element | None:
    """See to a controller for a disk where libvirt would choose an old one; returns it when it is new.

    parent: the devices of a definition. libvirt's own choice for the bus scsi is a card that no disk can be plugged
    into while the guest runs, and for which many systems have no driver any more.
    """
    if bus != "scsi" or parent.find("controller[@type='scsi']") is not None:
        return None
    return xml.add(parent, "controller", type="scsi", model="virtio-scsi")


def cdrom_element(path: str | None, target: str) -> Element:
    """The XML of a cdrom drive; path None is an empty one."""
    element = Element("disk", {"type": "file", "device": "cdrom"})
    xml.add(element, "driver", name="qemu", type="raw")
    if path:
        xml.add(element, "source", file=path)
    xml.add(element, "target", dev=target, bus=CDROM_BUS)
    xml.add(element, "readonly")
    return element


def set_medium(drive: Element, path: str | None) -> None:
    """Put a medium into a drive's XML, or take it out."""
    xml.drop(drive, "source")
    xml.drop(drive, "backingStore")
    drive.set("type", "file")
    if path:
        xml.add(drive, "source", file=path)


def nic_element(nic: Nic) -> Element:
    """The XML of a network card. Without a MAC libvirt makes one up."""
    element = Element("interface")
    set_nic_source(element, nic.network, nic.bridge)
    if nic.mac:
        xml.add(element, "mac", address=nic.mac)
    if nic.vlan:
        set_vlan(element, nic.vlan)
    xml.add(element, "model", type=nic.model or DEFAULT_MODEL)
    set_link(element, nic.link or "up")
    return element


def set_nic_source(element: Element, network: str | None, bridge: str | None) -> None:
    """Say where a card is plugged in."""
    xml.drop(element, "source")
    element.set("type", "bridge" if bridge else "network")
    # First in the element: what follows may be anything, and libvirt does not mind the order.
    element.insert(0, Element("source", {"bridge": bridge} if bridge else {"network": network or ""}))


def set_vlan(element: Element, vlan: int) -> None:
    """Put a card into a vlan; 0 takes it out."""
    xml.drop(element, "vlan")
    if vlan:
        xml.add(xml.add(element, "vlan"), "tag", id=vlan)


def set_link(element: Element, link: str) -> None:
    """Pull a card's cable out, or put it in, which is what libvirt takes for granted."""
    xml.drop(element, "link")
    if link == "down":
        xml.add(element, "link", state=link)


def find_disk(root: Element, path: str | None) -> Element | None:
    """The disk whose data is at path."""
    return next((one for one in disks(root) if path and source(one) == path), None)


def find_nic(root: Element, mac: str) -> Element | None:
    """The card with that MAC address."""
    cards = root.findall("devices/interface")
    return next((one for one in cards if (xml.attribute(one, "mac", "address") or "").lower() == mac), None)


def new_mac() -> str:
    """A random MAC address in the range that QEMU's guests have (52:54:00)."""
    return "52:54:00:" + ":".join(f"{byte:02x}" for byte in os.urandom(3))
