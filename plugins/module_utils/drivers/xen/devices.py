# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What disks, drives and cards are called, and where they find a place. Source: xen-vbd-interface(7)."""

from __future__ import annotations

import re
import secrets
from collections.abc import Collection, Iterator

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.xen.cfg import Node
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.xen.definition import Definition
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.xen.disk_spec import DiskSpec, parse_disk
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.xen.nic_spec import (
    NicSpec,
    parse_nic,
    to_nic,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.xen.read import type_of
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import HypervisorError
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Nic

VDEV = re.compile(r"(xvd|hd|sd)([a-z]{1,2})", re.ASCII)
SEED_VDEV = "xvdz"
LETTERS = "abcdefghijklmnopqrstuvwxyz"
# The four places on the emulated IDE buses. The first four disks of an emulated machine are on them as well, so that
# its firmware can boot from them; new disks leave the second bus to drives.
IDE = (2, 3, 1, 0)
LARGEST = 701


def index_of(vdev: str) -> int | None:
    """The number of a device, from 0: xvdb and hdb are the same place."""
    match = VDEV.fullmatch(vdev)
    if match is None:
        return None
    number = -1
    for letter in match[2]:
        number = (number + 1) * len(LETTERS) + LETTERS.index(letter)
    return number


def name_of(prefix: str, index: int) -> str:
    """The name of a device by its number."""
    high, low = divmod(index, len(LETTERS))
    return f"{prefix}{LETTERS[high - 1] if high else ''}{LETTERS[low]}"


def free_disk(taken: Collection[str], kind: str) -> str:
    """A place for a new disk. taken: names of all devices of the guest."""
    used = {index_of(name) for name in taken} | {index_of(SEED_VDEV)} | ({2, 3} if kind == "hvm" else set())
    return name_of("xvd", next(index for index in range(LARGEST) if index not in used))


def free_drive(taken: Collection[str]) -> str:
    """A place for a new cdrom drive."""
    used = {index_of(name) for name in taken}
    place = next((index for index in IDE if index not in used), None)
    if place is None:
        raise HypervisorError("there are four places for disks and cdrom drives on the IDE buses, and all are taken")
    return name_of("hd", place)


def new_mac() -> str:
    """A MAC address out of those that are Xen's."""
    return "00:16:3e:" + ":".join(f"{secrets.randbelow(most):02x}" for most in (128, 256, 256))


def disks(definition: Definition) -> Iterator[tuple[Node, DiskSpec]]:
    """The disks and drives, each with its place in the text."""
    return ((item, parse_disk(item.text)) for item in definition.items_of("disk"))


def find_disk(definition: Definition, path: str | None) -> tuple[Node, DiskSpec] | None:
    """The disk whose data is at path."""
    return next((pair for pair in disks(definition) if path and pair[1].path == path and not pair[1].cdrom), None)


def find_device(definition: Definition, vdev: str | None) -> tuple[Node, DiskSpec] | None:
    """The disk or drive of that name."""
    return next((pair for pair in disks(definition) if pair[1].vdev == vdev), None)


def find_nic(definition: Definition, mac: str | None, like: Nic | None, bridge: str) -> tuple[Node, NicSpec] | None:
    """The card of that address; or of cards without an address the one that is like another, or the only one."""
    found = [(item, parse_nic(item.text)) for item in definition.items_of("vif")]
    if mac:
        return next((pair for pair in found if (pair[1].get("mac") or "").lower() == mac), None)
    bare = [pair for pair in found if not pair[1].get("mac")]
    kind = type_of(definition)
    alike = [pair for pair in bare if like is not None and to_nic(pair[1], kind, bridge) == like]
    if alike or len(bare) == 1:
        return (alike or bare)[0]
    return None
