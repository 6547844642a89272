# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Starts guests one after the other, each after the delay of the one before, once after each start of the host.

The program of a hypervisor says which guests there are, and how one is started; it lies beside this file on the host.
What was done since the host's start is noted in a file that does not outlast it: a second run does nothing, and one
after a failure or a kill does the rest. So a guest that an administrator has stopped stays off.
"""

from __future__ import annotations

import argparse
import os
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
DONE = "done"
STAMP = Path("/run/hostforge-guests")


class StartError(Exception):
    """A guest cannot be started, or the hypervisor does not answer; it says why."""


@dataclass(frozen=True)
class Turn:
    """A guest that is to be started, and how many seconds to wait after it.

    mark: one line by which it is known among the guests of a host. start: starts it; False when it runs already, or has
    gone. Raises StartError.
    """

    name: str
    mark: str
    delay_s: int
    start: Callable[[], bool]


class Stamp:
    """What was done in an era, such as since the host's start: the era's name, marks of guests, and a word for all."""

    def __init__(self, path: Path, era: str) -> None:
        self._path = path
        self._era = era
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        self.done = set(lines[1:]) if lines[:1] == [self._era] else set()

    def note(self, what: str) -> None:
        """Note something as done, in one step."""
        self.done.add(what)
        part = self._path.with_name(f".{self._path.name}.part")
        part.write_text("\n".join([self._era, *sorted(self.done), ""]), encoding="utf-8")
        part.replace(self._path)


class Patience:
    """Waits between guests. Asked to end, as when the host goes down, it ends waiting; a start is never cut off."""

    def __init__(self) -> None:
        self.ended = False
        signal.signal(signal.SIGTERM, self._end)

    def _end(self, _number: int, _frame: Any) -> None:
        self.ended = True

    def wait(self, seconds: float) -> None:
        """Wait so long, or until it is asked to end."""
        end = time.monotonic() + seconds
        while not self.ended and time.monotonic() < end:
            time.sleep(max(0.0, min(1.0, end - time.monotonic())))


def boot_id() -> str:
    """What this start of the host is called."""
    return BOOT_ID.read_text(encoding="utf-8").strip()


def say(text: str, level: int = 6) -> None:
    """Tell the journal, which takes a level in front of a line, or whoever looks."""
    print(f"<{level}>{text}" if "JOURNAL_STREAM" in os.environ else text, flush=True)


def parser(of: str) -> argparse.ArgumentParser:
    """What every such program can be told. of: whose guests it starts."""
    made = argparse.ArgumentParser(description=f"Start {of} guests in their order, once after the host's start.")
    made.add_argument("--stamp", type=Path, default=STAMP, help="what was done is noted here")
    made.add_argument("--list", action="store_true", help="show the order, one guest a line, and start nothing")
    return made


def start_all(waiting: Sequence[Turn], stamp: Stamp, patience: Patience) -> list[str]:
    """Start guests one after the other; the names of those that failed, or that nobody has come to any more."""
    failed = []
    for one in waiting:
        if patience.ended:
            failed.append(one.name)
            continue
        try:
            started = one.start()
        except StartError as error:
            say(f"guest {one.name} cannot be started: {error}", level=3)
            failed.append(one.name)
            continue
        stamp.note(one.mark)
        say(f"guest {one.name}: {'started' if started else 'runs already, or has gone'}")
        if started and one is not waiting[-1]:
            patience.wait(one.delay_s)
    return failed


def run(chosen: argparse.Namespace, era: str, turns: Callable[[], Sequence[Turn]]) -> int:
    """Start what is to be started in this era; the status to end with, 1 when something of it failed."""
    stamp = Stamp(chosen.stamp, era)
    if DONE in stamp.done and not chosen.list:
        say("the guests were started already since the host's start")
        return 0
    patience = Patience()
    try:
        found = turns()
    except StartError as error:
        say(str(error), level=3)
        return 1
    if chosen.list:
        for one in found:
            say(one.name)
        return 0
    failed = start_all([one for one in found if one.mark not in stamp.done], stamp, patience)
    if failed:
        say(f"not started: {', '.join(failed)}; mend them, and start this unit again for these", level=3)
        return 1
    stamp.note(DONE)
    return 0
