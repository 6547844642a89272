# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Turns a folder into an ext4 filesystem, alone or in the second partition of a disk that boots by BIOS."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from pathlib import Path

from .gpt import Partition, write_gpt
from .grub import copy_modules, install_bios
from .tools import run

_MIB = 1024 * 1024
ROOT_LABEL = "root"

_BIOS_BOOT = uuid.UUID("21686148-6449-6e6f-744e-656564454649")
_LINUX_ROOT = uuid.UUID("4f68bce3-e8cd-4db1-96e7-fbcaf984b709")  # x86-64, of the Discoverable Partitions Specification


@dataclass(frozen=True)
class Layout:
    """Offsets and lengths in bytes."""

    total: int
    core_start: int = _MIB
    core_length: int = _MIB
    root_start: int = 2 * _MIB

    @property
    def root_length(self) -> int:
        return self.total - self.root_start - _MIB  # the spare copy of the table needs the last 33 sectors


def write_plain(root: Path, target: Path, gib: int) -> None:
    """A filesystem on the whole disk, without a journal: for machines booted with -kernel and never repaired."""
    _sparse(target, gib * 1024 * _MIB)
    _mke2fs(root, target, ["-O", "^has_journal", "-i", "32768"])


def write_bootable(root: Path, target: Path, gib: int, scratch: Path, own_grub: bool = False) -> None:
    """A partitioned disk that SeaBIOS starts: GRUB in a BIOS boot partition, then the root filesystem."""
    if own_grub:
        copy_modules(root)
    layout = Layout(gib * 1024 * _MIB)
    _sparse(target, layout.total)
    # GRUB 2.06 reads neither of these two newer features
    options = ["-J", "size=16", "-O", "^metadata_csum_seed,^orphan_file", "-E", f"offset={layout.root_start}"]
    _mke2fs(root, target, options, layout.root_length // 1024)
    partitions = [
        Partition(_BIOS_BOOT, "bios", layout.core_start, layout.core_length),
        Partition(_LINUX_ROOT, "root", layout.root_start, layout.root_length),
    ]
    write_gpt(target, layout.total, partitions)
    install_bios(target, layout.core_start, layout.core_length, scratch, root if own_grub else None)


def to_qcow2(raw: Path, target: Path, compress: bool) -> None:
    """A compressed image travels; zstd (QEMU >= 5.1) because a nested QEMU unpacks zlib at a snail's pace."""
    packing = ["-c", "-o", "compression_type=zstd"] if compress else []
    run(["qemu-img", "convert", "-q", "-f", "raw", "-O", "qcow2", *packing, raw, target])


def _sparse(path: Path, length: int) -> None:
    with path.open("wb") as handle:
        handle.truncate(length)


def _mke2fs(root: Path, target: Path, options: list[str], blocks_1k: int | None = None) -> None:
    size = [] if blocks_1k is None else [f"{blocks_1k}k"]
    run(["mke2fs", "-q", "-F", "-t", "ext4", "-L", ROOT_LABEL, "-m", "0", *options, "-d", root, target, *size])
