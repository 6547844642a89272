# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Data that somebody else made and a disk is to have: a block device or a file, and who else uses it.

Nothing here writes. What is refused would cost data: one file system mounted twice is a broken one.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import PlanError
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Disk, Guest

SWAPS = "/proc/swaps"
MOUNTS = "/proc/self/mountinfo"
LOOPS = "/sys/block"
DEVICES = "/sys/dev/block"


def is_device(path: str | None) -> bool:
    """Whether a path is a block device, or would be one if it were there."""
    try:
        return stat.S_ISBLK(os.stat(path or "").st_mode)
    except OSError:
        return (path or "").startswith("/dev/")


def identity(path: str) -> tuple[object, ...]:
    """What is the same for two paths that lead to the same data, be it by symbolic or hard links or device names."""
    try:
        found = os.stat(path)
    except OSError:
        return ("path", os.path.realpath(path))
    return ("device", found.st_rdev) if stat.S_ISBLK(found.st_mode) else ("file", found.st_dev, found.st_ino)


def aligned(want: Guest, have: Guest, noted: Mapping[str, str]) -> Guest:
    """The wish with its disks' paths as they stand in the definition, where both are the same data.

    noted: the path that each disk, by its name, had before there were overlays on it.
    """
    known = {disk.name: disk.path for disk in have.disks or () if disk.path}
    wished = {disk.name for disk in want.disks or ()}

    def align(disk: Disk) -> Disk:
        if disk.path is None:
            return disk
        mine = identity(disk.path)
        # A disk that others attached goes by another name, which is that of no other wish.
        for name in [disk.name] if disk.name in known else known.keys() - wished:
            if mine in (identity(known[name]), identity(noted.get(name, known[name]))):
                return replace(disk, path=known[name])
        return disk

    return want if want.disks is None else replace(want, disks=tuple(align(disk) for disk in want.disks))


def check(disk: Disk) -> None:
    """Refuse a path that is no data, or that this host itself uses. PlanError."""
    path = disk.path or ""
    try:
        mode = os.stat(path).st_mode
    except OSError as error:
        raise PlanError(f"disk {disk.name}: {path}: {error.strerror}; the data of a path must be there") from error
    if not stat.S_ISBLK(mode) and not stat.S_ISREG(mode):
        raise PlanError(f"disk {disk.name}: {path} is neither a block device nor a file")
    if disk.format is None and not stat.S_ISBLK(mode):
        raise PlanError(
            f"disk {disk.name}: {path} is a file: write its format, qcow2 or raw; it is not looked up in the file, for "
            "a guest may have written there what it likes"
        )
    used = uses(path)
    if used:
        raise PlanError(f"disk {disk.name}: {path} is in use by the host itself ({', '.join(used)})")


def uses(path: str) -> list[str]:
    """What this host itself does with a block device or a file."""
    built = _holds(path) if os.path.exists(path) and is_device(path) else ()
    return sorted({*_mounts(path), *_swaps(path), *_loops(path), *built})


def overlapping(path: str, others: Iterable[str]) -> list[str]:
    """Those of other paths that are the same data as path, or for a device that hold a part or all of it."""
    mine = family(path)
    return [other for other in others if mine & family(other)]


def family(path: str) -> frozenset[tuple[object, ...]]:
    """The identity of a path, and for a disk those of its partitions: a disk overlaps them, they do not each other."""
    own = identity(path)
    if own[0] != "device":
        return frozenset([own])
    number = os.stat(path).st_rdev
    folder = f"{DEVICES}/{os.major(number)}:{os.minor(number)}"
    parts = [os.path.join(folder, name) for name in _names(folder)]
    numbers = [_number(part) for part in parts if os.path.exists(os.path.join(part, "partition"))]
    return frozenset([own, *(("device", part) for part in numbers if part is not None)])


def _number(folder: str) -> int | None:
    """The number of the device that a folder of sysfs tells of."""
    major, _colon, minor = _read(os.path.join(folder, "dev")).strip().partition(":")
    return os.makedev(int(major), int(minor)) if major.isdigit() and minor.isdigit() else None


def _mounts(path: str) -> Iterator[str]:
    """Where a device or a partition of it is mounted."""
    mine = family(path)
    for line in _read(MOUNTS).splitlines():
        before, _dash, after = line.partition(" - ")
        place = before.split()[4] if len(before.split()) > 4 else ""
        source = after.split()[1] if len(after.split()) > 1 else ""
        if source.startswith("/") and mine & family(_unescaped(source)):
            yield f"mounted at {_unescaped(place)}"


def _swaps(path: str) -> Iterator[str]:
    mine = family(path)
    for line in _read(SWAPS).splitlines()[1:]:
        if mine & family(_unescaped(line.split(" ")[0].split("\t")[0])):
            yield "as swap"


def _loops(path: str) -> Iterator[str]:
    """The loop devices that show a file, or a part of a device, as a device."""
    for name in _names(LOOPS):
        file = _read(f"{LOOPS}/{name}/loop/backing_file").rstrip("\n")
        if file and identity(file) == identity(path):
            yield f"by /dev/{name}"


def _holds(path: str) -> Iterator[str]:
    """What is built on a device; the kernel's own word for it is that nobody else can have it for himself."""
    number = os.stat(path).st_rdev
    holders = sorted(_names(f"{DEVICES}/{os.major(number)}:{os.minor(number)}/holders"))
    yield from (f"by /dev/{name}" for name in holders)
    try:
        os.close(os.open(path, os.O_RDONLY | os.O_EXCL | os.O_CLOEXEC))
    except OSError as error:
        if error.errno == errno.EBUSY and not holders:
            yield "mounted, as swap, or part of LVM, of RAID or of another device"
        elif error.errno != errno.EBUSY:
            yield f"or cannot be looked at: {error.strerror}"


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return file.read()
    except OSError:
        return ""


def _names(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []


def _unescaped(text: str) -> str:
    """A path as /proc writes it: blanks and backslashes as three octal digits."""
    for code in ("040", "011", "012", "134"):
        text = text.replace(f"\\{code}", chr(int(code, 8)))
    return text
