# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs parts side by side: two at once, never two of the same lane, and each to its end whatever the others do."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path

from .environment import CHECKOUT
from .part import Part
from .process import Processes
from .workspace import Workspace

WORKERS = 2


@dataclass(frozen=True)
class Timed:
    """One step's name, time in seconds and whether it passed."""

    name: str
    seconds: float
    passed: bool


@dataclass(frozen=True)
class Result:
    """What came of a part."""

    part: Part
    passed: bool
    seconds: float
    log: Path
    steps: tuple[Timed, ...] = ()


class Printer:
    """Lines to the screen, each with the part it belongs to; never two at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def line(self, name: str, text: str) -> None:
        """Print one line of a part."""
        with self._lock:
            print(f"{name}| {text}", flush=True)


class Runner:
    """Runs parts in one workspace."""

    def __init__(self, workspace: Workspace, arguments: tuple[str, ...]) -> None:
        self.processes = Processes()
        self._workspace = workspace
        self._arguments = arguments
        self._printer = Printer()

    def run(self, parts: list[Part]) -> list[Result]:
        """Run all parts; the results are in the order of the parts."""
        # What may take longest starts first, so that it does not run alone at the end.
        waiting, results = sorted(parts, key=lambda part: -part.minutes), {}
        running: dict[Future[Result], Part] = {}
        with ThreadPoolExecutor(WORKERS) as pool:
            while waiting or running:
                for part in startable(waiting, list(running.values())):
                    waiting.remove(part)
                    running[pool.submit(self.run_part, part)] = part
                done, _others = wait(running, timeout=1.0, return_when=FIRST_COMPLETED)
                for future in done:
                    results[running.pop(future).name] = future.result()
        return [results[part.name] for part in parts]

    def run_part(self, part: Part) -> Result:
        """Run one part's steps, in order."""
        path = self._workspace.folder / f"{part.name}.log"
        started = time.monotonic()
        steps: list[Timed] = []
        with path.open("w", buffering=1) as log:

            def write(text: str) -> None:
                log.write(f"{time.monotonic() - started:7.1f} {text}\n")
                self._printer.line(part.name, text)

            try:
                passed = self._steps(part, steps, write)
            except Exception as error:  # noqa: BLE001 - a part that cannot even be prepared has failed; the others go on
                write(f"FAILED: {type(error).__name__}: {error}")
                passed = False
        return Result(part, passed, time.monotonic() - started, path, tuple(steps))

    def _steps(self, part: Part, timed: list[Timed], write: Callable[[str], None]) -> bool:
        if not (CHECKOUT / part.needs).exists():
            write(f"FAILED: there is no {part.needs}, so there is nothing to run")
            return False
        deadline = time.monotonic() + 60 * part.minutes
        for step in part.steps(self._workspace, self._arguments):
            if self.processes.stopping:
                return False
            write(f"== {step.name}: {' '.join(step.command)}")
            started = time.monotonic()
            status = self.processes.run(step, self._workspace.environment, deadline - started, write)
            timed.append(Timed(step.name, time.monotonic() - started, passed=status == 0))
            write(f"== {step.name}: {outcome(status, part)}, {timed[-1].seconds:.1f} s")
            if status and not part.keep_going:
                return False
        # A part that did nothing has shown nothing.
        return bool(timed) and all(step.passed for step in timed)


def outcome(status: int, part: Part) -> str:
    """An exit status in words."""
    late = 124
    if status == late:
        return f"FAILED: ended, the part may take {part.minutes} minutes"
    return f"FAILED with status {status}" if status else "passed"


def startable(waiting: list[Part], running: list[Part]) -> list[Part]:
    """The parts that may start now, first come first served."""
    chosen: list[Part] = []
    for part in waiting:
        now = [*running, *chosen]
        if len(now) < WORKERS and not (part.lane and part.lane in {other.lane for other in now}):
            chosen.append(part)
    return chosen
