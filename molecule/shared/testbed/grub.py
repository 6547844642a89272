# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes a raw disk image start by BIOS without running grub-install in it.

grub-install needs block devices, or a boot of the very system that does not boot yet. What it writes is
simple: boot.img in the first sector, and the core image, whose first sector holds the list of its other
sectors (GRUB 2, grub-core/boot/i386/pc/boot.S and diskboot.S; util/setup.c).
"""

from __future__ import annotations

import shutil
import struct
from pathlib import Path

from .errors import TestbedError
from .tools import run

SECTOR = 512
_FOLDER = Path("/usr/lib/grub/i386-pc")
_MODULES = ("biosdisk", "part_gpt", "ext2", "search_label", "linux", "configfile", "normal", "serial", "echo")
# As grub-install does it: all else is loaded from the disk, and what loads more with it (gzio, say) is able to.
_OWN_MODULES = ("biosdisk", "part_gpt", "ext2", "search_label")

# Offsets from grub's include/grub/i386/pc/boot.h
_BOOT_CODE_END = 440  # the partition table's part of the sector begins
_KERNEL_SECTOR = 0x5C  # 64-bit number of the core image's first sector
_DRIVE_CHECK = 0x66  # two bytes: a jump that hard disks must replace by nothing
_NOP = b"\x90\x90"
_FIRST_BLOCKLIST = SECTOR - 12  # in the core image's first sector: start (64 bits), length, segment

_EARLY_CONFIG = "search.fs_label {label} root\nset prefix=($root)/boot/grub\n"
_CONFIG = "configfile /boot/grub/grub.cfg\n"


def install_bios(disk: Path, start: int, length: int, scratch: Path, own: Path | None = None) -> None:
    """Write GRUB's first sector and its core image, the latter at `start`, into the raw file `disk`.

    GRUB is this machine's, or that of the root filesystem below `own`: a core image loads modules of its own version
    only, and what `update-grub` writes asks for many.
    """
    boot = _boot_image(own)
    core = make_core(scratch, "root") if own is None else make_own_core(own, "root")
    if len(core) > length:
        raise TestbedError(f"GRUB's core image has {len(core)} bytes, the BIOS boot partition only {length}")
    with disk.open("r+b") as handle:
        handle.write(patched_boot(boot, start // SECTOR)[:_BOOT_CODE_END])
        handle.seek(start)
        handle.write(patched_core(core, start // SECTOR))


def make_core(scratch: Path, label: str) -> bytes:
    """A core image that finds its configuration on the filesystem with the given label."""
    config, core = scratch / "grub-early.cfg", scratch / "core.img"
    config.write_text(_EARLY_CONFIG.format(label=label) + _CONFIG)
    run(["grub-mkimage", "-O", "i386-pc", "-d", _FOLDER, "-c", config, "-p", "/boot/grub", "-o", core, *_MODULES])
    return core.read_bytes()


def make_own_core(root: Path, label: str) -> bytes:
    """The same from the GRUB that is installed below `root`.

    It goes on to its configuration by itself: only then does it learn which command is in which module.
    """
    folder = root / "boot/grub"
    (folder / "early.cfg").write_text(_EARLY_CONFIG.format(label=label))
    build = ["grub-mkimage", "-O", "i386-pc", "-c", "/boot/grub/early.cfg", "-p", "/boot/grub"]
    run(["chroot", root, *build, "-o", "/boot/grub/core.img", *_OWN_MODULES])
    return (folder / "core.img").read_bytes()


def copy_modules(root: Path) -> None:
    """What grub-install does first."""
    shutil.copytree(root / _FOLDER.relative_to("/"), root / "boot/grub/i386-pc", dirs_exist_ok=True)


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


def _boot_image(own: Path | None) -> bytes:
    path = (own or Path("/")) / _FOLDER.relative_to("/") / "boot.img"
    if not path.exists():
        raise TestbedError(f"{path} is missing; install it with: apt-get install grub-pc-bin")
    return path.read_bytes()
