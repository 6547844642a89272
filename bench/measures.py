# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is measured: each function makes the host ready, measures, and returns rows of the table."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count, pairwise
from pathlib import Path
from typing import Any

import libvirt

from ansible_collections.hostforge.hypervisor.bench import books, farm
from ansible_collections.hostforge.hypervisor.bench.clock import Run, Spent, medians, timed
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

    def floor(self, script: str, *arguments: str) -> Spent:
        """Time one of the bare scripts."""
        return timed([sys.executable, str(HERE / script), URI, *arguments], self.folder)

    def book(self, name: str, numbers: Sequence[int], changes: bool = False, disks: bool = True) -> books.Book:
        """The playbook that wishes for the guests of those numbers."""
        return books.guests(self.folder, name, [farm.wish(one, disks) for one in numbers], changes)

    def afresh(self, run: Run) -> Run:
        """The same run, on a host without guests."""

        def alone() -> Spent:
            self.clear()
            return run()

        return alone


def unchanged(bench: Bench, sizes: Sequence[int]) -> list[Row]:
    """A run that finds all as it should be, on hosts of several sizes."""
    bench.clear()
    ping = _ping(bench)
    rows: list[Row] = []
    each: dict[int, Spent] = {}
    for size in sorted(sizes):
        bench.fill(size)
        ours = bench.book(f"unchanged-{size}", range(size))
        runs = {"ping": ping.play, "floor": lambda: bench.floor("floor_read.py"), "ours": ours.play}
        found = medians(runs, bench.times)
        each[size] = found["ours"]
        rows += [
            Row(f"no change, {size:,} guests", _both(found["ours"])),
            _compared("one ping", found["ping"], found["ours"]),
            _compared("libvirt-python reading the same", found["floor"], found["ours"]),
            Row("  most memory of the module", f"{ours.weigh():.0f} MiB", "under 150 MiB at 1,000"),
        ]
    return [*rows, *(_further(few, many, each) for few, many in pairwise(sorted(sizes)))]


def _further(few: int, many: int, each: Mapping[int, Spent]) -> Row:
    seconds, work_s = (getattr(each[many], name) - getattr(each[few], name) for name in ("seconds", "work_s"))
    more = Spent(seconds / (many - few), work_s / (many - few))
    said = f"{1000 * more.seconds:.2f} ms, at work {1000 * more.work_s:.2f} ms"
    return Row(f"each further guest, {few:,} to {many:,}", said, "at most 2 ms")


def _ping(bench: Bench) -> books.Book:
    """A task that looks at nothing: what any task takes at the least."""
    return books.write(bench.folder, "ping", [{"ansible.builtin.ping": {}}])


def _both(spent: Spent) -> str:
    return f"{spent.seconds:.2f} s, at work {spent.work_s:.2f} s"


def _compared(what: str, theirs: Spent, ours: Spent) -> Row:
    times = f"ours takes {ours.seconds / theirs.seconds:.1f} x, at work {ours.work_s / theirs.work_s:.1f} x"
    return Row(f"  {what}", f"{_both(theirs)}: {times}")


def peer(bench: Bench, size: int) -> list[Row]:
    """The same guests, unchanged, by a module that takes one at a time."""
    bench.clear()
    bench.fill(size)
    defined, off = _loops(farm.definitions(bench.connection, bench.folder / "peer"))
    theirs = books.write(bench.folder, "theirs", [defined], changes=None)
    in_full = books.write(bench.folder, "in-full", [defined, off], changes=None)
    ours = bench.book("ours", range(size))
    # Theirs takes long, and the machine may be busier at one end of it than at the other.
    runs = {"before": ours.play, "theirs": theirs.play, "after": ours.play, "full": in_full.play, "end": ours.play}
    found = medians({**runs, "ping": _ping(bench).play}, 1)
    spent = [found[one] for one in ("before", "after", "end")]
    mine = Spent(*(sum(getattr(one, of) for one in spent) / len(spent) for of in ("seconds", "work_s")))
    return [
        Row(f"community.libvirt.virt in a loop, {size} guests", _both(found["theirs"])),
        _faster("ours", found["theirs"], mine, "at least 20 x"),
        _faster("one ping", found["theirs"], found["ping"]),
        Row("in two loops: their definitions, their state", _both(found["full"])),
        _faster("ours", found["full"], mine),
    ]


def _loops(definitions: Sequence[Path]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The tasks that define guests, and that see to it that they are off: the module takes one or the other."""
    module, texts = "community.libvirt.virt", [path.read_text() for path in definitions]
    names = [path.stem for path in definitions]
    return (
        {module: {"command": "define", "xml": "{{ item }}"}, "loop": texts},
        {module: {"name": "{{ item }}", "state": "shutdown"}, "loop": names},
    )


def _faster(what: str, slow: Spent, fast: Spent, goal: str = "") -> Row:
    times = f"{slow.seconds / fast.seconds:.1f} x as fast, at work {slow.work_s / fast.work_s:.1f} x"
    return Row(f"  {what}", f"{_both(fast)}: {times}", goal)


def creation(bench: Bench, sizes: Sequence[int]) -> list[Row]:
    """Guests without disks come to be, and a bare script that hands libvirt the same definitions."""
    spent = {size: _creation(bench, size) for size in (1, *sizes)}
    rows = []
    for size in sizes:
        ours, floor = (spent[size][name].seconds - spent[1][name].seconds for name in ("ours", "floor"))
        rows += [
            Row(f"create {size} guests", f"{spent[size]['ours'].seconds:.2f} s"),
            Row("  defineXML of the same", f"{spent[size]['floor'].seconds:.2f} s"),
            Row("  ours, beyond what one guest takes", f"{ours / floor:.2f} x", "at most 1.5 x"),
        ]
    return rows


def _creation(bench: Bench, size: int) -> dict[str, Spent]:
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
        Row(f"a thin disk on an image of {size // GIB} GiB, {data // MIB} MiB of data", f"{found[name].seconds:.2f} s")
        for name, (size, data) in IMAGES.items()
    ]
    return [*rows, Row("  the large one, compared", f"{found['large'].seconds / found['small'].seconds:.2f} x", "1 x")]


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
    one, all_of_them = found["1"].seconds, found[str(size)].seconds
    return [
        Row(f"a guest, its image from a server that takes {SLOW_S:.0f} s", f"{one:.2f} s"),
        Row(f"{size} guests, each with an image of its own from there", f"{all_of_them:.2f} s"),
        Row("  compared", f"{all_of_them / one:.2f} x", f"far below {size} x"),
    ]


def _with_images(bench: Bench, name: str, sources: Sequence[str]) -> Spent:
    """What it takes to make guests with a thin disk on an image each."""
    images = [{"source": source, "format": "raw", "checksum": "none"} for source in sources]
    # One size for all, written because an image may well be larger than what this machine has.
    disks = [[{"name": "root", "format": "qcow2", "size": "40 GiB", "image": image}] for image in images]
    guests = [{"name": f"{name}-{number}", "disks": disk} for number, disk in enumerate(disks)]
    return books.guests(bench.folder, name, guests, changes=True).play()
