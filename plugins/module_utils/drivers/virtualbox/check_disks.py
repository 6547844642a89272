# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What this host cannot do with a guest's disks, and what it must not: no two guests ever have the same data."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.virtualbox.facts import Facts
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.virtualbox.look import real
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.virtualbox.words import (
    CONTROLLERS,
    DEFAULT_BUS,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.change import Change
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import PlanError
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Disk, Guest

Question = Callable[[], None]


def questions(change: Change, have: Guest | None, facts: Facts) -> Iterator[Question]:
    """What there is to look at for a change of a disk."""
    subject = (change.verb, change.field)
    if subject == ("add", "disks"):
        if facts.seen.slot(change.name, change.after.path) is None:
            yield partial(check_new, change.name, change.after, facts)
        if have is not None and have.live is not None and change.hot:
            yield partial(_check_port, change.name, change.after, facts)
    elif change.verb == "remove" or subject in (("grow", "disks.size_bytes"), ("set", "disks.bus")):
        path = change.before.path if isinstance(change.before, Disk) else _path(have, change.key)
        yield partial(_refuse_layered, change.name, path, change.key, facts)
    if change.delete:
        yield partial(_check_unused, change.name, change.before, facts)


def questions_at_start(name: str, want: Guest, have: Guest | None, facts: Facts) -> Iterator[Question]:
    """What VirtualBox would find out late."""
    gone = {disk.name for disk in have.disks or ()} - {one.name for one in want.disks} if have and want.disks else set()
    for disk in have.disks or () if have else ():
        if disk.name not in gone:
            yield partial(_check_there, name, disk, facts)


def _path(have: Guest | None, name: str) -> str | None:
    return next((disk.path for disk in have.disks or () if disk.name == name), None) if have else None


def check_new(guest: str, disk: Disk, facts: Facts) -> None:
    """Refuse a disk that cannot be made or taken."""
    placed = facts.storage.place(guest, disk)
    path = placed.path or ""
    others = facts.seen.others(path, guest)
    if others or (disk.path and facts.seen.slot(guest, path) is not None):
        raise PlanError(f"disk {disk.name}: {path} belongs to {', '.join(others) or 'this guest as another disk'}")
    _claim(guest, disk.name, path, facts)
    if placed.pool is None:
        _check_given(placed, facts)
    elif facts.storage.files.is_there(path) and not facts.storage.files.is_blank(placed):
        based = facts.storage.based(path)
        if based:
            raise PlanError(f"disk {disk.name}: {path} is there already, and {', '.join(based)} are based on it")
        facts.storage.files.check_kept(placed)
    else:
        facts.storage.files.check_new(placed)


def _claim(guest: str, disk: str, path: str, facts: Facts) -> None:
    owner, other = facts.wanted.setdefault(real(path), (guest, disk))
    if (owner, other) != (guest, disk):
        raise PlanError(f"disk {disk}: {path} is to be that of disk {other} of guest {owner}")


def _check_given(disk: Disk, facts: Facts) -> None:
    path = disk.path or ""
    found = facts.host.info(path)
    if found is None:
        raise PlanError(f"disk {disk.name}: there is no {path}; the data of a path must be there")
    if found.kind != "file":
        raise PlanError(f"disk {disk.name}: {path} is no file, and VirtualBox has disks in files")
    if facts.storage.files.is_cached(path):
        raise PlanError(f"disk {disk.name}: {path} is an image that disks are made from; use it as image")
    facts.storage.files.check_format(disk)
    below = facts.storage.based(path)
    if below:
        raise PlanError(f"disk {disk.name}: {', '.join(below)} are based on {path}, which would break them")


def _check_port(guest: str, disk: Disk, facts: Facts) -> None:
    """A running guest gets neither controllers nor ports."""
    wanted = CONTROLLERS[disk.bus or DEFAULT_BUS]
    machine = facts.seen.machines[guest]
    for one in facts.api.list_of(machine, "storageControllers"):
        if facts.api.word("StorageBus", one.bus) == wanted.bus:
            taken = [slot for slot in facts.seen.slots[guest] if slot.controller == one.name]
            if len(taken) >= one.portCount:
                raise PlanError(
                    f"disk {disk.name}: the running guest's controller {one.name} has no free port: stop it"
                )
            return
    raise PlanError(f"disk {disk.name}: the running guest has no controller for the bus {wanted.name}: stop it first")


def _refuse_layered(guest: str, path: str | None, name: str, facts: Facts) -> None:
    slot = facts.seen.slot(guest, path)
    if slot is not None and (slot.layered or facts.api.list_of(slot.medium, "children")):
        raise PlanError(f"disk {name}: snapshots stand on {path}: delete them first")


def _check_unused(guest: str, disk: Disk, facts: Facts) -> None:
    path = disk.path or ""
    users = [*facts.seen.others(path, guest), *facts.storage.based(path)]
    if users:
        raise PlanError(f"{path} is not deleted: it is used by {', '.join(users)}")


def _check_there(guest: str, disk: Disk, facts: Facts) -> None:
    if disk.size_bytes is None:
        raise PlanError(f"the data of disk {disk.name} of {guest} is not where it should be ({disk.path})")
