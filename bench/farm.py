# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host full of guests: what is wished of them, and how so many come to be there quickly."""

from __future__ import annotations

import shutil
import uuid
from pathlib import Path
from typing import Any

import libvirt

from ansible_collections.hostforge.hypervisor.tests.integration.daemon import POOLS

FOLDER = Path(POOLS["default"])
MODEL = "guest-0000"
CHUNK_BYTES = 1024 * 1024


def name_of(number: int) -> str:
    """A guest's name, of equal length for all."""
    return f"guest-{number:04}"


def mac_of(number: int) -> str:
    """The address of a guest's card."""
    return f"52:54:00:00:{number >> 8:02x}:{number & 255:02x}"


def wish(number: int, disks: bool = True) -> dict[str, Any]:
    """What is wished of a guest: what people write of most of theirs."""
    written: dict[str, Any] = {
        "name": name_of(number),
        "description": f"number {number} of many",
        "vcpus": 2,
        "memory": "1 GiB",
        "nics": [{"network": "default", "mac": mac_of(number)}],
        "autostart": False,
    }
    return {**written, "disks": [{"name": "root", "size": "20 GiB"}]} if disks else written


def fill(connection: libvirt.virConnect, count: int) -> None:
    """Bring the host to so many guests. The collection has made the first; the others are its likes."""
    stored = connection.lookupByName(MODEL)
    text = stored.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE)
    there = {domain.name() for domain in connection.listAllDomains(0)}
    disk = FOLDER / f"{MODEL}.root.qcow2"
    for number in range(1, count):
        name = name_of(number)
        if name not in there:
            shutil.copy2(disk, FOLDER / f"{name}.root.qcow2")
            like = text.replace(MODEL, name).replace(stored.UUIDString(), str(uuid.uuid4()))
            like = like.replace(mac_of(0), mac_of(number)).replace("number 0 of many", f"number {number} of many")
            connection.defineXML(like)


def definitions(connection: libvirt.virConnect, folder: Path) -> list[Path]:
    """Write the definition of every guest into a folder; the files."""
    folder.mkdir()
    files = {folder / f"{domain.name()}.xml": domain for domain in connection.listAllDomains(0)}
    for file, domain in files.items():
        file.write_text(domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE))
    return sorted(files)


def image(name: str, size_bytes: int, data_bytes: int) -> Path:
    """A raw image whose data stands in its first part; the rest is a hole."""
    path = Path(POOLS["fast"]) / f"{name}.img"
    with path.open("wb") as file:
        for _number in range(data_bytes // CHUNK_BYTES):
            file.write(b"\x5a" * CHUNK_BYTES)
        file.truncate(size_bytes)
    return path


def clear(connection: libvirt.virConnect) -> None:
    """Leave a host without guests and their disks."""
    for domain in connection.listAllDomains(0):
        if domain.isActive():
            domain.destroy()
        domain.undefine()
    for path in FOLDER.iterdir():
        path.unlink()
    connection.storagePoolLookupByName("default").refresh()
