# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ledger: what this collection made for a guest, kept in the metadata of the guest's own definition.

Only what stands in it is ever deleted. It is written with the definition, before the data it speaks of is made.
"""

from __future__ import annotations

from dataclasses import dataclass
from xml.etree.ElementTree import Element

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm import xml
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.ledger import Entry
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Autostart

UNFINISHED = "unfinished"


def entries(root: Element) -> list[Entry]:
    """The disks that the definition's ledger tells of."""
    own = xml.own(root)
    found = [] if own is None else own.findall(xml.own_tag("disk"))
    return [
        Entry(one.get("name", ""), one.get("path", ""), one.get("made") == "yes", one.get("pending") == "yes")
        for one in found
    ]


def find(root: Element, path: str | None) -> Entry | None:
    """What the ledger says of the data at path."""
    return next((entry for entry in entries(root) if path and entry.path == path), None)


def write(root: Element, entry: Entry) -> None:
    """Note a disk, in place of what was noted of the same path or name."""
    own = xml.ensure_own(root)
    for one in own.findall(xml.own_tag("disk")):
        if one.get("name") == entry.name:
            own.remove(one)
    write_beside(root, entry)


def write_beside(root: Element, entry: Entry) -> None:
    """Note a disk, in place of what was noted of the same path; another of its name, elsewhere, stays noted."""
    forget(root, entry.path)
    own = xml.ensure_own(root)
    made, pending = "yes" if entry.made else "no", "yes" if entry.pending else None
    xml.add(own, xml.own_tag("disk"), name=entry.name, path=entry.path, made=made, pending=pending)


def forget(root: Element, path: str) -> None:
    """Strike a disk or an overlay out by its path."""
    own = xml.own(root)
    for one in [] if own is None else [*own.findall(xml.own_tag("disk")), *own.findall(xml.own_tag("overlay"))]:
        if own is not None and one.get("path") == path:
            own.remove(one)


@dataclass(frozen=True)
class Overlay:
    """A file that we made on top of a disk's data for a snapshot: whose disk, and where.

    pending: we are making it at this moment, or a run that did so was killed.
    """

    disk: str
    path: str
    pending: bool = False


def overlays(root: Element) -> list[Overlay]:
    """The overlays that the definition's ledger tells of, the oldest first."""
    own = xml.own(root)
    found = [] if own is None else own.findall(xml.own_tag("overlay"))
    return [Overlay(one.get("disk", ""), one.get("path", ""), one.get("pending") == "yes") for one in found]


def write_overlay(root: Element, overlay: Overlay) -> None:
    """Note an overlay, in place of what was noted of the same path."""
    forget(root, overlay.path)
    pending = "yes" if overlay.pending else None
    xml.add(xml.ensure_own(root), xml.own_tag("overlay"), disk=overlay.disk, path=overlay.path, pending=pending)


def is_ours(root: Element, path: str) -> bool:
    """Whether we made what is at path, as a disk's data or as an overlay on it."""
    entry = find(root, path)
    return (entry is not None and entry.made) or any(one.path == path for one in overlays(root))


def seed_path(root: Element) -> str | None:
    """Where the guest's seed is."""
    own = xml.own(root)
    seed = None if own is None else own.find(xml.own_tag("seed"))
    return None if seed is None else seed.get("path")


def write_seed_path(root: Element, path: str) -> None:
    """Note where the guest's seed is."""
    xml.ensure(xml.ensure_own(root), xml.own_tag("seed")).set("path", path)


def autostart(root: Element, flagged: bool) -> Autostart:
    """Whether the guest starts with its host.

    flagged: libvirt starts it, in an order of its own; then what is noted does not count. Otherwise an order or a delay
    is noted for the unit that starts guests in their order.
    """
    own = xml.own(root)
    noted = None if own is None or flagged else own.find(xml.own_tag("autostart"))
    numbers = [None, None] if noted is None else [noted.get("order"), noted.get("delay")]
    order, delay = (int(number) if number and number.isdecimal() else None for number in numbers)
    return Autostart(flagged or noted is not None, order, delay)


def write_autostart(root: Element, wanted: Autostart) -> None:
    """Note order and delay; without either, strike them out."""
    own = xml.ensure_own(root)
    xml.drop(own, xml.own_tag("autostart"))
    if wanted.is_ordered:
        xml.add(own, xml.own_tag("autostart"), order=wanted.order, delay=wanted.delay_s)


def is_unfinished(root: Element) -> bool:
    """Whether a run that was making the guest from a package was killed."""
    own = xml.own(root)
    return own is not None and own.find(xml.own_tag(UNFINISHED)) is not None


def write_unfinished(root: Element, unfinished: bool) -> None:
    """Note that the guest is being made from a package, or that it is whole."""
    own = xml.ensure_own(root)
    xml.drop(own, xml.own_tag(UNFINISHED))
    if unfinished:
        xml.add(own, xml.own_tag(UNFINISHED))
