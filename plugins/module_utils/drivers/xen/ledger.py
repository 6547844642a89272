# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ledger: what this collection made for a guest, and what xl has no word for, in a comment of the guest's own file.

Only what stands in it is ever deleted. It is written before the data that it speaks of is made.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field, replace
from typing import Any

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.xen.definition import Definition

LINE = re.compile(r"^# hostforge: (\{.*\})[ \t]*$", re.MULTILINE)


@dataclass(frozen=True)
class Entry:
    """A disk: its name in the guest specification, where its data is, and whether we made that data.

    pending: we are making it at this moment, or a run that did so was killed. grow: bytes that it is to have when the
    guest starts next, for data is not grown under a running guest.
    """

    name: str
    path: str
    made: bool
    pending: bool = False
    grow: int = 0


@dataclass(frozen=True)
class Ledger:
    """All that is noted of a guest.

    seed: the path of its seed. delay_s: how long the host waits when it has started the guest. rest: what a later
    version of this has noted.
    """

    description: str = ""
    seed: str | None = None
    delay_s: int | None = None
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


def read(definition: Definition) -> Ledger:
    """What is noted in a definition. A line that cannot be read, which somebody has edited, notes nothing."""
    match = LINE.search(definition.text)
    try:
        noted = json.loads(match[1]) if match else {}
        disks = tuple(
            Entry(one["name"], one["path"], bool(one["made"]), bool(one.get("pending")), int(one.get("grow", 0)))
            for one in noted.pop("disks", ())
        )
        told = str(noted.pop("description", "")), noted.pop("seed", None), _number(noted.pop("delay", None))
        return Ledger(*told, disks, noted)
    except (ValueError, TypeError, KeyError, AttributeError):
        return Ledger()


def write(definition: Definition, ledger: Ledger) -> None:
    """Note all of it. A guest that nothing is noted of gets no line."""
    noted: dict[str, Any] = dict(ledger.rest)
    if ledger.description:
        noted["description"] = ledger.description
    if ledger.seed:
        noted["seed"] = ledger.seed
    if ledger.delay_s is not None:
        noted["delay"] = ledger.delay_s
    if ledger.disks:
        noted["disks"] = [_entry(one) for one in ledger.disks]
    if noted or LINE.search(definition.text):
        definition.put_comment(LINE, f"# hostforge: {json.dumps(noted)}")


def _number(value: Any) -> int | None:
    """A number of seconds; what somebody else wrote in its place is none."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _entry(entry: Entry) -> dict[str, Any]:
    more = {"pending": entry.pending, "grow": entry.grow}
    return {
        "name": entry.name,
        "path": entry.path,
        "made": entry.made,
        **{key: value for key, value in more.items() if value},
    }
