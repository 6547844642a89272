# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The XML of an OVF descriptor, which may come from anywhere: read without document types and entities, and bounded."""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.etree import ElementTree as ET
from xml.etree.ElementTree import Element

from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import PlanError
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.shape import quote

DESCRIPTOR_LARGEST = 4 * 1024 * 1024
ENVELOPES = ("http://schemas.dmtf.org/ovf/envelope/1", "http://schemas.dmtf.org/ovf/envelope/2")
CIM = "http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/"
VENDOR = "http://www.vmware.com/schema/ovf"
# Beside comments and CDATA only a document type begins so, and what can be within one.
_DECLARATION = re.compile(r"<!(?!--|\[CDATA\[)")
_ENCODING = re.compile(r"""\s*<\?xml\s[^>]{0,200}?encoding\s*=\s*["']([^"']{0,80})["']""")
_READ_AS_UTF8 = ("utf-8", "utf8", "us-ascii", "ascii")


def parse(data: bytes) -> Element:
    """The envelope of a descriptor. PlanError for all that is none.

    It is decoded here: a parser that chooses the encoding itself could see declarations that were not seen here.
    """
    if len(data) > DESCRIPTOR_LARGEST:
        raise PlanError(f"a descriptor of at most {DESCRIPTOR_LARGEST} bytes is allowed; it has {len(data)}")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise PlanError(f"a descriptor in UTF-8 is allowed: byte {error.start} is none of a character") from error
    named = _ENCODING.match(text)
    if named and named[1].lower() not in _READ_AS_UTF8:
        raise PlanError(f"a descriptor in UTF-8 is allowed{quote(named[1])}")
    if _DECLARATION.search(text):
        raise PlanError("a descriptor without document type and entities is allowed; it declares some")
    try:
        root = ET.fromstring(text)
    except ET.ParseError as error:
        raise PlanError(f"it is not well-formed XML: {error}") from error
    if root.tag not in [f"{{{space}}}Envelope" for space in ENVELOPES]:
        raise PlanError(f"an Envelope of OVF 1 or 2 is allowed{quote(root.tag)}")
    return root


def space_of(element: Element) -> str:
    """The namespace of an element."""
    return element.tag[1:].partition("}")[0] if element.tag.startswith("{") else ""


def name_of(element: Element) -> str:
    """The name of an element, without its namespace."""
    return element.tag.rpartition("}")[2]


def children(element: Element, name: str) -> Iterator[Element]:
    """The children of that name that are in the element's own namespace."""
    yield from element.findall(f"{{{space_of(element)}}}{name}")


def child(element: Element, name: str) -> Element | None:
    """The only child of that name. PlanError where there are two, of which readers would take one or the other."""
    found = list(children(element, name))
    if len(found) > 1:
        raise PlanError(f"{name_of(element)}: one {name} is allowed; it has {len(found)}")
    return found[0] if found else None


def attribute(element: Element, name: str) -> str | None:
    """An attribute of OVF. Most tools write it with a prefix, as the standard says, some without."""
    return element.get(f"{{{space_of(element)}}}{name}", element.get(name))


def needed(element: Element, name: str) -> str:
    """An attribute that has to be there."""
    found = attribute(element, name)
    if not found:
        raise PlanError(f"{name_of(element)}: the attribute {name} is needed")
    return found


def text_of(element: Element | None) -> str | None:
    """The text of an element as it is; None where there is none."""
    return (element.text or None) if element is not None else None


def number(text: str | None, where: str, least: int, most: int) -> int:
    """A whole number within bounds. PlanError says where it is and what is allowed."""
    stripped = (text or "").strip()
    if re.fullmatch(r"[0-9]{1,20}", stripped, re.ASCII) and least <= int(stripped) <= most:
        return int(stripped)
    raise PlanError(f"{where}: a whole number from {least} to {most} is allowed{quote(text)}")
