# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What this host cannot do with a guest's disks, and what it must not: no two guests ever have the same data."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.xen import devices
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.xen.facts import Facts
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.xen.forms import vdev
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.change import Change
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import PlanError
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.image_files import QCOW2
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Disk, Guest

Question = Callable[[], None]


def questions(change: Change, want: Guest, have: Guest | None, facts: Facts) -> Iterator[Question]:
    """What there is to look at for a change of a disk."""
    subject = (change.verb, change.field)
    if subject == ("add", "disks") and not _is_known(change.name, change.after, facts):
        yield partial(check_new, change.name, change.after, facts)
        yield partial(_check_place, change.after, want, have)
    elif subject == ("set", "disks.vdev"):
        yield partial(_check_vdev, change.name, change.key, change.after, facts)
    elif subject == ("grow", "disks.size_bytes"):
        yield partial(_check_growth, change, facts)
    elif change.delete:
        yield partial(check_unused, change.name, change.before, facts)


def _is_known(guest: str, disk: Disk, facts: Facts) -> bool:
    """Whether a disk is the guest's already, and is only to be plugged in or stored."""
    return bool(disk.path) and guest in facts.seen.users.get(facts.seen.real(disk.path or ""), set())


def check_new(guest: str, disk: Disk, facts: Facts) -> None:
    """Refuse a disk that cannot be made or taken."""
    _check_name(disk)
    given = bool(disk.path) and disk.pool is None
    placed = facts.storage.place(guest, disk)
    path = placed.path or ""
    others = facts.seen.others(path, guest)
    if others or (given and guest in facts.seen.users.get(facts.seen.real(path), set())):
        raise PlanError(f"disk {disk.name}: {path} belongs to {', '.join(others) or 'this guest as another disk'}")
    _claim(guest, disk.name, facts.seen.real(path), path, facts)
    there = facts.storage.files.is_there(path)
    if there:
        based = facts.bases.get(facts.seen.real(path), [])
        if based:
            raise PlanError(f"disk {disk.name}: {', '.join(based)} is based on {path}, which must not change any more")
    if given:
        facts.check_given(guest, placed)
    elif there and not (placed.format == QCOW2 and facts.storage.files.holds_nothing(path)):
        facts.storage.files.check_kept(placed)
    else:
        facts.storage.files.check_new(placed)


def _claim(guest: str, name: str, real: str, path: str, facts: Facts) -> None:
    """Two disks of one task must not have the same data, of which the host does not know yet."""
    owner = facts.claimed.setdefault(real, (guest, name))
    if owner != (guest, name):
        whose = "" if owner[0] == guest else f" of guest {owner[0]}"
        raise PlanError(f"disk {name}: {path} is that of disk {owner[1]}{whose}, in the same task")


def _check_name(disk: Disk) -> None:
    if disk.option("vdev") is not None:
        try:
            vdev(disk.option("vdev"))
        except ValueError as error:
            raise PlanError(f"disk {disk.name}: vdev: {error}") from error


def _check_place(new: Disk, want: Guest, have: Guest | None) -> None:
    """Refuse a disk in the place of one that the guest has and keeps."""
    place = devices.index_of(new.option("vdev") or "")
    wished = {disk.name: disk.option("vdev") for disk in want.disks or ()}
    stay = [disk for disk in (have.disks if have else None) or () if disk.name in wished]
    places = {devices.index_of(wished[disk.name] or disk.option("vdev") or ""): disk.name for disk in stay}
    drives = (have.cdroms if have else None) or ()
    places.update({devices.index_of(drive.drive or ""): "a cdrom drive" for drive in drives})
    if place is not None and place in places:
        raise PlanError(f"disk {new.name}: vdev: {new.option('vdev')} is the place of {places[place]}")


def check_places(new: Guest) -> None:
    """Refuse devices of a new guest that are in each other's place."""
    names = [disk.option("vdev") for disk in new.disks or () if disk.option("vdev")]
    places = [devices.index_of(name) for name in names]
    if len(set(places)) < len(places):
        raise PlanError(
            f"disks: vdev {', '.join(names)}: two of them are the same place, for xvda, hda and sda are one"
        )
    free = [place for place in devices.IDE if place not in places]
    if len(new.cdroms or ()) > len(free):
        raise PlanError(f"cdroms: there are {len(free)} places for drives on the IDE buses beside the disks there")


def _check_vdev(guest: str, key: str, wanted: str, facts: Facts) -> None:
    _check_name(Disk(key, options=(("vdev", wanted),)))
    file = facts.seen.file(guest)
    taken = {} if file is None else {spec.vdev: spec.path for _item, spec in devices.disks(file.definition)}
    clash = [name for name in taken if devices.index_of(name) == devices.index_of(wanted) and name != wanted]
    if wanted in taken or clash:
        raise PlanError(f"disk {key}: vdev: {wanted} is the place of {taken.get(wanted) or clash[0]}")


def _check_growth(change: Change, facts: Facts) -> None:
    path = facts.seen.path_of(change.name, change.key)
    if path and not facts.storage.can_grow(path):
        raise PlanError(f"disk {change.key}: the device {path} is not made larger here: do that, then run this again")


def check_unused(guest: str, disk: Disk, facts: Facts) -> None:
    """Refuse to delete data that something else is based on."""
    based = facts.bases.get(facts.seen.real(disk.path or ""), [])
    if based:
        raise PlanError(f"disk {disk.name}: {disk.path} is not deleted: {', '.join(based)} is based on it")


def questions_at_start(name: str, want: Guest, have: Guest | None, facts: Facts) -> Iterator[Question]:
    """What there is to look at for the disks that a guest starts with."""
    wished = {disk.name for disk in want.disks} if want.disks is not None else None
    for disk in (have.disks if have else None) or ():
        if wished is None or disk.name in wished:
            yield partial(_check_free, name, disk, facts)
    made = list(want.disks or ()) if have is None else []
    if any((disk.format or QCOW2) == QCOW2 for disk in [*made, *(have.disks or () if have else ())]):
        yield partial(_check_device_model, facts)


def _check_free(name: str, disk: Disk, facts: Facts) -> None:
    if disk.size_bytes is None:
        raise PlanError(f"the data of disk {disk.name} is not where it should be ({disk.path})")
    users = facts.seen.running_users(disk.path or "") - {name}
    if users:
        raise PlanError(f"disk {disk.name}: {disk.path} is in use by {', '.join(sorted(users))}, which runs")


def _check_device_model(facts: Facts) -> None:
    if not facts.has_device_model:
        raise PlanError("disks of the format qcow2 need QEMU, which is in the package qemu-system-xen")
