# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Knows processes by more than their number, which the kernel gives to others after a while."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")
_START_TIME = 19  # field 22 of /proc/PID/stat (proc(5)), counted behind the command in parentheses


@dataclass(frozen=True)
class Identity:
    """A process: number, start in clock ticks after boot, and the boot it belongs to."""

    pid: int
    start: int
    boot: str


def identify(pid: int, proc: Path = _PROC) -> Identity | None:
    """The process that has this number now; None if there is none, or only its remains."""
    try:
        stat = (proc / str(pid) / "stat").read_text()
        boot = (proc / "sys/kernel/random/boot_id").read_text().strip()
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in ("Z", "X") else Identity(pid, int(fields[_START_TIME]), boot)


def alive(identity: Identity, proc: Path = _PROC) -> bool:
    """True only for this very process, not for a later one with its number."""
    return identify(identity.pid, proc) == identity


def stop(identity: Identity, seconds: float = 10) -> None:
    """Ask the process to end, then make it; does nothing if it is gone or another has its number."""
    for kind in (signal.SIGTERM, signal.SIGKILL):
        if not alive(identity):
            return
        os.kill(identity.pid, kind)
        deadline = time.monotonic() + seconds
        while alive(identity) and time.monotonic() < deadline:
            time.sleep(0.05)
