# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Disks with overlays on them: an external snapshot moves a guest to a new file, and the disk stays the same disk."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Optional
from xml.etree.ElementTree import Element

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm import ledger, xml
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.connect import libvirt
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.ledger import Entry

# A chain is cut off here: one that is longer than libvirt allows is a loop.
LONGEST = 200
BASE = xml.own_tag("base")
# A snapshot holds the guest's definition of its time; of one that was running also that for its next start.
TOP = ("domain", "inactiveDomain")
Link = tuple[str, Optional[str]]
Chain = list[Link]


@dataclass(frozen=True)
class Origin:
    """What a disk was before there were overlays on it.

    entry: what the ledger says of it. format: of its data, None when it is the disk's own. ours: every overlay on it
    is one that we made.
    """

    entry: Entry
    format: str | None
    ours: bool


def origin(book: Element, root: Element, disk: Element) -> Origin | None:
    """Which of the ledger's disks a definition's disk is; None when it is none of them.

    book: the definition whose ledger counts. A file that is attached itself is no other disk's origin.
    """
    path = _file(disk)
    entry = ledger.find(book, path)
    if entry is not None:
        return Origin(entry, None, True)
    attached, ours = _attached(root), path is not None and ledger.is_ours(book, path)
    for base, kind in below(book, disk):
        entry = ledger.find(book, base)
        if entry is not None:
            return None if base in attached else Origin(entry, kind, ours)
        ours = ours and ledger.is_ours(book, base)
    return None


def stack(book: Element, root: Element, path: str) -> list[str]:
    """The files of ours that a disk's data is in: path, and what it is based on, as far down as it is ours."""
    attached = _attached(root)
    found = [path]
    for base, _kind in next((below(book, disk) for disk in root.findall("devices/disk") if _file(disk) == path), []):
        if base in attached or not ledger.is_ours(book, base):
            break
        found.append(base)
    return found


def below(book: Element, disk: Element) -> Chain:
    """What a disk's file is based on; where its element does not tell, by what the ledger says of our own overlays."""
    found = chain(disk)
    notes = ledger.overlays(book)
    here = next((one for one in notes if one.path == _file(disk)), None)
    if found or here is None:
        return found
    older = [one.path for one in notes[: notes.index(here)] if one.disk == here.disk]
    first = [entry.path for entry in ledger.entries(book) if entry.name == here.disk]
    return [(path, None) for path in (*reversed(older), *first)]


def chain(disk: Element) -> Chain:
    """What a disk's file is based on, as far as its element tells: path and format, the nearest first."""
    found: Chain = [(one.get("file", ""), one.get("format")) for one in disk.findall(BASE)]
    store = disk.find("backingStore")
    while store is not None:
        path = _file(store)
        if path:
            found.append((path, xml.attribute(store, "format", "type")))
        store = store.find("backingStore")
    return found


def note_chains(domain: libvirt.virDomain, root: Element) -> Element:
    """Note what a disk is based on where the definition does not say so, and that disk may be one of the ledger's.

    While a guest is off, libvirt moves it to an overlay without a word on what that is based on. It takes no notice of
    what is noted here.
    """
    known = {entry.path for entry in ledger.entries(root)}
    attached = _attached(root)
    if known <= attached:
        return root
    unknown = [one for one in xml.devices(root, "disk") if one.find("backingStore/source") is None]
    unknown = [one for one in unknown if one.get("device", "disk") == "disk" and _file(one) not in (None, *known)]
    told = _told(domain) if unknown else {}
    for disk in unknown:
        for path, kind in _follow(domain, _file(disk) or "", told):
            xml.add(disk, BASE, file=path, format=kind)
    return root


def _follow(domain: libvirt.virDomain, path: str, told: dict[str, Link]) -> Iterator[Link]:
    for _step in range(LONGEST):
        base = told.get(path) or _volume_base(domain, path)
        if base is None:
            return
        yield base
        path = base[0]


def _told(domain: libvirt.virDomain) -> dict[str, Link]:
    """What the guest's external snapshots tell: overlay to the file below it and that file's format."""
    found: dict[str, Link] = {}
    for snapshot in domain.listAllSnapshots(0):
        root = xml.parse(snapshot.getXMLDesc(0))
        disks = {xml.attribute(one, "target", "dev"): one for one in root.findall("domain/devices/disk")}
        for disk in root.findall("disks/disk[@snapshot='external']"):
            below, overlay = disks.get(disk.get("name")), _file(disk)
            base = None if below is None else _file(below)
            if below is not None and overlay and base:
                found[overlay] = (base, xml.attribute(below, "driver", "type"))
    return found


def snapshot_files(domain: libvirt.virDomain) -> set[str]:
    """Every file that a guest's snapshots refer to: overlays, and the disks and media of the guest as it was."""
    roots = [xml.parse(snapshot.getXMLDesc(0)) for snapshot in domain.listAllSnapshots(0)]
    elements = [*(one for root in roots for one in root.findall("disks/disk"))]
    elements += [one for root in roots for tag in TOP for one in root.findall(f"{tag}/devices/disk")]
    return {path for path in map(_file, elements) if path}


def _volume_base(domain: libvirt.virDomain, path: str) -> Link | None:
    """What a pool's volume is based on, by libvirt's own look at it."""
    connection = domain.connect()
    with suppress(libvirt.libvirtError):
        try:
            volume = connection.storageVolLookupByPath(path)
        except libvirt.libvirtError:
            connection.storagePoolLookupByTargetPath(os.path.dirname(path)).refresh(0)
            volume = connection.storageVolLookupByPath(path)
        root = xml.parse(volume.XMLDesc(0))
        base = root.findtext("backingStore/path")
        return (base, xml.attribute(root, "backingStore/format", "type")) if base else None
    return None


def _attached(root: Element) -> set[str | None]:
    return {_file(disk) for disk in root.findall("devices/disk")}


def _file(element: Element) -> str | None:
    """The file or device that a disk, or a link of its chain, is in."""
    source = element.find("source")
    return None if source is None else source.get("file") or source.get("dev")
