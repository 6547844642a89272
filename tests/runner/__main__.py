# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line of the test runner."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time

from . import environment
from .part import Part
from .parts import PARTS
from .report import table
from .schedule import Runner
from .workspace import close_workspace, open_workspace


def parse(arguments: list[str]) -> argparse.Namespace:
    """Read the command line; `rest` holds what follows a lone `--`."""
    cut = arguments.index("--") if "--" in arguments else len(arguments)
    parser = argparse.ArgumentParser(prog="bin/test", description="Run all tests, or the parts that are named.")
    parser.add_argument("--list", action="store_true", help="list the parts and end")
    parser.add_argument("parts", nargs="*", metavar="PART", help="a part's name, or quick for lint, unit and sanity")
    parsed = parser.parse_args(arguments[:cut])
    parsed.rest = tuple(arguments[cut + 1 :])
    known = {part.name for part in PARTS}
    unknown = [name for name in parsed.parts if name not in known | {"quick"}]
    if unknown:
        parser.error(f"unknown: {', '.join(unknown)}; bin/test --list names the parts")
    return parsed


def chosen(names: list[str]) -> list[Part]:
    """The parts to run, in the order of the table; without names, all but those that have to be asked for."""
    if not names:
        return [part for part in PARTS if not part.asked]
    return [part for part in PARTS if part.name in names or (part.quick and "quick" in names)]


def listing() -> list[str]:
    """The parts with what each shows."""
    marks = {part.name: "(quick) " if part.quick else "(only when named) " if part.asked else "" for part in PARTS}
    return [f"{part.name:<16} {marks[part.name]}{part.shows}" for part in PARTS]


def main() -> int:
    """Run the chosen parts; 0 when all passed."""
    options = parse(sys.argv[1:])
    if options.list:
        print(*listing(), sep="\n")
        return 0
    parts = chosen(options.parts)
    started = time.monotonic()
    with environment.explained():
        environment.ensure_packages([group for part in parts for group in part.packages])
    preparing = float(os.environ.get("HOSTFORGE_TEST_SECONDS", 0)) + time.monotonic() - started
    workspace = open_workspace()
    runner = Runner(workspace, options.rest)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda _number, _frame: runner.processes.stop())
    started = time.monotonic()
    results = runner.run(parts)
    print("", *table(results, preparing, time.monotonic() - started), sep="\n", flush=True)
    close_workspace(workspace)
    return 0 if all(result.passed for result in results) else 1


if __name__ == "__main__":
    sys.exit(main())
