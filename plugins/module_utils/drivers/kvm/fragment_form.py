# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What users may write as XML, and what they may not, because an option of the guest specification is for it."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from xml.etree.ElementTree import Element

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm import fragments
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.fragments import Fragment
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.reader import CONTROL

_NAME = r"(?:qemu:)?[A-Za-z][A-Za-z0-9_-]{0,63}"
_WHERE = r"\[@[A-Za-z][A-Za-z0-9_-]{0,63}='[^'\"<>&\[\]]{0,255}'\]"
PATH = re.compile(f"{_NAME}(?:{_WHERE})*(?:/{_NAME}(?:{_WHERE})*){{0,15}}", re.ASCII)
SCREEN = "devices/graphics"
PATH_SAYS = "a path is names with / in between, as in features/hyperv or devices/controller[@type='usb']"
LARGEST = 16384
DEEPEST = 16

# The places that options are for.
OPTIONS = {
    "name": "name",
    "uuid": "uuid",
    "description": "description",
    "metadata": "",
    "memory": "memory_max",
    "currentMemory": "memory",
    "vcpu": "vcpus and vcpus_max",
    "vcpus": "vcpus",
    "os/type": "kvm.machine",
    "os/loader": "firmware and secure_boot",
    "os/firmware": "firmware and secure_boot",
    "os/nvram": "firmware",
    "os/boot": "boot_order",
    "cpu/topology": "kvm.topology",
    "cpu/model": "kvm.cpu_model",
    "devices/disk": "disks and cdroms",
    "devices/interface": "nics",
    "devices/tpm": "tpm",
    "devices/watchdog": "kvm.watchdog",
    "devices/hostdev": "kvm.pci_devices and kvm.usb_devices",
}
ATTRIBUTES = {
    ("os", "firmware"): "firmware",
    ("cpu", "mode"): "kvm.cpu_mode",
    (SCREEN, "type"): "kvm.graphics",
}
# Fragments are shown in diffs and logs.
SECRETS = ("passwd", "password")


def fragments_of(value: Sequence[Mapping[str, Any]]) -> tuple[Fragment, ...]:
    """The fragments of a wish. ValueError with what is wrong, and in which entry."""
    found = []
    for index, entry in enumerate(value):
        wrong = [str(error) for error in _wrong(entry["path"], entry["element"])]
        if wrong:
            raise ValueError(f"entry {index}: {wrong[0]}")
        text = entry["element"].strip()
        found.append(Fragment(entry["path"], fragments.lines(fragments.parse(text)) if text else ()))
    steps = [list(fragments.split(one.path)) for one in found]
    for path in sorted({one.path for one, mine in zip(found, steps) if steps.count(mine) > 1}):
        raise ValueError(f"the path {path} is there more than once")
    return tuple(found)


def _wrong(path: str, text: str) -> Iterator[str]:
    if not PATH.fullmatch(path):
        yield PATH_SAYS
        return
    place = "/".join(tag for tag, _where in fragments.split(path))
    yield from _wrong_steps(path)
    yield from _managed(place)
    if not text.strip():
        yield from _holds_managed(place)
        return
    if len(text) > LARGEST:
        yield f"at most {LARGEST} characters are allowed in an element"
    elif CONTROL.search(text) or "<!" in text or "<?" in text:
        yield "an element has no control characters, comments, declarations and instructions"
    else:
        yield from _wrong_element(path, place, text)


def _wrong_steps(path: str) -> Iterator[str]:
    """What is wrong with the attributes in a path. Of screens alone there are several, which these tell apart."""
    if sum(len(where) for _tag, where in fragments.split(path)) < path.count("[@"):
        yield "each step of a path names an attribute once"
    place = ""
    for tag, where in fragments.split(path):
        place = f"{place}/{tag}".lstrip("/")
        yield from (_written(place, key) for key in where if (place, key) in ATTRIBUTES and place != SCREEN)


def _written(place: str, key: str) -> str:
    return f"{key} of {place} is written with {ATTRIBUTES[place, key]}"


def _wrong_element(path: str, place: str, text: str) -> Iterator[str]:
    try:
        element = fragments.parse(text)
    except ET.ParseError as error:
        yield f"the element is no XML: {error}"
        return
    except ValueError as error:
        yield str(error)
        return
    tag, where = list(fragments.split(path))[-1]
    if element.tag != fragments.full(tag):
        yield f"the path ends in {tag}, and the element is another"
    if any(element.get(key, value) != value for key, value in where.items()):
        yield "the element has other attributes than its path asks for"
    for inner, one in fragments.places(element, place.rpartition("/")[0]):
        if inner.count("/") > DEEPEST:
            yield f"at most {DEEPEST} elements within one another are allowed"
            return
        yield from _managed(inner)
        yield from _wrong_content(inner, one)


def _wrong_content(place: str, element: Element) -> Iterator[str]:
    if any("{" in fragments.short(name) for name in (element.tag, *element.attrib)):
        yield "names of other namespaces than that of qemu: are not allowed"
    if any(CONTROL.search(text or "") for text in (element.text, *element.attrib.values())):
        yield f"{place} has no control characters, whichever way they are written"
    if any((child.tail or "").strip() for child in element):
        yield f"{place} has text between elements, where libvirt has none"
    if element.tag in SECRETS:
        yield f"{place} is a secret, which would be shown in diffs and logs"
    for key in element.attrib:
        if (place, key) in ATTRIBUTES:
            yield _written(place, key)
        if key in SECRETS:
            yield f"{key} of {place} is a secret, which would be shown in diffs and logs"


def _managed(place: str) -> Iterator[str]:
    """Whether a place, or one above it, is an option's."""
    for managed, option in OPTIONS.items():
        if f"{place}/".startswith(f"{managed}/"):
            yield f"{managed} is written with {option}" if option else f"{managed} is not to be written"


def _holds_managed(place: str) -> Iterator[str]:
    """Whether something at or below a place that is to go is an option's."""
    below = [managed for managed in OPTIONS if managed.startswith(f"{place}/")]
    below += [f"{key} of {managed}" for managed, key in ATTRIBUTES if f"{managed}/".startswith(f"{place}/")]
    if below:
        yield f"{place} cannot go, for options are there for what it holds: {', '.join(below)}"
