# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compares the collection with its floor and with its peer, on a libvirt daemon of its own, and prints a table."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

from ansible_collections.hostforge.hypervisor.bench import measures
from ansible_collections.hostforge.hypervisor.tests.integration.daemon import running_daemon
from ansible_collections.hostforge.hypervisor.tests.integration.private import become_private

PARTS = ("unchanged", "peer", "creation", "cloning", "overlap")


def options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="bin/test bench --", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(PARTS)}; without any, all")
    parser.add_argument("--guests", type=int, nargs="+", default=[50, 500, 1000, 2000], help="sizes of a host")
    parser.add_argument("--create", type=int, nargs="+", default=[50, 500], help="how many guests to create")
    parser.add_argument("--peer", type=int, default=50, help="how many guests to compare with the peer by")
    parser.add_argument("--fetch", type=int, default=8, help="how many guests fetch an image at the same time")
    parser.add_argument("--times", type=int, default=3, help="how often each counts; the median is shown")
    chosen = parser.parse_args()
    unknown = set(chosen.parts) - set(PARTS)
    if unknown:
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    return chosen


def main() -> None:
    """Measure, and print each part of the table when it is there."""
    chosen = options()
    become_private()
    with tempfile.TemporaryDirectory() as name, running_daemon(Path(name, "daemon.log")) as connection:
        bench = measures.Bench(connection, Path(name), chosen.times)
        parts = {
            "unchanged": lambda: measures.unchanged(bench, chosen.guests),
            "peer": lambda: measures.peer(bench, chosen.peer),
            "creation": lambda: measures.creation(bench, chosen.create),
            "cloning": lambda: measures.cloning(bench),
            "overlap": lambda: measures.overlap(bench, chosen.fetch),
        }
        load = os.getloadavg()[0]
        print(f"{os.cpu_count()} processors, load {load:.1f}, Python {sys.version.split()[0]}")
        for part in chosen.parts or PARTS:
            for row in parts[part]():
                print(f"{row.what:<50} {row.value:<34} {row.goal}".rstrip(), flush=True)


if __name__ == "__main__":
    main()
