# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From libvirt's XML to a Guest. Pure: what only the host can tell comes in as Facts."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from xml.etree.ElementTree import Element

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm import (
    boot,
    cpu,
    disk_options,
    ledger,
    passthrough,
    snapshot_chain,
    watchdog,
    xml,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.seed import DIGEST_DIGITS
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import (
    Cdrom,
    CloudInit,
    Disk,
    Guest,
    Nic,
)

_SEED = re.compile(rf".+-([0-9a-f]{{{DIGEST_DIGITS}}})\.iso", re.ASCII)
TRUNK = -1  # several vlans on one card: equal to no vlan that can be wished for


@dataclass(frozen=True)
class Facts:
    """What the XML does not say.

    state: running | paused | stopped. sizes: path to capacity in bytes, for data that is there. pools: folder to
    pool name. shared: paths that other guests refer to. files: whether a path exists, for the seed.
    """

    state: str = "stopped"
    autostart: bool = False
    sizes: Mapping[str, int] = field(default_factory=dict)
    pools: Mapping[str, str] = field(default_factory=dict)
    shared: frozenset[str] = frozenset()
    seed_there: bool = True


def read_guest(root: Element, facts: Facts, book: Element | None = None) -> Guest:
    """Make a Guest out of a domain's XML.

    book: the XML whose ledger counts, when it is not root's own (a running guest's stored definition).
    """
    book = root if book is None else book
    vcpu = root.find("vcpu")
    vcpus_max = int((vcpu.text or "1") if vcpu is not None else 1)
    memory_kib = xml.kib(root.find("memory"))
    current_kib = xml.kib(root.find("currentMemory")) or memory_kib
    uefi = is_uefi(root)
    return Guest(
        name=root.findtext("name", ""),
        state=facts.state,
        description=root.findtext("description", "").strip(),
        vcpus=int(xml.attribute(root, "vcpu", "current") or vcpus_max),
        vcpus_max=vcpus_max,
        memory_mib=current_kib // 1024,
        memory_max_mib=memory_kib // 1024,
        firmware="uefi" if uefi else "bios",
        secure_boot=uefi and is_secure(root),
        tpm=root.find("devices/tpm") is not None,
        boot_order=boot.order(root),
        disks=tuple(_disk(one, root, facts, book) for one in disks(root)),
        cdroms=tuple(Cdrom(source(one), xml.attribute(one, "target", "dev")) for one in cdroms(root)),
        nics=tuple(_nic(one) for one in xml.devices(root, "interface")),
        cloud_init=_cloud_init(root, facts),
        autostart=ledger.autostart(book, facts.autostart),
        options=tuple(sorted((key, value) for key, value in _options(root, book).items() if value is not None)),
        uuid=root.findtext("uuid"),
        unfinished=ledger.is_unfinished(book),
    )


def is_uefi(root: Element) -> bool:
    """Whether the firmware is UEFI, chosen by libvirt or named by its file."""
    return xml.attribute(root, "os", "firmware") == "efi" or xml.attribute(root, "os/loader", "type") == "pflash"


def is_secure(root: Element) -> bool:
    """Whether the firmware enforces secure boot."""
    wanted = xml.attribute(root, "os/firmware/feature[@name='secure-boot']", "enabled")
    return wanted == "yes" if wanted else xml.attribute(root, "os/loader", "secure") == "yes"


def disks(root: Element) -> list[Element]:
    """The elements of disks, without cdroms and floppies."""
    return [one for one in xml.devices(root, "disk") if one.get("device", "disk") in ("disk", "lun")]


def cdroms(root: Element) -> list[Element]:
    """The elements of cdrom drives, without the one that holds the seed."""
    seed = seed_drive(root)
    return [one for one in xml.devices(root, "disk") if one.get("device") == "cdrom" and one is not seed]


def seed_drive(root: Element) -> Element | None:
    """The cdrom drive that holds the seed: the one with the medium that the ledger, or its name, says."""
    noted = ledger.seed_path(root)
    drives = [one for one in xml.devices(root, "disk") if one.get("device") == "cdrom"]
    return next((one for one in drives if noted is not None and source(one) == noted), None)


def source(disk: Element) -> str | None:
    """Where a disk's or drive's data is: a file, a device, or the name of a network resource; None when empty."""
    element = disk.find("source")
    if element is None:
        return None
    for key in ("file", "dev", "dir", "name", "volume"):
        if element.get(key):
            return element.get(key)
    return None


def sources(root: Element) -> dict[str, str | None]:
    """Every path that a definition refers to: disks, media, what is below them or holds their data, copies' targets.

    With the format of what is there, as far as the definition says it: what a guest has written must not tell it.
    """
    bases = [(one.get("file"), one.get("format")) for one in root.iter(snapshot_chain.BASE)]
    elements = [(one, "driver") for one in xml.devices(root, "disk")]
    elements += [(one, "format") for tag in ("backingStore", "dataStore", "mirror") for one in root.iter(tag)]
    for element, tag in elements:
        place, kind = element.find("source"), xml.attribute(element, tag, "type")
        bases += [] if place is None else [(place.get(key), kind) for key in ("file", "dev")]
    # Of one that is there twice, the side that says a format counts.
    return {path: kind for path, kind in sorted(bases, key=lambda one: one[1] is not None) if path}


def written(root: Element) -> set[str]:
    """Every path that a guest writes to, as a disk, as where a disk keeps its data, or as the target of a copy."""
    places = ("source", "source/dataStore/source", "mirror/source", "mirror/source/dataStore/source")
    own = [one for one in xml.devices(root, "disk") if one.get("device") != "cdrom" and one.find("readonly") is None]
    found = [element for one in own for place in places for element in one.findall(place)]
    return {path for one in found for path in (one.get("file"), one.get("dev")) if path}


def formats(root: Element) -> dict[str, str | None]:
    """Where the data of every disk is, with its format as far as that is said."""
    paths = {source(one): xml.attribute(one, "driver", "type") for one in disks(root)}
    return {path: kind for path, kind in paths.items() if path}


def _disk(element: Element, root: Element, facts: Facts, book: Element) -> Disk:
    """A disk; with overlays on it, it is what it was without them, but for where its data is now."""
    path = source(element)
    origin = snapshot_chain.origin(book, root, element)
    first = origin.entry.path if origin else path
    target = xml.attribute(element, "target", "dev") or ""
    return Disk(
        name=origin.entry.name if origin else target,
        size_bytes=facts.sizes.get(path or ""),
        pool=facts.pools.get(os.path.dirname(first)) if first else None,
        format=(origin.format if origin else None) or xml.attribute(element, "driver", "type"),
        bus=xml.attribute(element, "target", "bus"),
        path=path,
        owned=origin is not None and origin.ours and origin.entry.made and path not in facts.shared,
        options=disk_options.read(element),
    )


def _nic(element: Element) -> Nic:
    kind = element.get("type")
    tags = element.findall("vlan/tag")
    return Nic(
        network=xml.attribute(element, "source", "network") if kind == "network" else None,
        bridge=xml.attribute(element, "source", "bridge") if kind == "bridge" else None,
        mac=(xml.attribute(element, "mac", "address") or "").lower() or None,
        vlan=TRUNK if len(tags) > 1 else int(tags[0].get("id", "0")) if tags else 0,
        model=xml.attribute(element, "model", "type"),
        link=xml.attribute(element, "link", "state") or "up",
    )


def _cloud_init(root: Element, facts: Facts) -> CloudInit | None:
    drive = seed_drive(root)
    path = None if drive is None else source(drive)
    match = _SEED.fullmatch(os.path.basename(path)) if path else None
    return CloudInit(match.group(1)) if match and facts.seed_there else None


def _options(root: Element, book: Element) -> dict[str, Any]:
    return {
        "type": root.get("type"),
        "machine": xml.attribute(root, "os/type", "machine"),
        "cpu_mode": cpu.mode(root, book),
        "cpu_model": cpu.model(root, book),
        "topology": cpu.topology(root),
        "graphics": xml.attribute(root, "devices/graphics", "type") or "none",
        "watchdog": watchdog.found(root),
        **{option: passthrough.devices(root, option) for option in passthrough.KINDS},
    }
