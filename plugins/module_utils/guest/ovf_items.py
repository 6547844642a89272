# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The virtual hardware of an OVF descriptor: its items, and what the controllers, disks and network cards are."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from xml.etree.ElementTree import Element

from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.appliance import (
    CONTROLLERS,
    MODELS,
    ApplianceDisk,
    ApplianceNic,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import PlanError
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.ovf_xml import (
    CIM,
    attribute,
    name_of,
    number,
    space_of,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.reader import parse_mac
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.shape import quote

ITEMS_MOST = 4096
# The second and the third are of OVF 2.
ITEMS = ("Item", "StorageItem", "EthernetPortItem")
OTHER, PROCESSOR, MEMORY, CARD, CDROM, DVD, DISK = 1, 3, 4, 10, 15, 16, 17
TPM = "vmware.vtpm"
KINDS = {14: "floppy drive", 21: "serial port", 22: "parallel port", 23: "USB controller", 24: "graphics", 35: "sound"}
PLACES = ("ovf:/disk/", "ovf://disk/", "/disk/")
PLACE_LARGEST = 65535
_ADDRESS = re.compile(r"[0-9]{1,3}", re.ASCII)


@dataclass(frozen=True)
class Item:
    """A device. values: the texts of its elements by their names, as the CIM has them."""

    kind: int
    id: str
    values: Mapping[str, str]

    def get(self, key: str) -> str | None:
        """The text of an element, None when there is none or it is empty."""
        return self.values.get(key) or None

    @property
    def said(self) -> str:
        """What it is called in messages."""
        return f"the item {self.id[:40]!r}"

    @property
    def subtypes(self) -> list[str]:
        """What it can be, the best first."""
        return self.values.get("ResourceSubType", "").split() or [""]


def items_of(section: Element, configuration: str | None) -> list[Item]:
    """The items of a section that belong to a configuration, in their order.

    One that is of this configuration stands for one of the same ID that is of all. What bounds a range is none.
    """
    found: dict[str, tuple[bool, Item]] = {}
    elements = [one for name in ITEMS for one in section.findall(f"{{{space_of(section)}}}{name}")]
    if len(elements) > ITEMS_MOST:
        raise PlanError(f"{name_of(section)}: at most {ITEMS_MOST} items are allowed; it has {len(elements)}")
    for element in elements:
        chosen = (attribute(element, "configuration") or "").split()
        if attribute(element, "bound") in ("min", "max") or (chosen and configuration not in chosen):
            continue
        item = _item(element)
        if item.id in found and found[item.id][0] == bool(chosen):
            raise PlanError(f"{name_of(section)}: {item.said} is there twice")
        if item.id not in found or chosen:
            found[item.id] = bool(chosen), item
    return [item for _chosen, item in found.values()]


def _item(element: Element) -> Item:
    values: dict[str, str] = {}
    for one in element:
        if space_of(one).startswith(CIM):
            values.setdefault(name_of(one), (one.text or "").strip())
    kind = number(values.get("ResourceType"), f"{name_of(element)}: ResourceType", 0, PLACE_LARGEST)
    if not values.get("InstanceID"):
        raise PlanError(f"{name_of(element)}: an InstanceID is needed{quote(values.get('ElementName'))}")
    return Item(kind, values["InstanceID"], values)


def controllers_of(items: Iterable[Item]) -> dict[str, tuple[str, int]]:
    """The buses of the controllers that the reader knows, and their numbers there, by their IDs."""
    known = [(bus, item) for item in items for bus in [_bus_of(item)] if bus]
    buses = {bus for bus, _item_ in known}
    addresses = {bus: [item.get("Address") for other, item in known if other == bus] for bus in buses}
    found: dict[str, tuple[str, int]] = {}
    count: Counter[str] = Counter()
    for bus, item in known:
        written = addresses[bus]
        # Some tools give all controllers the same address, or none.
        told = len(set(written)) == len(written) and all(_ADDRESS.fullmatch(one or "") for one in written)
        found[item.id] = bus, int(item.values["Address"]) if told else count[bus]
        count[bus] += 1
    return found


def _bus_of(item: Item) -> str | None:
    for subtype in item.subtypes:
        for bus, controller in CONTROLLERS.items():
            if item.kind == controller.kind and subtype.lower() in [one.lower() for one in controller.subtypes]:
                return bus
    # Of IDE there is but one kind, whatever its chip is called.
    return "ide" if item.kind == CONTROLLERS["ide"].kind else None


def place_disks(
    items: Sequence[Item], disks: Mapping[str, ApplianceDisk], unread: list[str]
) -> tuple[ApplianceDisk, ...]:
    """The disks that items refer to, in the order of the items, at their places."""
    controllers = controllers_of(items)
    found: dict[str, ApplianceDisk] = {}
    taken: set[tuple[str, int]] = set()
    for item in (one for one in items if one.kind == DISK):
        name = _disk_name(item)
        if name not in disks:
            raise PlanError(f"{item.said}: a disk of the DiskSection is allowed{quote(item.get('HostResource'))}")
        if name in found:
            raise PlanError(f"{item.said}: the disk {name!r} is attached twice")
        parent = item.get("Parent") or ""
        if parent not in controllers:
            unread.append(f"what the disk {name!r} is attached to")
            found[name] = disks[name]
            continue
        position = _position(item, parent, taken)
        bus, unit = controllers[parent]
        found[name] = replace(disks[name], bus=bus, unit=unit, position=position)
    unread += [f"the disk {name!r}, which is attached to nothing" for name in disks if name not in found]
    return tuple(found.values())


def _disk_name(item: Item) -> str:
    place = item.get("HostResource") or ""
    return next((place.removeprefix(start) for start in PLACES if place.startswith(start)), "")


def _position(item: Item, parent: str, taken: set[tuple[str, int]]) -> int:
    """A disk's place on its controller, the first free one when it is not written."""
    written = item.get("AddressOnParent")
    if written is None:
        position = next(place for place in range(ITEMS_MOST + 1) if (parent, place) not in taken)
    else:
        position = number(written, f"{item.said}: AddressOnParent", 0, PLACE_LARGEST)
    if (parent, position) in taken:
        raise PlanError(f"{item.said}: another disk is at place {position} of its controller")
    taken.add((parent, position))
    return position


def nics_of(items: Iterable[Item], unread: list[str]) -> tuple[ApplianceNic, ...]:
    """The network cards."""
    return tuple(_nic(item, unread) for item in items if item.kind == CARD)


def _nic(item: Item, unread: list[str]) -> ApplianceNic:
    model = _model_of(item)
    if model is None and item.get("ResourceSubType"):
        unread.append(f"{item.said}: the model{quote(item.get('ResourceSubType'))}")
    mac = item.get("Address")
    try:
        mac = parse_mac(mac) if mac else None
    except ValueError:
        unread.append(f"{item.said}: the MAC address{quote(mac)}")
        mac = None
    link = {"true": "up", "false": "down"}.get((item.get("AutomaticAllocation") or "").lower())
    return ApplianceNic(item.get("Connection"), mac, model, link)


def _model_of(item: Item) -> str | None:
    for subtype in item.subtypes:
        for model, words in MODELS.items():
            if subtype.lower() in [word.lower() for word in words]:
                return model
    return None


def left_out(items: Iterable[Item]) -> list[str]:
    """The devices that are not taken."""
    known = (PROCESSOR, MEMORY, CARD, CDROM, DVD, DISK)
    return [
        f"{item.said}: {KINDS.get(item.kind, 'a device')} of type {item.kind}{quote(item.get('ResourceSubType') or '')}"
        for item in items
        if item.kind not in known and _bus_of(item) is None and not is_tpm(item)
    ]


def is_tpm(item: Item) -> bool:
    """Whether it is a trusted platform module, for which there is no type."""
    return item.kind == OTHER and item.get("ResourceSubType") == TPM
