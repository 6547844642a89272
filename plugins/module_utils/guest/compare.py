# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Wish against state, option by option: every difference, with the change that mends it. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
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

# In this order: a maximum is raised before the value that needs the room.
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
DISK_FIELDS = ("bus", "pool", "format")
NIC_FIELDS = ("vlan", "model")


def compare(want: Guest, have: Guest, traits: Traits, policy: Policy) -> Iterator[Difference]:
    """Yield every difference between a wish and the state of a guest that exists, in the order to mend them."""
    want = _with_room(want, have)
    yield from _scalars(want, have, traits)
    yield from _options(want, have, traits)
    yield from _disks(want, have, traits, policy)
    yield from _cdroms(want, have, traits)
    yield from _nics(want, have, traits)


def _with_room(want: Guest, have: Guest) -> Guest:
    """Wish for a maximum that goes with the value, where the user wrote none.

    It grows when the value needs the room. It shrinks with the value only where there was no room to spare, and not
    under a running guest, whose value can go down at once while its maximum cannot.
    """
    for name, largest in (("vcpus", "vcpus_max"), ("memory_mib", "memory_max_mib")):
        wanted, found, room = getattr(want, name), getattr(have, name), getattr(have, largest)
        if wanted is None or found is None or room is None or getattr(want, largest) is not None:
            continue
        if wanted > room or (wanted < found == room and have.live is None):
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
    for name in SCALARS:
        wanted, stored = getattr(want, name), getattr(have, name)
        if wanted is not None:
            live = getattr(have.live, name) if have.live else None
            yield from _value(want, have, traits, name, wanted, stored, live)


def _options(want: Guest, have: Guest, traits: Traits) -> Iterator[Difference]:
    for name, wanted in want.options:
        if wanted is not None:
            live = have.live.option(name) if have.live else None
            yield from _value(want, have, traits, name, wanted, have.option(name), live)


def _entries(
    want: Guest, have: Guest, traits: Traits, rule: str, pairs: Pairs[Any], live: Pairs[Any]
) -> Iterator[Difference]:
    """Entries that are to be removed, then those to be added, in the stored definition, the running guest, or both."""
    running = have.live is not None
    stored_of, live_of = _by_wish(pairs), _by_wish(live)
    gone = [found for wished, found in pairs if wished is None]
    gone += [found for wished, found in live if wished is None and not _listed(found, gone)]
    for found in gone:
        stored = any(found is other for wished, other in pairs if wished is None)
        in_live = running and _listed(found, [other for wished, other in live if wished is None])
        hot = in_live and traits.is_hot(rule, None, found)
        change = Change(want.name, "remove", rule, key=entry_key(found), before=found, hot=hot)
        yield Difference(change, stored, in_live)
    for index, (wished, found) in enumerate((w, f) for w, f in pairs if w is not None):
        missing_live = running and live_of[index] is None
        if stored_of[index] is None or missing_live:
            after = wished if found is None else found
            hot = missing_live and traits.is_hot(rule, after, None)
            change = Change(want.name, "add", rule, key=entry_key(wished), after=after, hot=hot)
            yield Difference(change, found is None, missing_live)


def _by_wish(pairs: Pairs[Any]) -> list[Any]:
    return [found for wished, found in pairs if wished is not None]


def _listed(entry: Any, entries: list[Any]) -> bool:
    return any(entry_key(entry) == entry_key(other) for other in entries)


def _disks(want: Guest, have: Guest, traits: Traits, policy: Policy) -> Iterator[Difference]:
    if want.disks is None:
        return
    pairs = pair_disks(want.disks, have.disks or ())
    live = pair_disks(want.disks, have.live.disks or ()) if have.live else []
    for found in _entries(want, have, traits, "disks", pairs, live):
        change = found.change
        if change.verb == "remove" and policy.delete_disks and change.before.owned:
            found = replace(found, change=replace(change, delete=True))
        yield found
    live_of = {disk.name: disk for disk in (have.live.disks or ())} if have.live else {}
    for wished, disk in pairs:
        if wished is not None and disk is not None:
            yield from _disk(want, have, traits, wished, disk, live_of.get(wished.name))


def _disk(
    want: Guest, have: Guest, traits: Traits, wished: Disk, disk: Disk, live: Disk | None
) -> Iterator[Difference]:
    for name in DISK_FIELDS:
        wanted = getattr(wished, name)
        if wanted is not None:
            change = Change(want.name, "set", f"disks.{name}", key=disk.name, after=wanted)
            guest = have.live if live else None
            found = _difference(traits, change.field, change, getattr(disk, name), getattr(live, name, None), guest)
            if found.stored or found.live:
                yield found
    if disk.size_bytes is None:
        # Making it anew would hide that it is lost, or only not mounted at this moment.
        lost = f"the data of disk {disk.name} is not where it should be ({disk.path}): bring it back, or leave the disk out"
        yield Difference(Change(want.name, "set", "disks", key=disk.name), stored=True, live=False, refusal=lost)
    elif wished.size_bytes is not None and wished.size_bytes != disk.size_bytes:
        change = Change(want.name, "grow", "disks.size_bytes", disk.name, disk.size_bytes, wished.size_bytes)
        hot = live is not None and traits.is_hot(change.field, wished.size_bytes, disk.size_bytes, have.live)
        refusal = "" if wished.size_bytes > disk.size_bytes else _shrink(disk, wished.size_bytes)
        yield Difference(replace(change, hot=hot), True, live is not None, refusal)


def _shrink(disk: Disk, wanted: int) -> str:
    found = format_size(disk.size_bytes or 0)
    return f"disk {disk.name} is {found} and is not shrunk to {format_size(wanted)}, for that would cut data off"


def _cdroms(want: Guest, have: Guest, traits: Traits) -> Iterator[Difference]:
    if want.cdroms is None:
        return
    pairs = pair_cdroms(want.cdroms, have.cdroms or ())
    live = pair_cdroms(want.cdroms, have.live.cdroms or ()) if have.live else []
    yield from _entries(want, have, traits, "cdroms", pairs, live)
    live_of = _by_wish(live)
    for index, (wished, drive) in enumerate((w, d) for w, d in pairs if w is not None):
        in_live = live_of[index] if live else None
        if drive is None or (have.live and in_live is None):
            continue
        change = Change(want.name, "set", "cdroms.source", key=str(index), after=wished.source)
        found = _difference(traits, change.field, change, drive.source, in_live.source if in_live else None, have.live)
        if found.stored or found.live:
            yield found


def _nics(want: Guest, have: Guest, traits: Traits) -> Iterator[Difference]:
    if want.nics is None:
        return
    pairs = pair_nics(want.nics, have.nics or ())
    # A card's stored MAC tells which card of the running guest it is.
    known = [replace(wished, mac=found.mac if found else wished.mac) for wished, found in pairs if wished is not None]
    live = pair_nics(known, have.live.nics or ()) if have.live else []
    yield from _entries(want, have, traits, "nics", pairs, live)
    live_of = _by_wish(live)
    for index, (wished, nic) in enumerate((w, n) for w, n in pairs if w is not None):
        if nic is not None:
            yield from _nic(want, have, traits, wished, nic, live_of[index] if live else None)


def _nic(want: Guest, have: Guest, traits: Traits, wished: Nic, nic: Nic, live: Nic | None) -> Iterator[Difference]:
    guest = have.live if live else None
    key = nic.mac or ""
    source = (wished.network, wished.bridge)
    moved = Change(want.name, "set", "nics.source", key=key, after=source)
    found = _difference(
        traits, moved.field, moved, (nic.network, nic.bridge), (live.network, live.bridge) if live else None, guest
    )
    if found.stored or found.live:
        yield found
    for name in NIC_FIELDS:
        wanted = getattr(wished, name)
        if wanted is not None:
            change = Change(want.name, "set", f"nics.{name}", key=key, after=wanted)
            found = _difference(traits, change.field, change, getattr(nic, name), getattr(live, name, None), guest)
            if found.stored or found.live:
                yield found


def entry_key(entry: Any) -> str:
    """What a list's entry is called in changes and messages."""
    if isinstance(entry, Disk):
        return entry.name
    if isinstance(entry, Nic):
        return entry.mac or entry.network or entry.bridge or ""
    return getattr(entry, "source", None) or "empty"


def show(value: Any) -> str:
    """A value in a message."""
    if value is None:
        return "unset"
    return str(value).lower() if isinstance(value, bool) else str(value)
