# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ledger: what this collection made for a guest, in the guest's own settings, as extra data.

Only what stands in it is ever deleted. It is written before the data that it speaks of is made.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import Any

KEY = "hostforge/guest"


@dataclass(frozen=True)
class Entry:
    """A disk: its name in the guest specification, where its data is, and whether we made that data.

    pending: we are making it at this moment, or a run that did so was killed.
    """

    name: str
    path: str
    made: bool
    pending: bool = False


@dataclass(frozen=True)
class Ledger:
    """All that is noted of a guest. rest: what a later version of this has noted."""

    disks: tuple[Entry, ...] = ()
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


def read(machine: Any) -> Ledger:
    """What is noted of a machine. A note that cannot be read, which somebody has edited, is none."""
    try:
        noted = json.loads(machine.getExtraData(KEY) or "{}")
        disks = tuple(
            Entry(str(one["name"]), str(one["path"]), bool(one["made"]), bool(one.get("pending")))
            for one in noted.pop("disks", ())
        )
    except (ValueError, TypeError, KeyError, AttributeError):
        return Ledger()
    return Ledger(disks, noted)


def write(machine: Any, ledger: Ledger) -> None:
    """Note all of it, at once. A machine that nothing is noted of gets no note."""
    noted: dict[str, Any] = dict(ledger.rest)
    if ledger.disks:
        noted["disks"] = [_plain(one) for one in ledger.disks]
    if noted or machine.getExtraData(KEY):
        machine.setExtraData(KEY, json.dumps(noted))


def _plain(entry: Entry) -> dict[str, Any]:
    plain: dict[str, Any] = {"name": entry.name, "path": entry.path, "made": entry.made}
    return {**plain, "pending": True} if entry.pending else plain
