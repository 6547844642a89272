# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A snapshot as a value object, the options users write it with, and the way from one to the other."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.reader import (
    NAME,
    NAME_SAYS,
    TIMEOUT_LARGEST_S,
    Reader,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.resource import Wish
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.spec import Spec, parse_entries
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Policy

# A guest's name; guests of others may have any that has no / in it.
GUEST = re.compile(r"[^/\n]{1,255}")
GUEST_SAYS = "the name of a guest is allowed"
# Names of snapshots that others made. They are only looked up, never made.
ANY = re.compile(r"[^/\n]{1,255}")
ANY_SAYS = "the name of a snapshot is allowed"

# The options that snapshots have everywhere.
SNAPSHOT: Spec = {
    "guest": {"type": "str"},
    "name": {"type": "str"},
    "state": {"type": "str", "choices": ["present", "reverted", "absent"], "default": "present"},
    "description": {"type": "str"},
    "memory": {"type": "bool"},
    "discard_newer": {"type": "bool", "default": False},
    "restart": {"type": "str", "choices": ["never", "graceful", "force"], "default": "never"},
    "shutdown_timeout": {"type": "int", "default": 120},
}


@dataclass(frozen=True)
class SnapshotDisk:
    """A disk within a snapshot.

    device: its name in the guest. kind: internal | external | no, where it is not in the snapshot. path: the file that
    the guest had it in when the snapshot was taken. overlay: the file that it went on in, of an external one.
    """

    device: str
    kind: str
    path: str | None = None
    overlay: str | None = None


@dataclass(frozen=True)
class Snapshot:
    """A snapshot of a guest, as wished (None: left alone) or as found.

    state: present | reverted | absent in a wish, present in a state. kind, where a hypervisor has more than one: auto |
    internal | external in a wish; in a state also mixed: some disks so, some so. quiesce and discard_newer belong to a
    wish. taken: UTC, as ISO 8601. power: what the guest was doing: running | paused | stopped, None when it is not
    known, as of disks alone. parent: the snapshot that it was taken after. current: it is the one that the guest goes
    on from. uuid: where a name may be there twice.
    """

    guest: str
    snapshot: str
    state: str = "present"
    description: str | None = None
    kind: str | None = None
    memory: bool | None = None
    quiesce: bool | None = None
    discard_newer: bool | None = None
    taken: str | None = None
    power: str | None = None
    parent: str | None = None
    current: bool | None = None
    uuid: str | None = None
    disks: tuple[SnapshotDisk, ...] = field(default=())

    @property
    def name(self) -> str:
        """The name that is unique on the host; neither part has a slash."""
        return full_name(self.guest, self.snapshot)


def full_name(guest: str, snapshot: str) -> str:
    """GUEST/SNAPSHOT."""
    return f"{guest}/{snapshot}"


def parse_snapshots(
    params: Mapping[str, Any],
    spec: Spec | None = None,
    check_whole: Callable[[Reader, Snapshot], None] = lambda _read, _want: None,
) -> list[Wish[Snapshot]]:
    """Turn a task's options into wishes. Raises SpecError with all that is wrong in all of them.

    spec: SNAPSHOT, or that with the options that one hypervisor has beside. check_whole: notes what only shows when the
    options of a snapshot are seen together.
    """
    return parse_entries("snapshot", params, spec or SNAPSHOT, lambda read: _wish(read, check_whole), _together)


def _together(wishes: Sequence[Wish[Snapshot]]) -> list[str]:
    """Each snapshot is listed once, and a guest can go back to one place only."""
    counts = Counter((wish.item.guest, wish.item.snapshot) for wish in wishes)
    listed = [one for one, count in counts.items() if count > 1 and GUEST.fullmatch(one[0]) and ANY.fullmatch(one[1])]
    errors = [f"snapshot {full_name(*one)}: is listed more than once; each may be there once" for one in listed]
    guests = [wish.item.guest for wish in wishes if wish.item.state == "reverted"]
    twice = sorted({guest for guest in guests if guests.count(guest) > 1})
    return errors + [f"guest {guest}: can be reverted to one snapshot in a task, not to several" for guest in twice]


def _wish(read: Reader, check_whole: Callable[[Reader, Snapshot], None]) -> Wish[Snapshot]:
    new = read.get("state") in (None, "present")
    if read.get("guest") is None:
        read.errors.append("guest: is needed, the guest that it is a snapshot of")
    description = read.text("description")
    snapshot = Snapshot(
        guest=read.text("guest", GUEST, GUEST_SAYS) or "",
        snapshot=read.text("name", NAME if new else ANY, NAME_SAYS if new else ANY_SAYS) or "",
        state=read.get("state") or "present",
        description=None if description is None else description.strip(),
        kind=read.get("kind"),
        memory=read.get("memory"),
        quiesce=bool(read.get("quiesce")),
        discard_newer=bool(read.get("discard_newer")),
    )
    check_whole(read, snapshot)
    timeout_s = read.number("shutdown_timeout", 0, TIMEOUT_LARGEST_S)
    policy = Policy(restart=read.get("restart") or "never", shutdown_timeout_s=120 if timeout_s is None else timeout_s)
    return Wish(snapshot, policy)
