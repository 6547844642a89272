# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs one command in a process group of its own, with every line of its output written to a log and to the screen."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from .part import Step

# How long a command may tidy up after it was asked to end, in seconds.
GRACE = 30.0


class Processes:
    """The commands that run now, so that an interrupted run can end them all."""

    def __init__(self) -> None:
        self._running: set[subprocess.Popen[str]] = set()
        self._lock = threading.Lock()
        self.stopping = False

    def run(self, step: Step, environment: dict[str, str], seconds: float, write: Callable[[str], None]) -> int:
        """Run a step for at most so many seconds; return its exit status, 124 when its time was up."""
        with subprocess.Popen(
            step.command, cwd=step.cwd, env=environment | dict(step.env), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", start_new_session=True,
        ) as process, self._registered(process):  # fmt: skip
            expired = threading.Event()
            timer = threading.Timer(max(seconds, 0), expire, (process, expired))
            timer.start()
            for line in process.stdout or ():
                write(line.rstrip("\n"))
            status = process.wait()
            timer.cancel()
        return 124 if expired.is_set() else status

    def stop(self) -> None:
        """End every command that runs, and start none."""
        self.stopping = True
        with self._lock:
            running = list(self._running)
        for process in running:
            threading.Thread(target=end, args=(process,)).start()

    @contextmanager
    def _registered(self, process: subprocess.Popen[str]) -> Iterator[None]:
        with self._lock:
            self._running.add(process)
        try:
            yield
        finally:
            with self._lock:
                self._running.discard(process)


def expire(process: subprocess.Popen[str], expired: threading.Event) -> None:
    """End a process whose time is up."""
    expired.set()
    end(process)


def end(process: subprocess.Popen[str]) -> None:
    """Ask a process group to end, then make it."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
            process.wait(GRACE)
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue
        else:
            return
