# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which disks are a guest's own, with what killed runs have left of them: what may ever be deleted with it."""

from __future__ import annotations

import os
from dataclasses import replace

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm import ledger, snapshot_chain
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.look import Look
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.storage import format_of
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.parts import dead_parts_of
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.resource import Wish
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Disk, Guest


def with_disks(seen: Look, wish: Wish[Guest], have: Guest) -> Guest:
    """A guest as its disks are to be planned.

    Those that a killed run has made and not attached are the guest's, too, unless they are wished for: then they are
    still to be added. No disk is owned that others are based on; to know that takes time, so only when it counts.
    """
    wished = {disk.name for disk in wish.item.disks or ()}
    decided = wish.item.disks is not None or wish.item.state == "absent"
    more = [disk for disk in _unfinished(seen, have.name) if decided and disk.name not in wished]
    half = _half_made(seen, have.name) if decided and wish.policy.delete_disks else []
    disks = (*(disk for disk in half if disk.name not in wished), *(have.disks or ()), *more)
    if wish.policy.delete_disks and any(disk.owned for disk in disks):
        disks = tuple(_own(seen, wish, disk) for disk in disks)
        if wish.item.state == "absent":
            lost = [disk for disk in disks if disk.owned and disk.size_bytes is None]
            disks += tuple(one for disk in lost for one in _remains(seen, have.name, disk))
    return replace(have, disks=disks)


def dead_parts(seen: Look, name: str) -> tuple[str, ...]:
    """What killed runs were making of a guest's disks, and had not given its name yet. Of snapshots those see to it."""
    root = seen.stored.get(name)
    pending = [] if root is None else [entry.path for entry in ledger.entries(root) if entry.pending]
    return tuple(part for path in pending for part in dead_parts_of(seen.host, path))


def _own(seen: Look, wish: Wish[Guest], disk: Disk) -> Disk:
    """A disk, owned only if nothing but the guest itself, and no snapshot that it keeps, refers to any of its files."""
    if not disk.owned:
        return disk
    name, stack = wish.item.name, _stack(seen, wish.item.name, disk)
    mine = {*stack, *(os.path.realpath(one.path or "") for one in _half_made(seen, name))}
    based = {os.path.realpath(one) for path in stack for one in seen.bases().get(path, ())}
    others = based - mine or any(seen.users.get(path, set()) - {name} for path in stack)
    needed = wish.item.state != "absent" and not seen.needed(name).isdisjoint(stack)
    return replace(disk, owned=not others and not needed)


def _unfinished(seen: Look, name: str) -> tuple[Disk, ...]:
    """The disks of a guest that a killed run has made, but not attached."""
    root = seen.stored.get(name)
    pending = [] if root is None else [entry for entry in ledger.entries(root) if entry.pending]
    there = [entry for entry in pending if seen.host.info(entry.path) is not None]
    used = {os.path.realpath(entry.path) for entry in there} & set(seen.users)
    return tuple(
        Disk(
            one.name,
            seen.storage.files.size(one.path, format_of(one.path)),
            path=one.path,
            owned=os.path.realpath(one.path) not in used,
        )
        for one in there
    )


def _half_made(seen: Look, name: str) -> list[Disk]:
    """The overlays that a killed run has made and nothing uses, each as a disk of the name of the one it is on."""
    notes = [note for note in ledger.overlays(seen.stored[name]) if note.pending]
    there = [note for note in notes if seen.host.info(note.path) is not None]
    unused = [note for note in there if os.path.realpath(note.path) not in seen.users]
    size = seen.storage.files.size
    return [Disk(note.disk, size(note.path, "qcow2"), path=note.path, owned=True) for note in unused]


def _stack(seen: Look, name: str, disk: Disk) -> list[str]:
    """The files of ours that a guest's disk is in, without links: its own, and what its overlays are based on."""
    root = seen.stored[name]
    return [os.path.realpath(path) for path in snapshot_chain.stack(root, root, disk.path or "")]


def _remains(seen: Look, name: str, disk: Disk) -> list[Disk]:
    """What a killed run has not deleted yet of a disk with overlays."""
    sizes = [(path, seen.storage.files.size(path, format_of(path))) for path in _stack(seen, name, disk)]
    return [Disk(disk.name, size, path=path, owned=True) for path, size in sizes if size is not None]
