# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What this host cannot do with a guest's disks, and what it must not: no two disks ever have the same data."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from xml.etree.ElementTree import Element

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm import (
    edit_devices,
    in_use,
    nvme,
    read,
    xml,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.abilities import Facts
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.connect import libvirt_says
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.roots import live_root, stored_root
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.storage import too_small
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.change import Change
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import PlanError
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Disk, Guest


def looks(change: Change, facts: Facts) -> Iterator[Callable[[], None]]:
    """What there is to look at for a change of a disk."""
    subject = (change.verb, change.field)
    if subject == ("add", "disks") and not _is_known(change.name, change.after, facts):
        yield partial(_check_disk, change.name, change.after, facts)
        yield partial(_check_bus, change.name, change.after.bus, change.key, facts)
    elif subject == ("set", "disks.bus"):
        yield partial(_check_bus, change.name, change.after, change.key, facts)
    elif subject == ("grow", "disks.size_bytes"):
        yield partial(_check_growth, change, facts)
        if change.hot:
            yield partial(_check_running_growth, change, facts)


def looks_new(new: Guest, disk: Disk, facts: Facts) -> Iterator[Callable[[], None]]:
    """What there is to look at for a disk of a new guest."""
    yield partial(_check_disk, new.name, disk, facts)
    yield partial(_check_new_bus, new, disk, facts)


def _check_disk(guest: str, disk: Disk, facts: Facts) -> None:
    placed = facts.storage.place(guest, disk)
    seen = facts.seen
    if seen is not None:
        in_use.refuse_used(guest, placed, seen, facts.storage)
    facts.storage.check(placed)
    below = [] if seen is None else in_use.refuse_changing(guest, placed, seen, facts.storage)
    facts.claims.add(guest, placed, given=bool(disk.path), below=below)


def _is_known(guest: str, disk: Disk, facts: Facts) -> bool:
    """Whether a disk is the guest's already, and is only to be plugged in or stored."""
    return bool(disk.path) and facts.seen is not None and facts.seen.has_disk(guest, disk)


def _check_growth(change: Change, facts: Facts) -> None:
    path = facts.seen.paths(change.name).get(change.key) if facts.seen is not None else None
    if path and not facts.storage.can_grow(path):
        raise PlanError(too_small(change.key, path, change.before, change.after))


def _check_running_growth(change: Change, facts: Facts) -> None:
    """QEMU refuses to resize what a disk on nvme is in ("Permission conflict", up to 11.1 at least)."""
    with libvirt_says():
        domain = facts.connection.lookupByName(change.name)
        root, book = live_root(domain), stored_root(domain)
    on_nvme = [one for one in read.disks(root) if xml.attribute(one, "target", "bus") == nvme.BUS]
    if change.key in [edit_devices.disk_name(book, one) for one in on_nvme]:
        raise PlanError(f"disk {change.key} is on the bus nvme, and cannot grow while the guest runs: stop it first")


def _check_new_bus(new: Guest, disk: Disk, facts: Facts) -> None:
    if disk.bus is not None:
        _refuse_bus(disk.bus, disk.name, facts.abilities(new))


def _check_bus(guest: str, bus: str | None, disk: str, facts: Facts) -> None:
    if bus is not None:
        _refuse_bus(bus, disk, facts.abilities_of(guest))


def _refuse_bus(bus: str, disk: str, abilities: Element) -> None:
    buses = [one.text or "" for one in abilities.findall("devices/disk/enum[@name='bus']/value")]
    if buses and bus not in buses:
        raise PlanError(f"disk {disk}: this host's guests have no bus {bus}; there are: {', '.join(sorted(buses))}")
