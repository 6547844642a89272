# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the playbook reported of the guests, and the table that shows it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from testbed.paths import cache_root


@dataclass(frozen=True)
class Row:
    """A guest as the table shows it."""

    name: str
    host: str
    state: str
    address: str


def report_folder() -> Path:
    """Where the playbook writes a file for each host."""
    folder = cache_root() / "demo" / "reports"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def read_reports() -> list[Row]:
    """The guests of all hosts, as of the last run."""
    rows = []
    for path in sorted(report_folder().glob("*.json")):
        for entry in json.loads(path.read_text()):
            guest = entry["guest"]
            addresses = guest.get("addresses") or [""]
            rows.append(Row(entry["name"], path.stem, guest["state"], addresses[0]))
    return rows


def forget_reports() -> None:
    """Remove what earlier runs reported."""
    for path in report_folder().glob("*.json"):
        path.unlink()


def table(rows: Sequence[Row]) -> str:
    """The guests in columns."""
    head = ("GUEST", "HOST", "STATE", "ADDRESS")
    lines = [head, *((row.name, row.host, row.state, row.address or "-") for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    return "\n".join(
        "  ".join(word.ljust(width) for word, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )
