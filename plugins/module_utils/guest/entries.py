# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Wished and found entries of a guest's lists: which are to be removed, changed and added. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any

from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.judge import Differences, Judge
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.lists import (
    Pairs,
    entry_key,
    pair_cdroms,
    pair_disks,
    pair_nics,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Cdrom, Disk, Nic
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.units import format_size

DISK_FIELDS = ("bus", "pool", "format", "path")
NIC_FIELDS = ("vlan", "model", "link")


@dataclass(frozen=True)
class Entry:
    """A wished entry, what is stored of it, and what runs of it; index: its place in the wish."""

    index: int
    wished: Any
    stored: Any
    live: Any


Compare = Callable[[Judge, Entry], Differences]


def compare_disks(judge: Judge, delete: bool) -> Differences:
    """Yield what differs in the disks. delete: data of disks that are detached goes, where it is the guest's own."""
    want, have, live = judge.want.disks, judge.have.disks or (), judge.have.live
    if want is None:
        return
    running = pair_disks(want, live.disks or ()) if live else []
    for found in _compare(judge, "disks", pair_disks(want, have), running, _disk):
        own = delete and found.change.verb == "remove" and found.change.before.owned
        yield replace(found, change=replace(found.change, delete=True)) if own else found


def compare_cdroms(judge: Judge) -> Differences:
    """Yield what differs in the cdrom drives."""
    want, have, live = judge.want.cdroms, judge.have.cdroms or (), judge.have.live
    if want is None:
        return
    pairs = pair_cdroms(want, have)
    # A drive's stored name tells which drive of the running guest it is.
    known = [replace(wished, drive=found.drive if found else None) for wished, found in pairs if wished is not None]
    yield from _compare(judge, "cdroms", pairs, pair_cdroms(known, live.cdroms or ()) if live else [], _cdrom)


def compare_nics(judge: Judge) -> Differences:
    """Yield what differs in the network cards."""
    want, have, live = judge.want.nics, judge.have.nics or (), judge.have.live
    if want is None:
        return
    pairs = pair_nics(want, have)
    # A card's stored MAC tells which card of the running guest it is.
    known = [replace(wished, mac=found.mac if found else wished.mac) for wished, found in pairs if wished is not None]
    yield from _compare(judge, "nics", pairs, pair_nics(known, live.nics or ()) if live else [], _nic)


def _compare(judge: Judge, rule: str, pairs: Pairs[Any], live: Pairs[Any], compare: Compare) -> Differences:
    """Removals first, for they make room; entries are changed before they are plugged into the running guest."""
    yield from _removed(judge, rule, pairs, live)
    runs = [found for wished, found in live if wished is not None]
    sides = [(wished, found) for wished, found in pairs if wished is not None]
    entries = [Entry(i, wished, found, runs[i] if runs else None) for i, (wished, found) in enumerate(sides)]
    for entry in entries:
        if entry.stored is not None:
            yield from compare(judge, entry)
    for entry in entries:
        missing_live = judge.have.live is not None and entry.live is None
        if entry.stored is None or missing_live:
            # What only runs is stored as it runs, and then changed.
            after = merged(entry.wished, entry.stored) if entry.live is None else entry.live
            change = judge.change("add", rule, key=entry_key(after), after=after)
            yield judge.entry(change, entry.stored is None, missing_live, after)
        if entry.stored is None and entry.live is not None:
            yield from compare(judge, replace(entry, stored=entry.live))


def _removed(judge: Judge, rule: str, pairs: Pairs[Any], live: Pairs[Any]) -> Differences:
    """Entries that nobody wished for."""
    stored = _keyed([found for wished, found in pairs if wished is None])
    runs = _keyed([found for wished, found in live if wished is None])
    for key, found in {**stored, **{key: found for key, found in runs.items() if key not in stored}}.items():
        change = judge.change("remove", rule, key=entry_key(found), before=found)
        yield judge.entry(change, key in stored, key in runs, runs.get(key, found))


def _keyed(entries: list[Any]) -> dict[tuple[str, int], Any]:
    """Entries by what they are called; those that are called the same are counted."""
    found: dict[tuple[str, int], Any] = {}
    for entry in entries:
        key = entry_key(entry)
        found[key, sum(1 for other, _number in found if other == key)] = entry
    return found


def merged(wished: Any, found: Any) -> Any:
    """A wished entry with what it has on the host already: its name or address there, and what was not written."""
    if found is None:
        return wished
    own = ("network", "bridge", "image", "source", "owned", "options")
    names = [one.name for one in fields(wished) if one.name not in own]
    kept = {name: getattr(found, name) for name in names if getattr(wished, name) is None}
    if not isinstance(found, Cdrom):
        kept["options"] = tuple(sorted({**dict(found.options), **dict(wished.options)}.items()))
    return replace(wished, **kept, **({"owned": found.owned} if isinstance(found, Disk) else {}))


def _attributes(judge: Judge, rule: str, names: tuple[str, ...], key: str, entry: Entry) -> Differences:
    for name in names:
        wanted = getattr(entry.wished, name)
        if wanted is not None:
            change = judge.change("set", f"{rule}.{name}", key=key, after=wanted)
            live = getattr(entry.live, name, None)
            yield from judge.value(change, getattr(entry.stored, name), live, entry.live is not None)
    for name, wanted in entry.wished.options:
        change = judge.change("set", f"{rule}.{name}", key=key, after=wanted)
        live = None if entry.live is None else entry.live.option(name)
        yield from judge.value(change, entry.stored.option(name), live, entry.live is not None)


def _disk(judge: Judge, entry: Entry) -> Differences:
    wished: Disk = entry.wished
    stored: Disk = entry.stored
    yield from _attributes(judge, "disks", DISK_FIELDS, stored.name, entry)
    if stored.size_bytes is None:
        # Making it anew would hide that it is lost, or only not mounted at this moment.
        lost = f"the data of disk {stored.name} is not where it should be ({stored.path})"
        found = judge.entry(judge.change("add", "disks", key=stored.name, after=stored), True, False, stored)
        yield replace(found, refusal=f"{lost}: bring it back, or leave the disk out")
    elif wished.size_bytes is not None and not _is_enough(wished, stored.size_bytes):
        change = judge.change("grow", "disks.size_bytes", key=stored.name, after=wished.size_bytes)
        # What a running guest sees may lag behind the data's size; a driver that cannot tell says nothing.
        seen = None if entry.live is None else entry.live.size_bytes or stored.size_bytes
        for found in judge.value(change, stored.size_bytes, seen, entry.live is not None):
            shrinks = wished.size_bytes < stored.size_bytes
            yield replace(found, refusal=_shrink(stored, wished.size_bytes)) if shrinks else found


def _is_enough(wished: Disk, size_bytes: int) -> bool:
    """Data that somebody else made may be larger than is wished."""
    return wished.path is not None and (wished.size_bytes or 0) <= size_bytes


def _shrink(disk: Disk, wanted: int) -> str:
    found = format_size(disk.size_bytes or 0)
    return f"disk {disk.name} is {found} and is not shrunk to {format_size(wanted)}, for that would cut data off"


def _cdrom(judge: Judge, entry: Entry) -> Differences:
    stored: Cdrom = entry.stored
    change = judge.change("set", "cdroms.source", key=stored.drive or str(entry.index), after=entry.wished.source)
    yield from judge.value(change, stored.source, getattr(entry.live, "source", None), entry.live is not None)


def _nic(judge: Judge, entry: Entry) -> Differences:
    wished: Nic = entry.wished
    key = entry.stored.mac or ""
    change = judge.change("set", "nics.source", key=key, after=_plugged(wished))
    running = entry.live is not None
    yield from judge.value(change, _plugged(entry.stored), _plugged(entry.live) if running else None, running)
    yield from _attributes(judge, "nics", NIC_FIELDS, key, entry)


def _plugged(nic: Nic) -> tuple[str | None, str | None]:
    return nic.network, nic.bridge
