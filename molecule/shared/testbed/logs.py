# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps what a VM said: its serial console and, while it can be reached, its journal."""

from __future__ import annotations

import shutil
import subprocess
import time
from pathlib import Path

from .paths import logs_folder
from .record import Record
from .remote import run_in
from .serial import tail

_JOURNAL = ("sudo", "journalctl", "--boot", "--no-pager", "--output=short-precise")
_JOURNAL_SECONDS = 60.0


def collect(record: Record) -> Path:
    """Copy console and journal to a folder of their own below the cache's logs; return that folder."""
    target = logs_folder() / f"{record.name}-{time.strftime('%Y%m%d-%H%M%S')}"
    target.mkdir(exist_ok=True)
    if record.serial.exists():
        shutil.copyfile(record.serial, target / "serial.log")
    journal = _journal(record)
    if journal:
        (target / "journal.log").write_text(journal)
    return target


def summary(folder: Path) -> str:
    """The ends of the collected logs, for a terminal."""
    parts = [f"== {path.name} ({path}), last lines ==\n{tail(path, 40)}" for path in sorted(folder.iterdir())]
    return "\n".join(parts) or f"nothing could be collected in {folder}"


def _journal(record: Record) -> str:
    if not record.running:
        return ""
    try:
        return run_in(record, _JOURNAL, _JOURNAL_SECONDS).stdout
    except subprocess.TimeoutExpired:
        return ""
