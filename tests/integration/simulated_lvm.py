# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A simulator of LVM's commands, for a kernel without a device mapper: its volumes are loop devices on files.

libvirt and the driver call it as they call the real commands, of which it knows what those two use. It is called by
the name of the command that it stands for. Volumes are whole extents of 4 MiB, as LVM's usually are.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

GROUP = "hostforge-simulated"
DEVICES = Path("/dev", GROUP)
FILES = Path("/run/simulated-lvm")
EXTENT = 4 * 1024**2
SIZE = 512 * 1024**2
UNITS = {"k": 1024, "K": 1024, "m": 1024**2, "g": 1024**3, "b": 1}
SBIN = Path("/sbin")


def run(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def option(words: list[str], *names: str) -> str:
    """The value of an option."""
    return next(words[index + 1] for index, word in enumerate(words) if word in names)


def whole(size: str) -> int:
    """A size as LVM takes it, in whole extents."""
    number, unit = (size[:-1], size[-1]) if size[-1] in UNITS else (size, "m")
    return -(-int(number) * UNITS[unit] // EXTENT) * EXTENT


def volumes() -> list[Path]:
    return sorted(FILES.iterdir())


def attach(file: Path) -> None:
    """Make a volume's device, and the link to it that udev would make."""
    os.symlink(run("losetup", "--find", "--show", str(file)), DEVICES / file.name)


def detach(name: str) -> None:
    link = DEVICES / name
    run("losetup", "--detach", os.path.realpath(link))
    link.unlink()


def lvs(_words: list[str]) -> None:
    for file in volumes():
        size = file.stat().st_size
        print(f"  {file.name}##uuid-{file.name}#/dev/none(0)#linear#1#{size}#{EXTENT}#{size}#-wi-a-----")


def vgs(words: list[str]) -> None:
    if option(words, "--options") == "vg_extent_size":
        print(f"  {EXTENT}")
    else:
        print(f"  {SIZE}:{SIZE - sum(file.stat().st_size for file in volumes())}")


def pvs(_words: list[str]) -> None:
    print(f"  /dev/none {GROUP}")


def lvcreate(words: list[str]) -> None:
    file = FILES / option(words, "--name", "-n")
    if file.exists():
        raise SystemExit(f'  Logical Volume "{file.name}" already exists in volume group "{GROUP}"')
    size = whole(option(words, "--size", "-L"))
    if size > SIZE - sum(one.stat().st_size for one in volumes()):
        raise SystemExit(f'  Volume group "{GROUP}" has insufficient free space')
    file.touch()
    os.truncate(file, size)
    attach(file)


def lvextend(words: list[str]) -> None:
    link = Path(words[-1])
    os.truncate(FILES / link.name, whole(option(words, "--size", "-L")))
    run("losetup", "--set-capacity", os.path.realpath(link))


def lvrename(words: list[str]) -> None:
    old, new = words[-2:]
    detach(old)
    attach((FILES / old).rename(FILES / new))


def lvremove(words: list[str]) -> None:
    name = os.path.basename(words[-1])
    detach(name)
    (FILES / name).unlink()


def nothing(_words: list[str]) -> None:
    """vgchange, lvchange, vgscan: all volumes are always there."""


COMMANDS: dict[str, Callable[[list[str]], None]] = {
    "lvs": lvs,
    "vgs": vgs,
    "pvs": pvs,
    "lvcreate": lvcreate,
    "lvextend": lvextend,
    "lvrename": lvrename,
    "lvremove": lvremove,
    "vgchange": nothing,
    "lvchange": nothing,
    "vgscan": nothing,
}


def namespaces() -> list[list[str]]:
    """What to begin a command with that is to be run in each mount namespace: ours, and the daemon's."""
    daemons = run("pgrep", "--exact", "libvirtd").split()
    daemons = [pid for pid in daemons if Path(f"/proc/{pid}/root{FILES}").exists()]
    return [[], *(["nsenter", "--mount", f"--target={pid}"] for pid in daemons)]


def install() -> None:
    """Put the commands where libvirt looks for them: in a copy of that folder, laid over it in our namespaces."""
    copy = Path("/run/sbin")
    shutil.copytree(SBIN, copy, symlinks=True)
    for name in COMMANDS:
        (copy / name).unlink(missing_ok=True)
        (copy / name).write_text(f'#!/bin/sh\nexec {sys.executable} {__file__} {name} "$@"\n')
        (copy / name).chmod(0o755)
    FILES.mkdir()
    for prefix in namespaces():
        run(*prefix, "mount", "--bind", str(copy), os.path.realpath(SBIN))
    DEVICES.mkdir(exist_ok=True)


def remove() -> None:
    """Take it away, with all volumes."""
    for file in volumes():
        detach(file.name)
        file.unlink()
    DEVICES.rmdir()
    prefixes = namespaces()
    FILES.rmdir()
    for prefix in prefixes:
        run(*prefix, "umount", os.path.realpath(SBIN))
    shutil.rmtree("/run/sbin")


if __name__ == "__main__":
    with Path("/run/simulated-lvm.log").open("a") as log:
        log.write(f"{sys.argv[1:]}\n")
    COMMANDS[sys.argv[1]](sys.argv[2:])
