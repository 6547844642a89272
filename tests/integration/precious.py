# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A guest whose disks hold data, what is asked of it, and how to tell whether the data is still there."""

from __future__ import annotations

import hashlib
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import libvirt

from ansible_collections.hostforge.hypervisor.tests.integration import foreign
from ansible_collections.hostforge.hypervisor.tests.integration.daemon import POOLS
from ansible_collections.hostforge.hypervisor.tests.integration.private import run
from ansible_collections.hostforge.hypervisor.tests.integration.runs import (
    Result,
    define,
    guest,
)

FOLDER = POOLS["default"]
ROOT = f"{FOLDER}/db1.root.qcow2"
DATA = f"{FOLDER}/db1.data.qcow2"
IMAGE = "/var/lib/hostforge/base.qcow2"
ISO = "/var/lib/hostforge/tools.iso"
DB1: dict[str, Any] = {
    "name": "db1",
    "memory": "128 MiB",
    "disks": [{"name": "root", "size": "64 MiB"}, {"name": "data", "size": "32 MiB"}],
}
GONE = {"name": "db1", "state": "absent"}
GONE_WITH_DISKS = {**GONE, "delete_disks": True}
WITHOUT_DATA = {**DB1, "disks": DB1["disks"][:1], "delete_disks": True}


def make_db1(kvm: libvirt.virConnect) -> libvirt.virDomain:
    """A guest with two disks that hold data."""
    guest(**DB1)
    for path in (ROOT, DATA):
        write(path)
    return kvm.lookupByName("db1")


def write(path: str) -> None:
    """Put data into a disk."""
    run("qemu-io", "-f", "qcow2", "-c", "write -q -P 0x5a 0 1M", path)


def content(path: str) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def kept(result: Result) -> list[str]:
    return [path for entry in result["guests"] for path in entry.get("kept_disks", [])]


def use(path: str, name: str = "other", kind: str = "qcow2") -> None:
    """Make a guest past the collection that has a disk there."""
    define(ET.fromstring(foreign.GUEST.format(name=name, path=path, format=kind)))
