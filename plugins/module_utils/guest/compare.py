# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Wish against state, option by option: every difference, with the change that mends it. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace
from typing import Any

from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.change import Change, Difference
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.lists import (
    Pairs,
    pair_cdroms,
    pair_disks,
    pair_nics,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Disk, Guest, Nic, Policy
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.traits import Traits
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.units import format_size

SCALARS = (
    "description",
    "firmware",
    "secure_boot",
    "tpm",
    "vcpus_max",
    "vcpus",
    "memory_max_mib",
    "memory_mib",
    "cloud_init",
    "autostart",
)
MAXIMA = {"vcpus": "vcpus_max", "memory_mib": "memory_max_mib"}
DISK_FIELDS = ("bus", "pool", "format")
NIC_FIELDS = ("vlan", "model")
Differences = Iterator[Difference]


def compare(want: Guest, have: Guest, traits: Traits, policy: Policy) -> Iterator[Difference]:
    """Yield every difference between a wish and the state of a guest that exists, in the order to mend them."""
    want = _with_room(want, have, traits)
    yield from _scalars(want, have, traits)
    yield from _options(want, have, traits)
    yield from _disks(want, have, traits, policy)
    yield from _cdroms(want, have, traits)
    yield from _nics(want, have, traits)


def _with_room(want: Guest, have: Guest, traits: Traits) -> Guest:
    """Wish for a maximum that goes with the value, or a value that goes with the maximum, where one is not written.

    A maximum grows when the value needs the room. It shrinks with the value only where there was no room to spare,
    and not under a running guest, whose value can go down at once while its maximum cannot.
    """
    for name, largest in MAXIMA.items():
        wanted, found, room = getattr(want, name), getattr(have, name), getattr(have, largest)
        limit = getattr(want, largest)
        if found is None or room is None or largest not in traits.fields:
            continue
        if wanted is None and limit is not None and limit < found:
            want = replace(want, **{name: limit})
        elif wanted is None or limit is not None:
            continue
        elif wanted > room or (wanted < found == room and have.live is None):
            want = replace(want, **{largest: wanted})
    return want


def _difference(traits: Traits, rule: str, change: Change, stored: Any, live: Any, guest: Guest | None) -> Difference:
    """Judge one value. stored and live are what was found; live counts only when there is a live guest."""
    differs_live = guest is not None and live != change.after
    hot = differs_live and traits.is_hot(rule, change.after, live, guest)
    before = stored if stored != change.after else live
    refusal = ""
    if traits.is_fixed(rule):
        refusal = f"{rule} is fixed when the guest is made: it is {show(before)}, not {show(change.after)}"
    return Difference(replace(change, before=before, hot=hot), stored != change.after, differs_live, refusal)


def _value(
    want: Guest, have: Guest, traits: Traits, name: str, wanted: Any, stored: Any, live: Any
) -> Iterator[Difference]:
    change = Change(want.name, "set", name, after=wanted)
    found = _difference(traits, name, change, stored, live, have.live)
    if found.stored or found.live:
        yield found


def _scalars(want: Guest, have: Guest, traits: Traits) -> Iterator[Difference]:
    for name in _ordered(want, have):
        wanted, stored = getattr(want, name), getattr(have, name)
        if wanted is not None:
            live = getattr(have.live, name) if have.live else None
            yield from _value(want, have, traits, name, wanted, stored, live)


def _ordered(want: Guest, have: Guest) -> list[str]:
    """A maximum is raised before the value that needs the room, and lowered after the value that leaves it."""
    names = list(SCALARS)
    for name, largest in MAXIMA.items():
        wanted, found = getattr(want, largest), getattr(have, largest)
        if wanted is not None and found is not None and wanted < found:
            names.remove(name)
            names.insert(names.index(largest), name)
    return names


def _options(want: Guest, have: Guest, traits: Traits) -> Iterator[Difference]:
    for name, wanted in want.options:
        if wanted is not None:
            live = have.live.option(name) if have.live else None
            yield from _value(want, have, traits, name, wanted, have.option(name), live)


Sides = list[tuple[Any, Any, Any]]


def _sides(pairs: Pairs[Any], live: Pairs[Any]) -> Sides:
    """Each wished entry with what is stored of it and what runs of it."""
    running = [found for wished, found in live if wished is not None]
    stored = [(wished, found) for wished, found in pairs if wished is not None]
    return [(wished, found, running[i] if running else None) for i, (wished, found) in enumerate(stored)]


def _removed(want: Guest, have: Guest, traits: Traits, rule: str, pairs: Pairs[Any], live: Pairs[Any]) -> Differences:
    """Entries that nobody wished for, in the stored definition, the running guest, or both."""
    stored_only = [found for wished, found in pairs if wished is None]
    live_only = [found for wished, found in live if wished is None]
    more = [found for found in live_only if not _listed(found, stored_only)]
    for found in [*stored_only, *more]:
        in_live = _listed(found, live_only)
        hot = in_live and traits.is_hot(rule, None, found)
        change = Change(want.name, "remove", rule, key=entry_key(found), before=found, hot=hot)
        yield Difference(change, any(found is other for other in stored_only), in_live, _fixed_list(traits, rule))


def _added(want: Guest, have: Guest, traits: Traits, rule: str, sides: Sides) -> Differences:
    """Wished entries that are missing in the stored definition, the running guest, or both."""
    for wished, found, live in sides:
        missing_live = have.live is not None and live is None
        if found is None or missing_live:
            after = merged(wished, found or live)
            hot = missing_live and traits.is_hot(rule, after, None)
            change = Change(want.name, "add", rule, key=entry_key(after), after=after, hot=hot)
            yield Difference(change, found is None, missing_live, _fixed_list(traits, rule))


def merged(wished: Any, found: Any) -> Any:
    """A wished entry with what it has on the host already: its name or address there, and what was not written."""
    if found is None:
        return wished
    written = {one.name: getattr(wished, one.name) for one in fields(wished)}
    kept = ("network", "bridge", "image", "owned", "source")
    return replace(wished, **{key: getattr(found, key) for key, value in written.items()
                              if value is None and key not in kept})  # fmt: skip


def _fixed_list(traits: Traits, rule: str) -> str:
    return f"{rule} can only be chosen when the guest is made" if traits.is_fixed(rule) else ""


def _listed(entry: Any, entries: list[Any]) -> bool:
    return any(entry_key(entry) == entry_key(other) for other in entries)


def _disks(want: Guest, have: Guest, traits: Traits, policy: Policy) -> Differences:
    if want.disks is None:
        return
    pairs = pair_disks(want.disks, have.disks or ())
    live = pair_disks(want.disks, have.live.disks or ()) if have.live else []
    for found in _removed(want, have, traits, "disks", pairs, live):
        change = found.change
        if change.verb == "remove" and policy.delete_disks and change.before.owned:
            found = replace(found, change=replace(change, delete=True))
        yield found
    sides = _sides(pairs, live)
    for wished, disk, runs in sides:
        if disk is not None:
            yield from _disk(want, have, traits, wished, disk, runs)
    yield from _added(want, have, traits, "disks", sides)


def _disk(want: Guest, have: Guest, traits: Traits, wished: Disk, disk: Disk, live: Disk | None) -> Differences:
    for name in DISK_FIELDS:
        yield from _attribute(want, have, traits, "disks", name, disk.name, wished, disk, live)
    if disk.size_bytes is None:
        # Making it anew would hide that it is lost, or only not mounted at this moment.
        lost = f"the data of disk {disk.name} is not where it should be ({disk.path})"
        change = Change(want.name, "set", "disks", key=disk.name)
        yield Difference(change, stored=True, live=False, refusal=f"{lost}: bring it back, or leave the disk out")
    elif wished.size_bytes is not None and wished.size_bytes != disk.size_bytes:
        change = Change(want.name, "grow", "disks.size_bytes", disk.name, disk.size_bytes, wished.size_bytes)
        hot = live is not None and traits.is_hot(change.field, wished.size_bytes, disk.size_bytes, have.live)
        refusal = "" if wished.size_bytes > disk.size_bytes else _shrink(disk, wished.size_bytes)
        yield Difference(replace(change, hot=hot), True, live is not None, refusal)


def _attribute(
    want: Guest, have: Guest, traits: Traits, rule: str, name: str, key: str, wished: Any, stored: Any, live: Any
) -> Differences:
    """One attribute of a list's entry."""
    wanted = getattr(wished, name)
    if wanted is not None:
        change = Change(want.name, "set", f"{rule}.{name}", key=key, after=wanted)
        guest = have.live if live is not None else None
        yield from _if_any(
            _difference(traits, change.field, change, getattr(stored, name), getattr(live, name, None), guest)
        )


def _if_any(found: Difference) -> Differences:
    if found.stored or found.live:
        yield found


def _shrink(disk: Disk, wanted: int) -> str:
    found = format_size(disk.size_bytes or 0)
    return f"disk {disk.name} is {found} and is not shrunk to {format_size(wanted)}, for that would cut data off"


def _cdroms(want: Guest, have: Guest, traits: Traits) -> Differences:
    if want.cdroms is None:
        return
    pairs = pair_cdroms(want.cdroms, have.cdroms or ())
    # A drive's stored name tells which drive of the running guest it is.
    known = [replace(wished, drive=found.drive if found else None) for wished, found in pairs if wished is not None]
    live = pair_cdroms(known, have.live.cdroms or ()) if have.live else []
    yield from _removed(want, have, traits, "cdroms", pairs, live)
    sides = _sides(pairs, live)
    for index, (wished, found, runs) in enumerate(sides):
        drive = found or (merged(wished, runs) if runs else None)
        if drive is not None:
            change = Change(want.name, "set", "cdroms.source", key=drive.drive or str(index), after=wished.source)
            medium, guest = (runs.source, have.live) if runs else (None, None)
            yield from _if_any(_difference(traits, change.field, change, drive.source, medium, guest))
    yield from _added(want, have, traits, "cdroms", sides)


def _nics(want: Guest, have: Guest, traits: Traits) -> Differences:
    if want.nics is None:
        return
    pairs = pair_nics(want.nics, have.nics or ())
    # A card's stored MAC tells which card of the running guest it is.
    known = [replace(wished, mac=found.mac if found else wished.mac) for wished, found in pairs if wished is not None]
    live = pair_nics(known, have.live.nics or ()) if have.live else []
    yield from _removed(want, have, traits, "nics", pairs, live)
    sides = _sides(pairs, live)
    for wished, found, runs in sides:
        nic = found or (merged(wished, runs) if runs else None)
        if nic is not None:
            yield from _nic(want, have, traits, wished, nic, runs)
    yield from _added(want, have, traits, "nics", sides)


def _nic(want: Guest, have: Guest, traits: Traits, wished: Nic, nic: Nic, live: Nic | None) -> Differences:
    guest = have.live if live is not None else None
    moved = Change(want.name, "set", "nics.source", key=nic.mac or "", after=(wished.network, wished.bridge))
    source = (live.network, live.bridge) if live is not None else None
    yield from _if_any(_difference(traits, moved.field, moved, (nic.network, nic.bridge), source, guest))
    for name in NIC_FIELDS:
        yield from _attribute(want, have, traits, "nics", name, nic.mac or "", wished, nic, live)


def entry_key(entry: Any) -> str:
    """What a list's entry is called in changes and messages."""
    if isinstance(entry, Disk):
        return entry.name
    if isinstance(entry, Nic):
        return entry.mac or entry.network or entry.bridge or ""
    return getattr(entry, "drive", None) or getattr(entry, "source", None) or "empty"


def show(value: Any) -> str:
    """A value in a message."""
    if value is None:
        return "unset"
    return str(value).lower() if isinstance(value, bool) else str(value)
