# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Small helpers for libvirt's XML; it is edited in place, so that what we do not know survives."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from xml.etree.ElementTree import Element

# Our part of a definition's metadata: which disks were made for the guest, its seed, its place in the start order.
NAMESPACE = "urn:hostforge:guest:1"
KNOWN_PREFIXES = {
    "hostforge": NAMESPACE,
    "qemu": "http://libvirt.org/schemas/domain/qemu/1.0",
    "libosinfo": "http://libosinfo.org/xmlns/libvirt/domain/1.0",
}
KIB_IN = {"b": 1 / 1024, "bytes": 1 / 1024, "KB": 1000 / 1024, "k": 1, "KiB": 1, "MB": 1000**2 / 1024}
KIB_IN.update(
    {"M": 1024, "MiB": 1024, "GB": 1000**3 / 1024, "G": 1024**2, "GiB": 1024**2, "T": 1024**3, "TiB": 1024**3}
)

for _prefix, _uri in KNOWN_PREFIXES.items():
    ET.register_namespace(_prefix, _uri)


def parse(text: str) -> Element:
    """Parse what libvirt sent. libvirt is trusted, and its parser has no entities of its own to expand."""
    return ET.fromstring(text)


def render(root: Element) -> str:
    """Write a definition for libvirt."""
    return ET.tostring(root, encoding="unicode")


def add(parent: Element, tag: str, text: str = "", **attributes: object) -> Element:
    """Append an element; attributes that are None are left out."""
    given = {key.rstrip("_"): str(value) for key, value in attributes.items() if value is not None}
    child = ET.SubElement(parent, tag, given)
    child.text = text or None
    return child


def ensure(parent: Element, tag: str) -> Element:
    """The child of that name, appended when there is none."""
    found = parent.find(tag)
    return add(parent, tag) if found is None else found


def set_text(parent: Element, tag: str, text: str) -> None:
    """Give a child its text; without text the child goes."""
    if text:
        ensure(parent, tag).text = text
    else:
        drop(parent, tag)


def drop(parent: Element, path: str) -> None:
    """Remove all children of that name."""
    for child in parent.findall(path):
        parent.remove(child)


def attribute(root: Element, path: str, name: str) -> str | None:
    """An attribute of the element at path, None when either is missing."""
    found = root.find(path)
    return None if found is None else found.get(name)


def kib(element: Element | None) -> int:
    """A memory size in KiB. Units: libvirt's 'scaled integer'."""
    if element is None:
        return 0
    return int(int(element.text or 0) * KIB_IN[element.get("unit", "KiB")])


def devices(root: Element, tag: str) -> list[Element]:
    """The devices of that name: in two steps, for a path of several is searched by code in Python, and takes longer."""
    found = root.find("devices")
    return [] if found is None else found.findall(tag)


def own(root: Element) -> Element | None:
    """Our part of the metadata."""
    metadata = root.find("metadata")
    return None if metadata is None else metadata.find(f"{{{NAMESPACE}}}guest")


def ensure_own(root: Element) -> Element:
    """Our part of the metadata, made when it is missing."""
    return ensure(ensure(root, "metadata"), f"{{{NAMESPACE}}}guest")


def own_tag(tag: str) -> str:
    """The full name of an element of our metadata."""
    return f"{{{NAMESPACE}}}{tag}"
