# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Parts of a definition that users write as XML: what such a part asks for, whether it is so, and how it is made so.

A fragment holds what an element must have: attributes, text and children. What else is in the element stays.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm import xml
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import PlanError
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.lists import Pairs, pair

PREFIXES = {"qemu": xml.KNOWN_PREFIXES["qemu"]}
# The attributes by which one of several children of one name is known.
IDENTITIES = ("name", "id", "index", "vcpu", "iothread")
# Arguments of QEMU's command line only mean something in the order in which they are written, one after the other.
IN_ORDER = f"{{{PREFIXES['qemu']}}}arg"
_STEP = re.compile(r"([^/\[]+)((?:\[[^\]]*\])*)")
_PREDICATE = re.compile(r"\[@([^=]+)='([^']*)'\]")


@dataclass(frozen=True)
class Fragment:
    """What must be at a path.

    path: as ElementTree takes it, from the definition's root to the element itself. element: its lines, indented, with
    attributes in the order of their names, so that equal elements are written equally; () means that there is none.
    """

    path: str
    element: tuple[str, ...] = ()

    @property
    def tree(self) -> Element | None:
        """The element to be."""
        return parse("\n".join(self.element)) if self.element else None


def parse(text: str) -> Element:
    """The one element that a text holds. ValueError when it is something else, xml.ParseError when it is no XML."""
    spaces = " ".join(f"xmlns:{prefix}='{uri}'" for prefix, uri in PREFIXES.items())
    root = xml.parse(f"<root {spaces}>{text}</root>")
    around = (root.text or "") + "".join(child.tail or "" for child in root)
    if len(root) != 1 or around.strip():
        raise ValueError("one element is allowed, with nothing around it")
    root[0].tail = None
    return root[0]


def lines(element: Element, indent: int = 0) -> tuple[str, ...]:
    """An element for people to read and for programs to compare."""
    pad, name = "  " * indent, short(element.tag)
    pairs = "".join(f" {short(key)}='{_quoted(value)}'" for key, value in sorted(element.attrib.items()))
    text = _escaped((element.text or "").strip())
    if not len(element):
        return (f"{pad}<{name}{pairs}>{text}</{name}>" if text else f"{pad}<{name}{pairs}/>",)
    inner = [line for child in element for line in lines(child, indent + 1)]
    return (f"{pad}<{name}{pairs}>{text}", *inner, f"{pad}</{name}>")


def short(name: str) -> str:
    """A name with its prefix in the place of its namespace."""
    found = (name.replace(f"{{{uri}}}", f"{prefix}:") for prefix, uri in PREFIXES.items() if f"{{{uri}}}" in name)
    return next(found, name)


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _quoted(text: str) -> str:
    return _escaped(text).replace("'", "&apos;").replace("\n", "&#10;").replace("\t", "&#9;")


def find(root: Element, path: str) -> Element | None:
    """The element at a path. PlanError when there is more than one."""
    found = root.findall(path, PREFIXES)
    if len(found) > 1:
        raise PlanError(f"xml: there are {len(found)} elements at {path}; narrow the path, as in {path}[@name='value']")
    return found[0] if found else None


def seen(root: Element, wished: Fragment) -> Fragment:
    """What a definition has of a fragment: the fragment itself where it is as wished."""
    found, element = find(root, wished.path), wished.tree
    if element is None:
        return wished if found is None else Fragment(wished.path, lines(found))
    if found is None:
        return Fragment(wished.path)
    return wished if holds(found, element) else Fragment(wished.path, lines(_part(found, element)))


def runs(root: Element, wished: Fragment) -> Fragment:
    """The same of a running definition, in which there may be more than one such element."""
    element, found = wished.tree, root.findall(wished.path, PREFIXES)
    so = not found if element is None else any(holds(one, element) for one in found)
    return wished if so else Fragment(wished.path, lines(found[0]) if found else ())


def holds(found: Element, wished: Element) -> bool:
    """Whether an element has everything that another one asks for, whatever else it has."""
    if found.tag != wished.tag or not _same_text(found, wished):
        return False
    attributes = {key: value for key, value in wished.attrib.items() if key != "unit" or not _is_size(wished)}
    if not all(_same(found.get(key), value) for key, value in attributes.items()):
        return False
    ordered = [child for child in wished if child.tag == IN_ORDER]
    rest = [child for child in wished if child.tag != IN_ORDER]
    paired = pair(rest, list(found), lambda a, b: holds(b, a))
    return _has_run(found, ordered) and all(other is not None for one, other in paired if one is not None)


def _same_text(found: Element, wished: Element) -> bool:
    if _is_size(wished) and _is_size(found):
        return xml.kib(found) == xml.kib(wished)
    text = (wished.text or "").strip()
    return not text or _same((found.text or "").strip(), text)


def _is_size(element: Element) -> bool:
    """Whether it is a size with a unit, which libvirt writes in a unit of its own choosing."""
    return element.get("unit") in xml.KIB_IN and (element.text or "").strip().isdecimal()


def _same(found: str | None, wished: str) -> bool:
    """Whether two values are the same text, or the same number."""
    return found == wished or (found is not None and _number(found) is not None and _number(found) == _number(wished))


def _number(text: str) -> int | None:
    try:
        return int(text, 16) if text.lower().startswith("0x") else int(text)
    except ValueError:
        return None


def _has_run(found: Element, wished: list[Element]) -> bool:
    """Whether the children that count in their order are there, one after the other."""
    there = [child for child in found if child.tag == IN_ORDER]
    starts = range(len(there) - len(wished) + 1)
    return any(all(holds(there[start + i], one) for i, one in enumerate(wished)) for start in starts)


def put(root: Element, wished: Fragment) -> None:
    """Make a definition have what a fragment asks for. PlanError when there is more than one element for it."""
    element, found = wished.tree, find(root, wished.path)
    if element is None:
        if found is not None:
            next(parent for parent in root.iter() if found in list(parent)).remove(found)
    elif found is None or not holds(found, element):
        _merge(_made(root, wished.path) if found is None else found, element)


def _made(root: Element, path: str) -> Element:
    """A new element at a path, in parents that are made where they are missing."""
    here = root
    steps = list(split(path))
    for index, (tag, predicates) in enumerate(steps):
        found = find(here, step_of(tag, predicates)) if index < len(steps) - 1 else None
        if found is None:
            found = xml.add(here, full(tag))
            found.attrib.update(predicates)
        here = found
    return here


def _merge(found: Element, wished: Element) -> None:
    found.attrib.update(wished.attrib)
    if (wished.text or "").strip():
        found.text = wished.text
    ordered = [child for child in wished if child.tag == IN_ORDER]
    if not _has_run(found, ordered):
        found.extend(copy.deepcopy(ordered))
    for one, other in _paired(found, wished):
        if one is not None and other is None:
            found.append(copy.deepcopy(one))
        elif one is not None and other is not None and not holds(other, one):
            _merge(other, one)


def _paired(found: Element, wished: Element) -> Pairs[Element]:
    """Which wished child is which found one: it is as wished already, or it is the one of that name."""
    want, have = ([child for child in side if child.tag != IN_ORDER] for side in (wished, found))

    def is_it(a: Element, b: Element) -> bool:
        keys = [key for key in IDENTITIES if key in a.attrib]
        if keys:
            return a.tag == b.tag and all(_same(b.get(key), a.attrib[key]) for key in keys)
        return a.tag == b.tag and all(sum(1 for one in side if one.tag == a.tag) == 1 for side in (want, have))

    return pair(want, have, lambda a, b: holds(b, a), is_it)


def _part(found: Element, wished: Element) -> Element:
    """What an element has of that which is wished: the rest is nobody's business."""
    part = Element(found.tag, {key: value for key, value in found.attrib.items() if key in wished.attrib})
    part.text = found.text if (wished.text or "").strip() else None
    part.extend(_part(other, one) for one, other in _paired(found, wished) if one is not None and other is not None)
    part.extend(child for child in found if child.tag == IN_ORDER)
    return part


def split(path: str) -> Iterator[tuple[str, dict[str, str]]]:
    """The steps of a path, each a name with the attributes that it must have."""
    for match in _STEP.finditer(path):
        yield match.group(1), dict(_PREDICATE.findall(match.group(2)))


def step_of(tag: str, predicates: dict[str, str]) -> str:
    """One step of a path."""
    return tag + "".join(f"[@{key}='{value}']" for key, value in predicates.items())


def full(tag: str) -> str:
    """A name with its namespace in the place of its prefix."""
    prefix, colon, name = tag.partition(":")
    return f"{{{PREFIXES[prefix]}}}{name}" if colon else tag


def places(element: Element, above: str) -> Iterable[tuple[str, Element]]:
    """Every element within one, and itself, with its place in the definition. above: the place of its parent."""
    place = f"{above}/{short(element.tag)}".lstrip("/")
    yield place, element
    for child in element:
        yield from places(child, place)
