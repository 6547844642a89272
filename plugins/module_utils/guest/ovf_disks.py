# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files and the disks of an OVF descriptor."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import unquote
from xml.etree.ElementTree import Element

from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.appliance import FORMATS, ApplianceDisk
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import PlanError
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.ovf_units import bytes_of
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.ovf_xml import (
    attribute,
    child,
    children,
    needed,
    number,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.package_files import FILE_SAYS, is_file_name
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.shape import quote
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.units import LARGEST

FILES_MOST = 1000


def files_of(envelope: Element) -> dict[str, tuple[str, int | None]]:
    """The names of the package's files and their sizes, if they are written, by their IDs."""
    section = child(envelope, "References")
    found: dict[str, tuple[str, int | None]] = {}
    for element in _bounded(section, "File"):
        key, name = needed(element, "id"), _file_name(needed(element, "href"))
        if key in found or name in [other for other, _size in found.values()]:
            raise PlanError(f"References: the file {key[:40]!r} is there twice{quote(name)}")
        packed = attribute(element, "compression")
        if packed not in (None, "", "identity"):
            raise PlanError(f"References: {name!r}: files that are not compressed are allowed{quote(packed)}")
        if attribute(element, "chunkSize") not in (None, "", "0"):
            raise PlanError(f"References: {name!r}: files in one piece are allowed; it is in chunks")
        size = attribute(element, "size")
        found[key] = name, number(size, f"References: {name!r}: size", 0, LARGEST) if size else None
    return found


def _bounded(section: Element | None, name: str) -> list[Element]:
    found = list(children(section, name)) if section is not None else []
    if len(found) > FILES_MOST:
        raise PlanError(f"{name}: at most {FILES_MOST} are allowed; there are {len(found)}")
    return found


def _file_name(href: str) -> str:
    """The name of a file, which is a reference to one beside the descriptor and to nothing else."""
    name = unquote(href)
    if not is_file_name(href) or not is_file_name(name):
        raise PlanError(f"References: {FILE_SAYS}{quote(href)}")
    return name


def disks_of(
    envelope: Element, files: dict[str, tuple[str, int | None]], unread: list[str]
) -> Iterator[tuple[str, ApplianceDisk]]:
    """The disks by their names, on no controller yet."""
    section = child(envelope, "DiskSection")
    names: set[str] = set()
    used: set[str] = set()
    for element in _bounded(section, "Disk"):
        name, key = needed(element, "diskId"), attribute(element, "fileRef")
        where = f"DiskSection: the disk {name[:40]!r}"
        if name in names:
            raise PlanError(f"{where} is there twice")
        if attribute(element, "parentRef"):
            raise PlanError(f"{where}: a disk that is whole is allowed; it is based on another")
        if key and (key not in files or key in used):
            says = "a file that no other disk has" if key in files else "a file of the References"
            raise PlanError(f"{where}: {says} is allowed{quote(key)}")
        names.add(name)
        used.add(key or "")
        file, size = files[key] if key else (None, None)
        yield name, ApplianceDisk(name, _capacity(element, where), _format(element, where, unread), file, size)


def _capacity(element: Element, where: str) -> int:
    unit = bytes_of(attribute(element, "capacityAllocationUnits"), f"{where}: capacityAllocationUnits")
    return unit * number(needed(element, "capacity"), f"{where}: capacity", 1, LARGEST // unit)


def _format(element: Element, where: str, unread: list[str]) -> str | None:
    uri = attribute(element, "format") or ""
    found = next((name for name, pattern in FORMATS if pattern.search(uri)), None)
    if found is None:
        unread.append(f"{where}: the format{quote(uri)}")
    return found
