# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ledger of a guest: what this collection made for it. Each hypervisor keeps it where it keeps the guest.

Only what stands in it is ever deleted. It is written before the data that it speaks of is made.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import Any


@dataclass(frozen=True)
class Entry:
    """A disk: its name in the guest specification, where its data is, and whether we made that data.

    pending: we are making it at this moment, or a run that did so was killed. grow: bytes that it is to have when the
    guest starts next, where data is not grown under a running guest.
    """

    name: str
    path: str
    made: bool
    pending: bool = False
    grow: int = 0


@dataclass(frozen=True)
class Ledger:
    """All that is noted of a guest, and what its hypervisor has no word for.

    seed: the path of its seed. delay_s: how long the host waits when it has started the guest. unfinished: it is being
    made from a package. rest: what a later version of this has noted.
    """

    description: str = ""
    seed: str | None = None
    delay_s: int | None = None
    disks: tuple[Entry, ...] = ()
    unfinished: bool = False
    rest: dict[str, Any] = field(default_factory=dict)

    def find(self, path: str | None) -> Entry | None:
        """What is noted of the data at path."""
        return next((entry for entry in self.disks if path and entry.path == path), None)

    def with_disk(self, entry: Entry) -> Ledger:
        """With a disk noted, in place of what was noted of the same path or name."""
        kept = tuple(one for one in self.disks if entry.path != one.path and entry.name != one.name)
        return replace(self, disks=(*kept, entry))

    def without(self, path: str) -> Ledger:
        """With a disk struck out."""
        return replace(self, disks=tuple(one for one in self.disks if one.path != path))

    def finished(self) -> Ledger:
        """The same of a guest that is whole."""
        return replace(self, unfinished=False)


def from_text(text: str) -> Ledger:
    """What a text notes. One that cannot be read, which somebody has edited, notes nothing."""
    try:
        noted = json.loads(text or "{}")
        disks = tuple(_entry(one) for one in noted.pop("disks", ()))
        told = str(noted.pop("description", "")), noted.pop("seed", None), _number(noted.pop("delay", None))
        return Ledger(*told, disks, bool(noted.pop("unfinished", False)), noted)
    except (ValueError, TypeError, KeyError, AttributeError):
        return Ledger()


def to_text(ledger: Ledger) -> str:
    """All of it as a text of one line; empty when nothing is noted."""
    noted: dict[str, Any] = dict(ledger.rest)
    if ledger.description:
        noted["description"] = ledger.description
    if ledger.seed:
        noted["seed"] = ledger.seed
    if ledger.delay_s is not None:
        noted["delay"] = ledger.delay_s
    if ledger.unfinished:
        noted["unfinished"] = True
    if ledger.disks:
        noted["disks"] = [_plain(one) for one in ledger.disks]
    return json.dumps(noted) if noted else ""


def _number(value: Any) -> int | None:
    """A number of seconds; what somebody else wrote in its place is none."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _entry(noted: dict[str, Any]) -> Entry:
    pending, grow = bool(noted.get("pending")), int(noted.get("grow", 0))
    return Entry(str(noted["name"]), str(noted["path"]), bool(noted["made"]), pending, grow)


def _plain(entry: Entry) -> dict[str, Any]:
    more = {"pending": entry.pending, "grow": entry.grow}
    return {
        "name": entry.name,
        "path": entry.path,
        "made": entry.made,
        **{key: value for key, value in more.items() if value},
    }
