# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measures whole processes: how long each takes, and how much of that a processor was at work for it."""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Spent:
    """What a process took: seconds from start to end, and seconds of processors, its children's with them.

    What a daemon does for it is only in the former. The latter hardly depends on what else the machine does.
    """

    seconds: float
    work_s: float


# What a run is: it does its work, or raises; what it returns is what that took.
Run = Callable[[], Spent]


def timed(command: Sequence[str], folder: Path, expects: str = "", env: Mapping[str, str] | None = None) -> Spent:
    """Run a command to its end, and return what it took. It must succeed, and print what is expected."""
    begin, before = time.perf_counter(), _work_s()
    done = subprocess.run(
        command, check=False, capture_output=True, text=True, cwd=folder, env={**os.environ, **(env or {})}
    )
    spent = Spent(time.perf_counter() - begin, _work_s() - before)
    if done.returncode or expects not in done.stdout:
        raise RuntimeError(f"{' '.join(command)} did not do what it is measured for:\n{done.stdout}{done.stderr}")
    return spent


def _work_s() -> float:
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return ended.ru_utime + ended.ru_stime


def medians(runs: Mapping[str, Run], times: int) -> dict[str, Spent]:
    """The median of what each run takes. They take turns, so that a busy moment of the machine hits all alike.

    The first turn only warms caches, and does not count.
    """
    found: dict[str, list[Spent]] = {name: [] for name in runs}
    for turn in range(times + 1):
        for name, run in runs.items():
            spent = run()
            if turn:
                found[name].append(spent)
    return {name: _median(spents) for name, spents in found.items()}


def _median(spents: Sequence[Spent]) -> Spent:
    return Spent(statistics.median(one.seconds for one in spents), statistics.median(one.work_s for one in spents))
