# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who uses the data that a disk is to have: guests, disks that are based on it, and guests that write to its bases.

Nothing here writes. What is refused would cost data: what two write to is lost, and so is what is based on it.
"""

from __future__ import annotations

import os

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm import existing
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.look import Look
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.storage import Storage
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import PlanError
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Disk


def refuse_used(guest: str, disk: Disk, seen: Look, storage: Storage) -> None:
    """Refuse a placed disk whose data others use, be it as it is or as what theirs is based on. PlanError."""
    path = disk.path or ""
    if disk.pool is None:
        _refuse_given(guest, disk, seen)
    others = sorted(seen.users.get(os.path.realpath(path), set()) - {guest})
    if others:
        raise PlanError(f"disk {disk.name}: {path} belongs to {', '.join(others)}")
    if disk.pool is not None and storage.is_there(disk):
        _refuse_older(guest, disk, seen)


def refuse_changing(guest: str, disk: Disk, seen: Look, storage: Storage) -> list[str]:
    """Refuse a placed disk whose data is based on a disk of a guest: when that writes to it, the rest makes no sense.

    Returns the files that its data is based on. PlanError, also where they cannot be told.
    """
    below = storage.files.below(disk) if storage.is_there(disk) else []
    writers = seen.writers() if below else {}
    for base in below:
        names = {name for other in existing.overlapping(base, writers) for name in writers[other]}
        if names:
            raise PlanError(
                f"disk {disk.name}: {disk.path} is based on {base}, which belongs to {_whose(guest, names)} and must "
                "not change: give a full copy instead (qemu-img convert)"
            )
    return below


def _refuse_given(guest: str, disk: Disk, seen: Look) -> None:
    """No two disks ever have the same data, and none has what others are based on."""
    path = disk.path or ""
    same = {name for other in existing.overlapping(path, seen.users) for name in seen.users[other]}
    if same:
        raise PlanError(f"disk {disk.name}: {path} belongs to {_whose(guest, same)}")
    if existing.overlapping(path, seen.bases()):
        raise PlanError(f"disk {disk.name}: other disks are based on {path}, which must not change any more")


def _whose(guest: str, names: set[str]) -> str:
    return ", ".join("this guest as another disk" if name == guest else name for name in sorted(names))


def _refuse_older(guest: str, disk: Disk, seen: Look) -> None:
    """Refuse data that an overlay of the same disk is based on: the newer data is in that, and would be lost."""
    path = disk.path or ""
    for overlay in seen.bases().get(os.path.realpath(path), []):
        named = os.path.basename(overlay).startswith(f"{guest}.{disk.name}.")
        if named or guest in seen.users.get(os.path.realpath(overlay), set()):
            raise PlanError(
                f"disk {disk.name}: {path} is there already, and {overlay} is based on it, which has the newer data: "
                "attach that one (virsh attach-disk), or move both away"
            )
