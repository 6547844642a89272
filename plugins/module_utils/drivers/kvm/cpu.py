# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The processor of a guest in libvirt's XML: its mode or model, and how its vcpus are laid out."""

from __future__ import annotations

from dataclasses import fields
from xml.etree.ElementTree import Element

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm import xml
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.forms import Topology

# What a new guest of each type has.
DEFAULT_MODES = {"kvm": "host-passthrough", "qemu": "maximum"}
CUSTOM = "custom"


def mode(root: Element, book: Element) -> str | None:
    """The processor's mode. When a guest starts, libvirt writes host-model out as a custom model of many features.

    book: the stored definition.
    """
    found, stored = xml.attribute(root, "cpu", "mode"), xml.attribute(book, "cpu", "mode")
    return stored if (found, stored) == (CUSTOM, "host-model") else found


def model(root: Element, book: Element) -> str | None:
    """The model, where one was written."""
    return root.findtext("cpu/model") if mode(root, book) == CUSTOM else None


def put(root: Element, wanted: str) -> None:
    """Give a guest a processor of a mode."""
    cpu = xml.ensure(root, "cpu")
    # A model, and the attributes, belong to the mode they were written for; a model brings its own list of features.
    gone = ("model", "vendor", *(["feature"] if cpu.get("mode", CUSTOM) == CUSTOM else []))
    kept = [one for one in cpu if one.tag not in gone and one.get("mode") != "passthrough"]
    cpu.clear()
    cpu.set("mode", wanted)
    cpu.extend(kept)


def put_model(root: Element, named: str) -> None:
    """Give a guest a processor of a model. Features that were written beside another model stay."""
    cpu = xml.ensure(root, "cpu")
    if cpu.get("mode", CUSTOM) != CUSTOM or not cpu.get("match"):
        put(root, CUSTOM)
        cpu.set("match", "exact")
    for tag in ("model", "vendor"):
        xml.drop(cpu, tag)
    cpu.insert(0, Element("model", {"fallback": "forbid"}))
    cpu[0].text = named


def topology(root: Element) -> Topology | None:
    """How the vcpus are laid out, None where nothing says so."""
    found = root.find("cpu/topology")
    names = [one.name for one in fields(Topology)]
    return None if found is None else Topology(**{name: int(found.get(name, "1")) for name in names})


def put_topology(root: Element, wanted: Topology) -> None:
    """Lay out the vcpus."""
    drop_topology(root)
    numbers = {one.name: getattr(wanted, one.name) for one in fields(wanted)}
    xml.add(xml.ensure(root, "cpu"), "topology", **numbers)


def drop_topology(root: Element) -> None:
    """Leave it to libvirt how the vcpus are laid out."""
    cpu = root.find("cpu")
    if cpu is not None:
        xml.drop(cpu, "topology")
