# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Devices of the host that a guest has for itself: PCI devices by their address, USB devices by vendor and product."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from xml.etree.ElementTree import Element

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm import xml

PCI = re.compile(r"(?:([0-9a-f]{1,4}):)?([0-9a-f]{1,2}):([01]?[0-9a-f])\.([0-7])", re.ASCII)
USB = re.compile(r"(?:0x)?([0-9a-f]{4}):(?:0x)?([0-9a-f]{4})", re.ASCII)
# The option that a device is written with, and its name there.
Device = tuple[str, str]
KINDS = {"pci_devices": "pci", "usb_devices": "usb"}
PCI_FOLDER = "/sys/bus/pci/devices"
USB_FOLDER = "/sys/bus/usb/devices"
BLOCK_FOLDER = "/sys/class/block"


def pci_address(text: str) -> str:
    """A PCI address as the kernel writes it: 0000:01:00.0."""
    match = PCI.fullmatch(text.strip().lower())
    if not match:
        raise ValueError("PCI addresses as lspci -D prints them are allowed, such as '0000:01:00.0'")
    domain, bus, slot, function = (int(part or "0", 16) for part in match.groups())
    return f"{domain:04x}:{bus:02x}:{slot:02x}.{function}"


def usb_device(text: str) -> str:
    """A USB device as lsusb writes it: 1d6b:0002."""
    match = USB.fullmatch(text.strip().lower())
    if not match:
        raise ValueError("VENDOR:PRODUCT as lsusb prints it is allowed, such as '1d6b:0002'")
    return ":".join(match.groups())


def addresses(parse: Callable[[str], str]) -> Callable[[Sequence[str]], tuple[str, ...]]:
    """The form of a list of devices: each once, in order."""

    def form(value: Sequence[str]) -> tuple[str, ...]:
        found = [parse(one) for one in value]
        if len(set(found)) < len(found):
            raise ValueError("each device is allowed once")
        return tuple(sorted(found))

    return form


def devices(root: Element, option: str) -> tuple[str, ...]:
    """The devices of a definition, in order."""
    return tuple(sorted(_called(one) for one in _elements(root, option)))


def find(root: Element, option: str, name: str) -> Element | None:
    """The element of a device."""
    return next((one for one in _elements(root, option) if _called(one) == name), None)


def element(option: str, name: str) -> Element:
    """The XML of a device. libvirt takes it from the host's driver and gives it back."""
    found = Element("hostdev", {"mode": "subsystem", "type": KINDS[option], "managed": "yes"})
    source = xml.add(found, "source")
    if option == "usb_devices":
        vendor, product = name.split(":")
        xml.add(source, "vendor", id=f"0x{vendor}")
        xml.add(source, "product", id=f"0x{product}")
        return found
    domain, bus, rest = name.split(":")
    slot, function = rest.split(".")
    parts = {"domain": f"0x{domain}", "bus": f"0x{bus}", "slot": f"0x{slot}", "function": f"0x{function}"}
    xml.add(source, "address", **parts)
    return found


def put(root: Element, option: str, wanted: Sequence[str]) -> None:
    """Make a definition have these devices and no others of the kind; what is known of those that stay, stays."""
    parent = xml.ensure(root, "devices")
    have = devices(root, option)
    for name in have:
        found = find(root, option, name)
        if name not in wanted and found is not None:
            parent.remove(found)
    for name in wanted:
        if name not in have:
            parent.append(element(option, name))


def missing(option: str, wanted: Sequence[str]) -> list[str]:
    """The devices that this host does not have."""
    there = {name for name, _folder in _there(option)}
    return [name for name in wanted if name not in there]


def disks(option: str, name: str) -> list[str]:
    """The disks, and their partitions, that this host has on a device, as paths in /dev."""
    above = tuple(f"{os.path.realpath(folder)}/" for found, folder in _there(option) if found == name)
    places = {one: os.path.realpath(os.path.join(BLOCK_FOLDER, one)) for one in _names(BLOCK_FOLDER)}
    return sorted(f"/dev/{one.replace('!', '/')}" for one, place in places.items() if place.startswith(above))


def _there(option: str) -> Iterator[tuple[str, str]]:
    """Each device of this host, with its folder in sysfs."""
    if option == "pci_devices":
        yield from ((name, os.path.join(PCI_FOLDER, name)) for name in _names(PCI_FOLDER))
        return
    for folder in (os.path.join(USB_FOLDER, name) for name in _names(USB_FOLDER)):
        ids = [_first_line(os.path.join(folder, part)) for part in ("idVendor", "idProduct")]
        if all(ids):
            yield ":".join(ids), folder


def _names(folder: str) -> list[str]:
    return os.listdir(folder) if os.path.isdir(folder) else []


def _first_line(path: str) -> str:
    try:
        with open(path, encoding="ascii") as file:
            return file.readline().strip()
    except OSError:  # an interface or a hub's port, which has none
        return ""


def _elements(root: Element, option: str) -> list[Element]:
    return root.findall(f"devices/hostdev[@mode='subsystem'][@type='{KINDS[option]}']")


def _called(device: Element) -> str:
    """What a device goes by. One that others have named by its place is known by what they wrote of that."""
    vendor, product = (xml.attribute(device, f"source/{part}", "id") for part in ("vendor", "product"))
    if vendor is not None and product is not None:
        return usb_device(f"{vendor}:{product}")
    address = device.find("source/address")
    given = {} if address is None else address.attrib
    if device.get("type") == "usb":
        return " ".join(f"{key} {given[key]}" for key in ("bus", "device", "port") if key in given) or "unknown"
    numbers = [int(given.get(key, "0"), 0) for key in ("domain", "bus", "slot", "function")]
    return "{:04x}:{:02x}:{:02x}.{:x}".format(*numbers)
