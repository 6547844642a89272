# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes an appliance as an OVF descriptor (DMTF DSP0243, version 1), the same bytes each time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import astuple
from xml.etree import ElementTree as ET
from xml.etree.ElementTree import Element, SubElement

from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.appliance import (
    CONTROLLERS,
    MODELS,
    URIS,
    Appliance,
    ApplianceDisk,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import PlanError
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.ovf_items import (
    CARD,
    CDROM,
    DISK,
    MEMORY,
    OTHER,
    PROCESSOR,
    TPM,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.ovf_read import FIRMWARE, SECURE_BOOT, read_ovf
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.ovf_xml import CIM, ENVELOPES, VENDOR
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.package_files import FILE_SAYS, is_file_name
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.reader import CONTROL
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.shape import quote

SPACES = {
    "xmlns": ENVELOPES[0],
    "xmlns:ovf": ENVELOPES[0],
    "xmlns:rasd": f"{CIM}CIM_ResourceAllocationSettingData",
    "xmlns:vmw": VENDOR,
    "xmlns:vssd": f"{CIM}CIM_VirtualSystemSettingData",
}
# The oldest virtual hardware that has all of the controllers and firmware; readers that do not know it take it for any.
FAMILY = "vmx-13"
FIRMWARE_WORDS = {ours: theirs for theirs, ours in FIRMWARE.items()}
UNKNOWN_SYSTEM = 1
IDE_PLACES = [(unit, position) for unit in range(2) for position in range(2)]


def write_ovf(appliance: Appliance) -> bytes:
    """The descriptor of an appliance. Raises PlanError for what a descriptor cannot hold.

    It is read again, so that what is given away is what was meant.
    """
    _refuse(appliance)
    envelope = Element("Envelope", {**SPACES, "ovf:version": "1.0"})
    _references(envelope, appliance.disks)
    _networks(envelope, appliance)
    system = SubElement(envelope, "VirtualSystem", {"ovf:id": appliance.name})
    _add(system, Info="A virtual machine", Name=appliance.name)
    if appliance.system is not None or appliance.description is not None:
        _about(system, appliance)
    _hardware(system, appliance)
    ET.indent(envelope)
    data: bytes = ET.tostring(envelope, encoding="UTF-8", xml_declaration=True) + b"\n"
    if read_ovf(data) != appliance:
        raise PlanError(f"{appliance.name}: a descriptor cannot tell all of it")
    return data


def _refuse(appliance: Appliance) -> None:
    """Refuse what would be written wrong, or not be read again."""
    for text in _texts(astuple(appliance)):
        if CONTROL.search(text):
            raise PlanError(f"{appliance.name!r}: control characters are not allowed{quote(text)}")
    for disk in appliance.disks:
        if disk.bus not in CONTROLLERS or disk.format not in URIS:
            allowed = f"the buses {', '.join(CONTROLLERS)} and the formats {', '.join(URIS)} are allowed"
            raise PlanError(f"the disk {disk.name!r}: {allowed}{quote(f'{disk.bus}, {disk.format}')}")
        if disk.file is not None and not is_file_name(disk.file):
            raise PlanError(f"the disk {disk.name!r}: {FILE_SAYS}{quote(disk.file)}")
    for nic in appliance.nics:
        if nic.model is not None and nic.model not in MODELS:
            raise PlanError(f"a card: the models {', '.join(MODELS)} are allowed{quote(nic.model)}")


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, tuple):
        for one in value:
            yield from _texts(one)


def _add(parent: Element, prefix: str = "", **texts: object) -> None:
    """Elements with a text each; none for what is None."""
    for name, text in texts.items():
        if text is not None:
            SubElement(parent, f"{prefix}{name}").text = str(text)


def _known(**values: object) -> dict[str, str]:
    """Attributes of OVF; none for what is None."""
    return {f"ovf:{name}": str(value) for name, value in values.items() if value is not None}


def _references(envelope: Element, disks: Iterable[ApplianceDisk]) -> None:
    files, section = SubElement(envelope, "References"), SubElement(envelope, "DiskSection")
    _add(section, Info="Virtual disk information")
    for place, disk in enumerate(disks, 1):
        key = f"file{place}" if disk.file else None
        if key:
            SubElement(files, "File", _known(href=_href(disk.file or ""), id=key, size=disk.file_bytes))
        written = _known(
            capacity=disk.capacity_bytes,
            capacityAllocationUnits="byte",
            diskId=disk.name,
            fileRef=key,
            format=URIS[disk.format or ""],
        )
        SubElement(section, "Disk", written)


def _href(name: str) -> str:
    """A file's name as a reference, in which % begins a code."""
    return name.replace("%", "%25")


def _networks(envelope: Element, appliance: Appliance) -> None:
    names = sorted({nic.network for nic in appliance.nics if nic.network})
    if not names:
        return
    section = SubElement(envelope, "NetworkSection")
    _add(section, Info="The list of logical networks")
    for name in names:
        _add(SubElement(section, "Network", _known(name=name)), Description="A logical network")


def _about(system: Element, appliance: Appliance) -> None:
    if appliance.description is not None:
        section = SubElement(system, "AnnotationSection")
        _add(section, Info="A human-readable annotation", Annotation=appliance.description)
    if appliance.system is not None:
        about = appliance.system
        kind = {"vmw:osType": about.kind} if about.kind else {}
        section = SubElement(
            system, "OperatingSystemSection", {**_known(id=about.number, version=about.version), **kind}
        )
        _add(section, Info="The kind of installed guest operating system", Description=about.description)


def _hardware(system: Element, appliance: Appliance) -> None:
    section = SubElement(system, "VirtualHardwareSection")
    _add(section, Info="Virtual hardware requirements")
    family = {"VirtualSystemIdentifier": appliance.name, "VirtualSystemType": FAMILY}
    _add(SubElement(section, "System"), "vssd:", ElementName="Virtual Hardware Family", InstanceID=0, **family)
    for number, values in enumerate(_items(appliance), 1):
        needed = {} if values["ResourceType"] != OTHER else {"ovf:required": "false"}
        # In the order of their names, as the schema of OVF has them.
        _add(SubElement(section, "Item", needed), "rasd:", **dict(sorted({**values, "InstanceID": number}.items())))
    secure = None if appliance.secure_boot is None else str(appliance.secure_boot).lower()
    firmware = FIRMWARE_WORDS[appliance.firmware] if appliance.firmware else None
    for key, value in ((SECURE_BOOT[0], secure), ("firmware", firmware)):
        if value is not None:
            SubElement(section, "vmw:Config", {"ovf:required": "false", "vmw:key": key, "vmw:value": value})


def _items(appliance: Appliance) -> Iterator[dict[str, object]]:
    """The items in their order. Each has its number for its ID, so that disks can name their controllers."""
    power = list(_power(appliance))
    yield from power
    yield from _storage(appliance, len(power))
    yield from _cards(appliance)
    if appliance.tpm:
        yield _item(OTHER, "tpm", "Trusted platform module", ResourceSubType=TPM)


def _power(appliance: Appliance) -> Iterator[dict[str, object]]:
    if appliance.vcpus is not None:
        said = f"{appliance.vcpus} virtual CPU(s)"
        yield _item(PROCESSOR, said, "Number of virtual CPUs", "hertz * 10^6", VirtualQuantity=appliance.vcpus)
    if appliance.memory_mib is not None:
        said = f"{appliance.memory_mib} MB of memory"
        yield _item(MEMORY, said, "Memory size", "byte * 2^20", VirtualQuantity=appliance.memory_mib)


def _storage(appliance: Appliance, before: int) -> Iterator[dict[str, object]]:
    """Controllers, and what is on them. before: the number of the item before the first."""
    drives = _drives(appliance)
    places = {(disk.bus or "", disk.unit) for disk in appliance.disks} | {("ide", unit) for unit, _place in drives}
    parents = {place: before + index for index, place in enumerate(sorted(places), 1)}
    for bus, unit in parents:
        kind = CONTROLLERS[bus]
        yield _item(kind.kind, f"{bus}{unit}", "Controller", Address=unit, ResourceSubType=kind.subtypes[0] or None)
    for disk in appliance.disks:
        item = _item(DISK, disk.name, "Hard disk", HostResource=f"ovf:/disk/{disk.name}")
        yield {**item, "Parent": parents[disk.bus or "", disk.unit], "AddressOnParent": disk.position}
    for number, (unit, position) in enumerate(drives, 1):
        item = _item(CDROM, f"cdrom{number}", "CD drive", AutomaticAllocation="false")
        yield {**item, "Parent": parents["ide", unit], "AddressOnParent": position}


def _item(kind: int, name: str, description: str, units: str | None = None, **values: object) -> dict[str, object]:
    # Some readers leave an item without a caption out.
    said = {"Caption": name, "Description": description, "ElementName": name, "AllocationUnits": units}
    return {**said, "ResourceType": kind, **values}


def _drives(appliance: Appliance) -> list[tuple[int, int]]:
    """Where cdrom drives are: at the free places of IDE, from which every reader and every system takes them."""
    taken = Counter((disk.unit, disk.position) for disk in appliance.disks if disk.bus == "ide")
    # From the end, so that the disk that is started from stays first.
    free = [place for place in reversed(IDE_PLACES) if place not in taken]
    if len(free) < appliance.cdroms:
        raise PlanError(f"cdroms: at most {len(free)} are allowed beside the disks on IDE{quote(appliance.cdroms)}")
    return sorted(free[: appliance.cdroms])


def _cards(appliance: Appliance) -> Iterator[dict[str, object]]:
    for number, nic in enumerate(appliance.nics, 1):
        subtype = MODELS[nic.model][0] if nic.model else None
        plugged = {"up": "true", "down": "false"}.get(nic.link or "")
        values = {"Address": nic.mac, "Connection": nic.network, "AutomaticAllocation": plugged}
        yield {**_item(CARD, f"ethernet{number}", "Network card", ResourceSubType=subtype), **values}
