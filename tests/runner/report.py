# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table at the end: what passed, what failed, and where the time went."""

from __future__ import annotations

from .schedule import Result

# Steps below this many seconds are not worth a line of their own.
WORTH_A_LINE = 1.0


def clock(seconds: float) -> str:
    """Seconds as minutes and seconds."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02d}"


def table(results: list[Result], environment: float, wall: float) -> list[str]:
    """The lines of the report; the last one stands alone."""
    lines = [f"{'part':<24} {'result':<8} {'min:s':>7}  log", row("environment", "ready", environment)]
    for result in results:
        lines.append(row(result.part.name, "passed" if result.passed else "FAILED", result.seconds, str(result.log)))
        shown = [step for step in result.steps if step.seconds >= WORTH_A_LINE or not step.passed]
        if len(result.steps) > 1:
            lines += [row(f"  {step.name}", "" if step.passed else "FAILED", step.seconds) for step in shown]
    failed = sum(not result.passed for result in results)
    return [*lines, row("in all", "", environment + wall), "", f"{len(results) - failed} passed, {failed} failed"]


def row(name: str, result: str, seconds: float, log: str = "") -> str:
    """One line of the table."""
    return f"{name:<24} {result:<8} {clock(seconds):>7}  {log}".rstrip()
