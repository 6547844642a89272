# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is measured: each function makes the host ready, measures, and returns rows of the table."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count, pairwise
from pathlib import Path

import libvirt

from ansible_collections.hostforge.hypervisor.bench import books, farm
from ansible_collections.hostforge.hypervisor.bench.clock import Run, medians, timed
from ansible_collections.hostforge.hypervisor.bench.slow_server import SLOW_S, serving
from ansible_collections.hostforge.hypervisor.tests.integration.daemon import URI

HERE = Path(__file__).parent
MIB = 1024 * 1024
GIB = 1024 * MIB
# Images: the size of the disk that is in them, and of the data in the file.
IMAGES = {"small": (1 * GIB, 1 * MIB), "large": (40 * GIB, 400 * MIB)}


@dataclass(frozen=True)
class Row:
    """One line: what was measured, its value, and what it should be."""

    what: str
    value: str
    goal: str = ""


@dataclass(frozen=True)
class Bench:
    """Where things are measured: a daemon's connection, a folder for files, how often each counts."""

    connection: libvirt.virConnect
    folder: Path
    times: int

    def clear(self) -> None:
        """Leave a host without guests."""
        farm.clear(self.connection)

    def fill(self, size: int) -> None:
        """Bring the host to so many guests, the first of which the collection makes."""
        if not self.connection.listAllDomains(0):
            self.book("first", [0], changes=True).play()
        farm.fill(self.connection, size)

    def floor(self, script: str, *arguments: str) -> float:
        """Time one of the bare scripts."""
        return timed([sys.executable, str(HERE / script), URI, *arguments], self.folder)

    def book(self, name: str, numbers: Sequence[int], changes: bool = False, disks: bool = True) -> books.Book:
        """The playbook that wishes for the guests of those numbers."""
        return books.guests(self.folder, name, [farm.wish(one, disks) for one in numbers], changes)

    def afresh(self, run: Run) -> Run:
        """The same run, on a host without guests."""

        def alone() -> float:
            self.clear()
            return run()

        return alone


def unchanged(bench: Bench, sizes: Sequence[int]) -> list[Row]:
    """A run that finds all as it should be, on hosts of several sizes."""
    bench.clear()
    ping = books.write(bench.folder, "ping", {"ansible.builtin.ping": {}})
    rows: list[Row] = []
    seconds: dict[int, float] = {}
    for size in sorted(sizes):
        bench.fill(size)
        ours = bench.book(f"unchanged-{size}", range(size))
        runs = {"ping": ping.play, "floor": lambda: bench.floor("floor_read.py"), "ours": ours.play}
        found = medians(runs, bench.times)
        seconds[size] = found["ours"]
        rows += [
            Row(f"no change, {size:,} guests", f"{found['ours']:.2f} s"),
            _compared("one ping", found["ping"], found["ours"]),
            _compared("libvirt-python reading the same", found["floor"], found["ours"]),
            Row("  most memory of the module", f"{ours.weigh():.0f} MiB", "under 150 MiB at 1,000"),
        ]
    each = {(few, many): (seconds[many] - seconds[few]) / (many - few) for few, many in pairwise(sorted(sizes))}
    return rows + [
        Row(f"each further guest, {few:,} to {many:,}", f"{1000 * one:.2f} ms", "at most 2 ms")
        for (few, many), one in each.items()
    ]


def _compared(what: str, theirs: float, ours: float) -> Row:
    return Row(f"  {what}", f"{theirs:.2f} s: ours takes {ours / theirs:.1f} x")


def peer(bench: Bench, size: int) -> list[Row]:
    """The same guests, unchanged, by a module that takes one at a time."""
    bench.clear()
    bench.fill(size)
    texts = [path.read_text() for path in farm.definitions(bench.connection, bench.folder / "peer")]
    task = {"community.libvirt.virt": {"command": "define", "xml": "{{ item }}"}, "loop": texts}
    theirs = books.write(bench.folder, "theirs", task, changes=None)
    found = medians({"theirs": theirs.play, "ours": bench.book("ours", range(size)).play}, 1)
    ratio = found["theirs"] / found["ours"]
    return [
        Row(f"community.libvirt.virt in a loop, {size} guests", f"{found['theirs']:.1f} s"),
        Row("  ours", f"{found['ours']:.2f} s: {ratio:.0f} x as fast", "at least 20 x"),
    ]


def creation(bench: Bench, sizes: Sequence[int]) -> list[Row]:
    """Guests without disks come to be, and a bare script that hands libvirt the same definitions."""
    seconds = {size: _creation(bench, size) for size in (1, *sizes)}
    rows = []
    for size in sizes:
        ours, floor = (seconds[size][name] - seconds[1][name] for name in ("ours", "floor"))
        rows += [
            Row(f"create {size} guests", f"{seconds[size]['ours']:.2f} s"),
            Row("  defineXML of the same", f"{seconds[size]['floor']:.2f} s"),
            Row("  ours, beyond what one guest takes", f"{ours / floor:.2f} x", "at most 1.5 x"),
        ]
    return rows


def _creation(bench: Bench, size: int) -> dict[str, float]:
    bench.clear()
    ours = bench.book(f"create-{size}", range(size), changes=True, disks=False)
    ours.play()
    folder = bench.folder / f"definitions-{size}"
    farm.definitions(bench.connection, folder)
    runs = {"ours": ours.play, "floor": lambda: bench.floor("floor_define.py", str(folder))}
    return medians({name: bench.afresh(run) for name, run in runs.items()}, bench.times)


def cloning(bench: Bench) -> list[Row]:
    """A thin disk on a small and on a large image, once the image is in the cache."""
    bench.clear()
    found = medians({name: _clone(bench, name) for name in IMAGES}, bench.times)
    rows = [
        Row(f"a thin disk on an image of {size // GIB} GiB, {data // MIB} MiB of data", f"{found[name]:.2f} s")
        for name, (size, data) in IMAGES.items()
    ]
    return [*rows, Row("  the large one, compared", f"{found['large'] / found['small']:.2f} x", "1 x")]


def _clone(bench: Bench, name: str) -> Run:
    """A run that makes a guest with a disk on an image, another guest each time."""
    path = farm.image(name, *IMAGES[name])
    numbers = count()
    return lambda: _with_images(bench, f"{name}-{next(numbers)}", [str(path)])


def overlap(bench: Bench, size: int) -> list[Row]:
    """Guests with an image each, from a server that is slow."""
    bench.clear()
    numbers = count()
    with serving(farm.image("served", MIB, MIB).read_bytes()) as url:
        runs: dict[str, Run] = {
            str(many): lambda many=many: _with_images(  # type: ignore[misc]
                bench, f"far-{next(numbers)}", [f"{url}/{next(numbers)}" for _one in range(many)]
            )
            for many in (1, size)
        }
        found = medians(runs, bench.times)
    one, all_of_them = found["1"], found[str(size)]
    return [
        Row(f"a guest, its image from a server that takes {SLOW_S:.0f} s", f"{one:.2f} s"),
        Row(f"{size} guests, each with an image of its own from there", f"{all_of_them:.2f} s"),
        Row("  compared", f"{all_of_them / one:.2f} x", f"far below {size} x"),
    ]


def _with_images(bench: Bench, name: str, sources: Sequence[str]) -> float:
    """The seconds that it takes to make guests with a thin disk on an image each."""
    images = [{"source": source, "format": "raw", "checksum": "none"} for source in sources]
    disks = [[{"name": "root", "format": "qcow2", "image": image}] for image in images]
    guests = [{"name": f"{name}-{number}", "disks": disk} for number, disk in enumerate(disks)]
    return books.guests(bench.folder, name, guests, changes=True).play()
