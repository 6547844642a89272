# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads an OVF descriptor (DMTF DSP0243, versions 1 and 2) into an appliance. What it does not understand it tells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from xml.etree.ElementTree import Element

from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.appliance import Appliance, System
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import PlanError
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.ovf_disks import disks_of, files_of
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.ovf_items import (
    CDROM,
    DVD,
    MEMORY,
    PROCESSOR,
    Item,
    is_tpm,
    items_of,
    left_out,
    nics_of,
    place_disks,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.ovf_units import bytes_of
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.ovf_xml import (
    VENDOR,
    attribute,
    child,
    children,
    name_of,
    needed,
    number,
    parse,
    space_of,
    text_of,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.reader import VCPUS_LARGEST
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.shape import quote
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.units import LARGEST, MIB

READ = {
    "Envelope": ("References", "DiskSection", "NetworkSection", "VirtualSystem", "VirtualSystemCollection", "Strings"),
    "VirtualSystem": ("Info", "Name", "OperatingSystemSection", "VirtualHardwareSection", "AnnotationSection"),
    "VirtualSystemCollection": ("Info", "Name", "VirtualSystem", "VirtualSystemCollection"),
}
FIRMWARE = {"efi": "uefi", "bios": "bios"}
SECURE_BOOT = ("bootOptions.efiSecureBootEnabled", "uefi.secureBoot.enabled")
DEPTH_MOST = 8
TOLD_MOST = 100


def read_ovf(data: bytes, where: str = "the descriptor") -> Appliance:
    """The appliance that a descriptor describes. where: what it is called in messages.

    Raises PlanError for what is no descriptor, contradicts itself, is not bounded, or has more than one guest.
    """
    try:
        return _appliance(parse(data))
    except PlanError as error:
        raise PlanError(f"{where}: {error}") from error


def _appliance(envelope: Element) -> Appliance:
    unread: list[str] = []
    configuration = _configuration(envelope, unread)
    files = files_of(envelope)
    disks = dict(disks_of(envelope, files, unread))
    system = _only_system(envelope, unread)
    hardware = _hardware(system)
    items = items_of(hardware, configuration)
    firmware, secure_boot = _settings(hardware, unread)
    appliance = Appliance(
        name=_name(system),
        description=_annotation(system),
        vcpus=_vcpus(items),
        memory_mib=_memory_mib(items),
        firmware=firmware,
        secure_boot=secure_boot,
        tpm=True if any(is_tpm(item) for item in items) else None,
        system=_operating_system(system),
        disks=place_disks(items, disks, unread),
        cdroms=sum(item.kind in (CDROM, DVD) for item in items),
        nics=nics_of(items, unread),
    )
    taken = {disk.file for disk in appliance.disks}
    told = [*unread, *left_out(items), *(f"the file {name!r}" for name, _size in files.values() if name not in taken)]
    return replace(appliance, files=tuple(name for name, _size in files.values()), unread=_bounded(told))


def _hardware(system: Element) -> Element:
    sections = list(children(system, "VirtualHardwareSection"))
    if len(sections) != 1:
        raise PlanError(f"VirtualSystem: one VirtualHardwareSection is allowed; it has {len(sections)}")
    return sections[0]


def _bounded(told: list[str]) -> tuple[str, ...]:
    """What is told, as far as somebody reads it."""
    rest = len(told) - TOLD_MOST
    return (*told[:TOLD_MOST], *([f"and {rest} more"] if rest > 0 else []))


def _configuration(envelope: Element, unread: list[str]) -> str | None:
    """The configuration that is taken of several: the default one, which is the first if none is marked."""
    section = child(envelope, "DeploymentOptionSection")
    found = list(children(section, "Configuration")) if section is not None else []
    if not found:
        return None
    marked = [one for one in found if attribute(one, "default") in ("true", "1")]
    name = needed((marked or found)[0], "id")
    if len(found) > 1:
        unread.append(f"DeploymentOptionSection: {len(found)} configurations, of which {name[:40]!r} is taken")
    return name


def _only_system(envelope: Element, unread: list[str]) -> Element:
    """The one guest of a package."""
    found, level = [], [envelope]
    for _depth in range(DEPTH_MOST):
        unread += [_section(one, above) for above in level for one in above if not _is_read(one, above)]
        found += [one for above in level for one in children(above, "VirtualSystem")]
        level = [one for above in level for one in children(above, "VirtualSystemCollection")]
    if len(found) != 1 or level:
        raise PlanError(f"a package of one guest (VirtualSystem) is allowed; it has {len(found)}")
    unread += [_section(one, found[0]) for one in found[0] if not _is_read(one, found[0])]
    return found[0]


def _is_read(element: Element, above: Element) -> bool:
    known = name_of(element) in (*READ[name_of(above)], "DeploymentOptionSection")
    return known and space_of(element) == space_of(above)


def _section(element: Element, above: Element) -> str:
    return f"{name_of(above)}: {name_of(element)[:60]}"


def _name(system: Element) -> str:
    name = (text_of(child(system, "Name")) or attribute(system, "id") or "").strip()
    if not name:
        raise PlanError("VirtualSystem: a name is needed")
    return name


def _annotation(system: Element) -> str | None:
    section = child(system, "AnnotationSection")
    return text_of(child(section, "Annotation")) if section is not None else None


def _operating_system(system: Element) -> System | None:
    section = child(system, "OperatingSystemSection")
    if section is None:
        return None
    code = number(attribute(section, "id"), "OperatingSystemSection: id", 0, 65535)
    kind = section.get(f"{{{VENDOR}}}osType")
    return System(code, attribute(section, "version"), text_of(child(section, "Description")), kind)


def _only(items: Sequence[Item], kind: int) -> Item | None:
    found = [item for item in items if item.kind == kind]
    if len(found) > 1:
        raise PlanError(f"VirtualHardwareSection: one item of type {kind} is allowed; there are {len(found)}")
    return found[0] if found else None


def _vcpus(items: Sequence[Item]) -> int | None:
    item = _only(items, PROCESSOR)
    return number(item.get("VirtualQuantity"), f"{item.said}: VirtualQuantity", 1, VCPUS_LARGEST) if item else None


def _memory_mib(items: Sequence[Item]) -> int | None:
    item = _only(items, MEMORY)
    if item is None:
        return None
    unit = bytes_of(item.get("AllocationUnits"), f"{item.said}: AllocationUnits")
    size = unit * number(item.get("VirtualQuantity"), f"{item.said}: VirtualQuantity", 1, LARGEST // unit)
    if size % MIB:
        raise PlanError(f"{item.said}: memory of whole MiB is allowed{quote(size)}")
    return size // MIB


def _settings(section: Element, unread: list[str]) -> tuple[str | None, bool | None]:
    """The firmware and whether it only starts what is signed, for which DMTF has no words."""
    firmware: str | None = None
    secure_boot: bool | None = None
    for element in section:
        key, value = (element.get(f"{{{VENDOR}}}{name}") or "" for name in ("key", "value"))
        if key == "firmware" and value.lower() in FIRMWARE:
            firmware = FIRMWARE[value.lower()]
        elif key in SECURE_BOOT and value.lower() in ("true", "false"):
            secure_boot = value.lower() == "true"
        elif space_of(element) != space_of(section):
            unread.append(f"VirtualHardwareSection: {name_of(element)[:40]}{quote(key)}")
    return firmware, secure_boot
