# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measures whole processes: how long each takes, and how much memory its largest child held."""

from __future__ import annotations

import os
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

# What a run is: it does its work, or raises; what it returns is the seconds that it took.
Run = Callable[[], float]


def timed(command: Sequence[str], folder: Path, expects: str = "", env: Mapping[str, str] | None = None) -> float:
    """Run a command to its end, and return its seconds. It must succeed, and print what is expected."""
    begin = time.perf_counter()
    done = subprocess.run(
        command, check=False, capture_output=True, text=True, cwd=folder, env={**os.environ, **(env or {})}
    )
    seconds = time.perf_counter() - begin
    if done.returncode or expects not in done.stdout:
        raise RuntimeError(f"{' '.join(command)} did not do what it is measured for:\n{done.stdout}{done.stderr}")
    return seconds


def medians(runs: Mapping[str, Run], times: int) -> dict[str, float]:
    """The median seconds of each run. They take turns, so that a busy moment of the machine hits all alike.

    The first turn only warms caches, and does not count.
    """
    found: dict[str, list[float]] = {name: [] for name in runs}
    for turn in range(times + 1):
        for name, run in runs.items():
            seconds = run()
            if turn:
                found[name].append(seconds)
    return {name: statistics.median(seconds) for name, seconds in found.items()}
