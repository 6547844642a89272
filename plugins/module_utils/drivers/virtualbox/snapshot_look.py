# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a machine is to its snapshots: its power, the snapshots with their media, and who else stands on these."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.virtualbox.connection import Api
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.virtualbox.media import slots_of
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.virtualbox.power import word
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.virtualbox.words import (
    BUSY_OFF,
    SAVED,
    state_of,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.snapshots import Snapshot, SnapshotDisk

# What is written to such media goes into no snapshot.
PLAIN = ("Writethrough", "Readonly")


@dataclass(frozen=True)
class View:
    """A guest as its snapshots need it.

    power: running | paused | stopped. saved: its memory was saved when it was stopped, for the next start. busy: it is
    off, and something is being done to it. shared: disks that others write to as well. doubles: the identifiers of
    snapshots whose name is there more than once. children: the names of the snapshots after each. held: the other
    guests, or media, that stand on a snapshot's media. on_now: those that stand on what the guest writes to now.
    """

    guest: str
    power: str = "stopped"
    saved: bool = False
    busy: bool = False
    shared: tuple[str, ...] = ()
    snapshots: Mapping[str, Snapshot] = field(default_factory=dict)
    doubles: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    children: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    held: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    on_now: tuple[str, ...] = ()


def look_at(api: Api, machine: Any, names: Mapping[str, str]) -> View:
    """Read one guest, with all its snapshots. names: of all guests, by their identifiers."""
    state, handles = word(api, machine), list(handles_of(api, machine))
    slots = [slot for slot in slots_of(api, machine) if slot.type == "HardDisk" and slot.medium is not None]
    counts: dict[str, list[str]] = {}
    for one in handles:
        counts.setdefault(str(one.name), []).append(str(one.id))
    return View(
        guest=str(machine.name),
        power=state_of(state),
        saved=state in SAVED,
        busy=state in BUSY_OFF,
        shared=tuple(slot.path or "" for slot in slots if api.word("MediumType", slot.medium.base.type) == "Shareable"),
        snapshots=_snapshots(api, machine, handles),
        doubles={name: tuple(ids) for name, ids in counts.items() if len(ids) > 1},
        children={str(one.name): tuple(str(child.name) for child in api.list_of(one, "children")) for one in handles},
        held={str(one.name): _others(api, machine, one.machine, names) for one in handles},
        on_now=_others(api, machine, machine, names),
    )


def handles_of(api: Api, machine: Any) -> Iterator[Any]:
    """VirtualBox's own objects of all snapshots of a machine, each before those that were taken after it."""
    waiting = [machine.findSnapshot("")] if machine.snapshotCount else []
    while waiting:
        one = waiting.pop(0)
        yield one
        waiting += api.list_of(one, "children")


def _snapshots(api: Api, machine: Any, handles: list[Any]) -> dict[str, Snapshot]:
    """By name; what has the name of another, which VirtualBox allows, by its identifier."""
    current = str(machine.currentSnapshot.id) if handles else ""
    found: dict[str, Snapshot] = {}
    for one in handles:
        snapshot = _snapshot(api, str(machine.name), one, current)
        found[str(one.id) if snapshot.snapshot in found else snapshot.snapshot] = snapshot
    return found


def _snapshot(api: Api, guest: str, handle: Any, current: str) -> Snapshot:
    return Snapshot(
        guest=guest,
        snapshot=str(handle.name),
        description=str(handle.description or "").strip(),
        memory=bool(handle.online),
        taken=datetime.fromtimestamp(handle.timeStamp // 1000, timezone.utc).isoformat(),
        power="running" if handle.online else "stopped",
        parent=str(handle.parent.name) if handle.parent is not None else None,
        current=str(handle.id) == current,
        uuid=str(handle.id),
        disks=tuple(_disks(api, handle.machine)),
    )


def _disks(api: Api, kept: Any) -> Iterator[SnapshotDisk]:
    for slot in slots_of(api, kept):
        if slot.type == "HardDisk" and slot.medium is not None:
            plain = api.word("MediumType", slot.medium.base.type) in PLAIN
            yield SnapshotDisk(slot.key, "no" if plain else "external", slot.top)


def _others(api: Api, machine: Any, holder: Any, names: Mapping[str, str]) -> tuple[str, ...]:
    """Who has media on those of a machine, or of what a snapshot kept of it, and is not the machine itself."""
    found: set[str] = set()
    for slot in slots_of(api, holder):
        if slot.type == "HardDisk" and slot.medium is not None:
            for child in api.list_of(slot.medium, "children"):
                users = {str(uuid).lower() for uuid in api.list_of(child, "machineIds")}
                others: Collection[str] = users - {str(machine.id).lower()} if users else {str(child.location)}
                found.update(names.get(one, one) for one in others)
    return tuple(sorted(found))
