# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a snapshot must not be taken, reverted to or deleted: what libvirt cannot do, and what would cost data. Pure.

Each function returns the reasons, none when it may be. libvirt is asked to do only what none of them speaks against;
what it then refuses itself has changed nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.snapshot_look import Attached, View
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.snapshots import Snapshot

# From this version on libvirt merges the overlays of a snapshot that is deleted.
DELETES_EXTERNAL = 9_000_000
# From this version on it takes internal snapshots of UEFI variables, in a qcow2 file (libvirt's news, 10.10.0).
SNAPSHOTS_VARIABLES = 10_010_000
SAVED = "its memory was saved when it was stopped, and fits only its disks of now: start it first"
OTHERS = "it was not made by this module, and is of a kind that it does not handle: use virsh"


def take_reasons(want: Snapshot, view: View) -> list[str]:
    """Against any snapshot."""
    reasons = []
    if not view.stored:
        reasons.append(f"{view.guest} has no stored definition: kvm_guest gives it one")
    if view.saved:
        reasons.append(SAVED)
    if want.memory and view.power == "stopped":
        reasons.append(f"{view.guest} is off, and has no memory to save: leave memory: true out")
    if want.quiesce and view.power == "paused":
        reasons.append(f"quiesce: {view.guest} is paused, and cannot write anything to its disks")
    elif want.quiesce and view.power == "running" and not view.agent:
        reasons.append(
            f"quiesce: no guest agent answers in {view.guest}; install qemu-guest-agent in it, or go without"
        )
    reasons += [f"disk {disk.name} is shared with others, who would go on writing to it" for disk in _shared(view)]
    if not view.disks:
        reasons.append(f"{view.guest} has no disk that it can write to")
    return reasons


def _shared(view: View) -> Iterator[Attached]:
    return (disk for disk in view.disks if disk.shared)


def internal_reasons(want: Snapshot, view: View) -> list[str]:
    """Against an internal snapshot."""
    reasons = [
        f"disk {disk.name} is {disk.format}, and only a qcow2 disk can hold an internal snapshot: use kind: external"
        for disk in view.disks
        if disk.format != "qcow2" or disk.path is None
    ]
    if view.variables is not None and (view.variables != "qcow2" or view.version < SNAPSHOTS_VARIABLES):
        reasons.append(
            "its firmware is UEFI, whose variables libvirt cannot put into an internal snapshot: use kind: external"
        )
    if view.power != "stopped" and want.memory is False:
        reasons.append("of a running guest, an internal snapshot always holds its memory: leave memory: false out")
    return reasons


def external_reasons(_want: Snapshot, view: View) -> list[str]:
    """Against an external snapshot."""
    return [
        f"disk {disk.name} is no file ({disk.path or disk.kind}), so there is no place for an overlay beside it"
        for disk in view.disks
        if disk.kind != "file" or disk.path is None
    ]


def revert_reasons(have: Snapshot, view: View) -> list[str]:
    """Against going back to a snapshot."""
    reasons = [SAVED] if view.saved else []
    if have.kind == "internal":
        return reasons + _moved(have, view)
    if have.kind != "external" or have.memory:
        return [*reasons, OTHERS]
    later = later_than(have, view)
    if later:
        reasons.append(f"it is external, and later snapshots build upon it: delete {', '.join(later)} first")
    return reasons or _not_on_top(have, view)


def _moved(have: Snapshot, view: View) -> list[str]:
    """The disks must still be the files that hold the snapshot, and nothing may be based on these."""
    tops = {disk.path for disk in view.disks}
    based = {base for disk in view.disks for base in disk.chain}
    reasons = []
    for disk in have.disks:
        if disk.kind == "internal" and disk.path in based:
            later = ", ".join(_above(disk.path, view)) or "an overlay"
            reasons.append(f"{disk.path}, which holds it, is what later data is based on: delete {later} first")
        elif disk.kind == "internal" and disk.path not in tops:
            reasons.append(f"{disk.path}, which holds it, is no disk of {view.guest} any more")
    return list(dict.fromkeys(reasons))


def _above(path: str | None, view: View) -> list[str]:
    """The external snapshots whose overlays are on a file."""
    chains = [[disk.path, *disk.chain] for disk in view.disks if path in disk.chain]
    files = {file for chain in chains for file in chain[: chain.index(path)]}
    return [one.snapshot for one in view.snapshots.values() if any(disk.overlay in files for disk in one.disks)]


def later_than(have: Snapshot, view: View) -> list[str]:
    """The snapshots that were taken on top of one, by what libvirt knows and by the files that they are in."""
    overlays = {disk.overlay for disk in have.disks if disk.overlay}
    others = [one for one in view.snapshots.values() if one.snapshot != have.snapshot]
    on_it = [any(disk.path in overlays for disk in one.disks) for one in others]
    return sorted(one.snapshot for one, on in zip(others, on_it) if on or one.parent == have.snapshot)


def all_later_than(have: Snapshot, view: View) -> list[str]:
    """Every snapshot that builds upon one, however far, the last ones first."""
    found: list[str] = []
    for name in later_than(have, view):
        found += [name, *reversed(all_later_than(view.snapshots[name], view))]
    return list(dict.fromkeys(reversed(found)))


def _not_on_top(have: Snapshot, view: View) -> list[str]:
    tops = {disk.path for disk in view.disks}
    return [
        f"{view.guest} does not go on in {disk.overlay} any more"
        for disk in have.disks
        if disk.kind == "external" and disk.overlay not in tops
    ]


def removal_reasons(have: Snapshot, view: View, going: Collection[str] = ()) -> list[str]:
    """Against deleting a snapshot, which leaves the guest's state of now and all other snapshots as they are.

    going: snapshots of the guest that are to be deleted as well, before it where that is needed.
    """
    if have.kind == "internal":
        return _moved(have, view) if view.power != "stopped" else []
    if have.kind != "external":
        return [OTHERS]
    reasons = [SAVED] if view.saved else []
    if view.version < DELETES_EXTERNAL:
        reasons.append("it is external, and libvirt merges such a one from 9.0 on: see its documents on blockcommit")
    return reasons + _merge_reasons(have, view, going)


def _merge_reasons(have: Snapshot, view: View, going: Collection[str]) -> list[str]:
    overlays = {disk.overlay for disk in have.disks if disk.overlay}
    tops = {disk.path for disk in view.disks}
    used = tops | {base for disk in view.disks for base in disk.chain}
    reasons = [f"{view.guest} does not use {one} any more" for one in sorted(overlays - used)]
    # libvirt merges such an overlay, and the internal snapshots in it are gone.
    inner = [one for one in view.snapshots.values() if one.kind != "external"]
    held = sorted(one.snapshot for one in inner if any(disk.path in overlays for disk in one.disks))
    if held:
        reasons.append(f"its overlays hold other snapshots, which would be lost: delete {', '.join(held)} first")
    parent = view.snapshots.get(have.parent or "")
    if parent is not None and parent.kind != "external":
        reasons.append(
            f"libvirt does not merge into disks that hold an internal snapshot: delete {parent.snapshot} first, while "
            f"{view.guest} is off"
        )
    later = all_later_than(have, view)
    staying = [name for name in later if name not in going]
    if view.power == "stopped" and overlays - tops and not reasons and (staying or not later):
        reasons.append(
            f"{view.guest} is off, and then only the last external snapshot can be merged: start it, or delete "
            f"{', '.join(staying) or 'the later ones'} first"
        )
    return reasons
