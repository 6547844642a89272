# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a guest starts from, in libvirt's two ways of telling it: for kinds of devices, and device by device."""

from __future__ import annotations

from xml.etree.ElementTree import Element

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm import xml

WORDS = {"hd": "disk", "cdrom": "cdrom", "network": "network", "fd": "floppy"}
DEVICES = {"disk": "hd", "cdrom": "cdrom", "network": "network"}
DEFAULT = ("disk", "cdrom")
# A disk that is passed through whole is a disk.
_DISKS = {"disk": "disk", "lun": "disk"}


def order(root: Element) -> tuple[str, ...]:
    """The order in the words of the guest specification; what those have no word for is called as libvirt does.

    Told device by device, neighbours of one kind count once. A kind that comes again after another is no order that
    can be wished for.
    """
    each = _each(root)
    if not each:
        names = [one.get("dev", "") for one in root.findall("os/boot")]
        return tuple(WORDS.get(name, name) for name in names)
    kinds = [_kind(device) for _number, device in sorted(each, key=lambda pair: pair[0])]
    return tuple(kind for place, kind in enumerate(kinds) if place == 0 or kind != kinds[place - 1])


def set_order(root: Element, wanted: tuple[str, ...]) -> None:
    """Tell the order for kinds of devices. libvirt refuses a definition that tells it in both ways."""
    for _number, device in _each(root):
        xml.drop(device, "boot")
    system = xml.ensure(root, "os")
    xml.drop(system, "boot")
    for word in wanted:
        xml.add(system, "boot", dev=DEVICES[word])


def _each(root: Element) -> list[tuple[int, Element]]:
    """The devices that have a place in the order of their own."""
    found = [(device.find("boot"), device) for device in root.findall("devices/*")]
    return [(int(place.get("order", "0")), device) for place, device in found if place is not None]


def _kind(device: Element) -> str:
    if device.tag == "disk":
        kind = device.get("device", "disk")
        return _DISKS.get(kind, kind)
    return "network" if device.tag == "interface" else device.tag
