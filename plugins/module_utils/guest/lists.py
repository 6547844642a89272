# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which entry of a wished list is which entry of a found one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Callable, Optional, TypeVar

from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Cdrom, Disk, Nic

Entry = TypeVar("Entry")
Pairs = list[tuple[Optional[Entry], Optional[Entry]]]
Same = Callable[[Entry, Entry], bool]


def pair(want: Sequence[Entry], have: Sequence[Entry], *rules: Same[Entry]) -> Pairs[Entry]:
    """Pair wished with found entries: every rule in turn pairs what the rules before it left over, as much as it can.

    As much as it can, so that what is as wished in one way of pairing is never found to differ in another.
    Returns (wished, found) in the order of the wish, then (None, found) for entries that nobody wished for.
    """
    wisher: dict[int, int] = {}
    for same in rules:
        done = set(wisher.values())
        fits = {
            i: [j for j, found in enumerate(have) if j not in wisher and same(wished, found)]
            for i, wished in enumerate(want)
            if i not in done
        }
        more: dict[int, int] = {}
        for i in fits:
            _place(i, fits, more, set())
        wisher.update(more)
    match = {i: j for j, i in wisher.items()}
    pairs: Pairs[Entry] = [(wished, have[match[i]] if i in match else None) for i, wished in enumerate(want)]
    return pairs + [(None, found) for j, found in enumerate(have) if j not in wisher]


def _place(i: int, fits: dict[int, list[int]], wisher: dict[int, int], tried: set[int]) -> bool:
    """Give wish i an entry, moving other wishes to other entries if that makes room (Kuhn's algorithm)."""
    for j in fits[i]:
        if j not in tried:
            tried.add(j)
            if j not in wisher or _place(wisher[j], fits, wisher, tried):
                wisher[j] = i
                return True
    return False


def pair_disks(want: Sequence[Disk], have: Sequence[Disk]) -> Pairs[Disk]:
    """Disks are the same when their names are, but for one whose data is written and goes by another name here."""
    return pair(
        want,
        have,
        lambda a, b: a.name == b.name and a.path in (None, b.path),
        lambda a, b: a.path is not None and a.path == b.path,
        lambda a, b: a.name == b.name,
    )


def pair_cdroms(want: Sequence[Cdrom], have: Sequence[Cdrom]) -> Pairs[Cdrom]:
    """Drives of the same name, then with the same medium, then in order: a changed medium is no new drive."""
    return pair(
        want,
        have,
        lambda a, b: a.drive is not None and a.drive == b.drive,
        lambda a, b: not (a.drive and b.drive) and a.source == b.source,
        lambda a, b: not (a.drive and b.drive),
    )


def pair_nics(want: Sequence[Nic], have: Sequence[Nic]) -> Pairs[Nic]:
    """A MAC address is an identity. Without one: cards that are as wished, then plugged in where wished, then any."""
    return pair(
        want,
        have,
        lambda a, b: a.mac is not None and a.mac == b.mac,
        lambda a, b: a.mac is None and nic_is(a, b),
        lambda a, b: a.mac is None and (a.network, a.bridge) == (b.network, b.bridge),
        lambda a, b: a.mac is None,
    )


def nic_is(want: Nic, have: Nic) -> bool:
    """Whether a found card has everything that was written of a wished one."""
    same_source = (want.network, want.bridge) == (have.network, have.bridge)
    written = ((want.mac, have.mac), (want.vlan, have.vlan), (want.model, have.model), (want.link, have.link))
    own = all(have.option(key) == value for key, value in want.options)
    return same_source and own and all(a is None or a == b for a, b in written)


def entry_key(entry: Any) -> str:
    """What a list's entry is called in changes and messages."""
    if isinstance(entry, Disk):
        return entry.name
    if isinstance(entry, Nic):
        return entry.mac or entry.network or entry.bridge or ""
    return getattr(entry, "drive", None) or getattr(entry, "source", None) or "empty"
