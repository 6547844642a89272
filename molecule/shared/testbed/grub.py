# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes a raw disk image start by BIOS without running grub-install in it.

grub-install needs block devices, or a boot of the very system that does not boot yet. What it writes is
simple: boot.img in the first sector, and the core image, whose first sector holds the list of its other
sectors (GRUB 2, grub-core/boot/i386/pc/boot.S and diskboot.S; util/setup.c).
"""

from __future__ import annotations

import struct
from pathlib import Path

from .errors import TestbedError
from .tools import run

SECTOR = 512
_FOLDER = Path("/usr/lib/grub/i386-pc")
_MODULES = ("biosdisk", "part_gpt", "ext2", "search_label", "linux", "configfile", "normal", "serial", "echo")

# Offsets from grub's include/grub/i386/pc/boot.h
_BOOT_CODE_END = 440  # the partition table's part of the sector begins
_KERNEL_SECTOR = 0x5C  # 64-bit number of the core image's first sector
_DRIVE_CHECK = 0x66  # two bytes: a jump that hard disks must replace by nothing
_NOP = b"\x90\x90"
_FIRST_BLOCKLIST = SECTOR - 12  # in the core image's first sector: start (64 bits), length, segment

_EARLY_CONFIG = "search.fs_label {label} root\nset prefix=($root)/boot/grub\nconfigfile /boot/grub/grub.cfg\n"


def install_bios(disk: Path, start: int, length: int, scratch: Path, label: str = "root") -> None:
    """Write GRUB's first sector and its core image, the latter at `start`, into the raw file `disk`."""
    boot = _boot_image()
    core = make_core(scratch, label)
    if len(core) > length:
        raise TestbedError(f"GRUB's core image has {len(core)} bytes, the BIOS boot partition only {length}")
    with disk.open("r+b") as handle:
        handle.write(patched_boot(boot, start // SECTOR)[:_BOOT_CODE_END])
        handle.seek(start)
        handle.write(patched_core(core, start // SECTOR))


def make_core(scratch: Path, label: str) -> bytes:
    """A core image that finds its configuration on the filesystem with the given label."""
    config, core = scratch / "grub-early.cfg", scratch / "core.img"
    config.write_text(_EARLY_CONFIG.format(label=label))
    run(["grub-mkimage", "-O", "i386-pc", "-d", _FOLDER, "-c", config, "-p", "/boot/grub", "-o", core, *_MODULES])
    return core.read_bytes()


def patched_boot(boot: bytes, first_sector: int) -> bytes:
    """boot.img, told where the core image begins and that it is on a hard disk."""
    if len(boot) != SECTOR or boot[-2:] != b"\x55\xaa":
        raise TestbedError(f"{_FOLDER / 'boot.img'} is not a GRUB boot sector")
    image = bytearray(boot)
    image[_KERNEL_SECTOR : _KERNEL_SECTOR + 8] = struct.pack("<Q", first_sector)
    image[_DRIVE_CHECK : _DRIVE_CHECK + 2] = _NOP
    return bytes(image)


def patched_core(core: bytes, first_sector: int) -> bytes:
    """The core image with the list of its own sectors: one run, behind its first sector."""
    image = bytearray(core.ljust(-(-len(core) // SECTOR) * SECTOR, b"\0"))
    # the segment of this entry is already right; grub-mkimage has set it
    struct.pack_into("<QH", image, _FIRST_BLOCKLIST, first_sector + 1, len(image) // SECTOR - 1)
    return bytes(image)


def _boot_image() -> bytes:
    path = _FOLDER / "boot.img"
    if not path.exists():
        raise TestbedError(f"{path} is missing; install it with: apt-get install grub-pc-bin")
    return path.read_bytes()
