# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes a GUID partition table into a raw disk image (UEFI specification, chapter 5)."""

from __future__ import annotations

import struct
import uuid
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

SECTOR = 512
_ENTRIES = 128
_ENTRY_LENGTH = 128
_TABLE_SECTORS = _ENTRIES * _ENTRY_LENGTH // SECTOR
_HEADER_LENGTH = 92


@dataclass(frozen=True)
class Partition:
    """Start and length in bytes, both multiples of 512."""

    kind: uuid.UUID
    name: str
    start: int
    length: int


def write_gpt(disk: Path, total: int, partitions: Sequence[Partition]) -> None:
    """The protective MBR keeps the boot code that is already there."""
    last = total // SECTOR - 1
    identity = uuid.uuid4()
    table = b"".join(map(_entry, partitions)).ljust(_ENTRIES * _ENTRY_LENGTH, b"\0")
    with disk.open("r+b") as handle:
        handle.seek(440)
        handle.write(_protective_mbr(last))
        handle.write(_header(identity, 1, last, 2, last, table))
        handle.write(table)
        handle.seek((last - _TABLE_SECTORS) * SECTOR)
        handle.write(table)
        handle.write(_header(identity, last, 1, last - _TABLE_SECTORS, last, table))


def _entry(partition: Partition) -> bytes:
    first = partition.start // SECTOR
    last = first + partition.length // SECTOR - 1
    name = partition.name.encode("utf-16-le")
    return struct.pack("<16s16sQQQ72s", partition.kind.bytes_le, uuid.uuid4().bytes_le, first, last, 0, name)


def _protective_mbr(last: int) -> bytes:
    """Bytes 440 to 511 of the first sector: one partition of type EE over the whole disk, and the signature."""
    record = struct.pack("<B3sB3sII", 0, b"\x00\x02\x00", 0xEE, b"\xff\xff\xff", 1, min(last, 0xFFFFFFFF))
    return bytes(6) + record + bytes(48) + b"\x55\xaa"


def _header(identity: uuid.UUID, own: int, other: int, table_at: int, last: int, table: bytes) -> bytes:
    usable = (2 + _TABLE_SECTORS, last - _TABLE_SECTORS - 1)

    def packed(checksum: int) -> bytes:
        return struct.pack(
            "<8sIIIIQQQQ16sQIII",
            *(b"EFI PART", 0x00010000, _HEADER_LENGTH, checksum, 0, own, other, *usable),
            *(identity.bytes_le, table_at, _ENTRIES, _ENTRY_LENGTH, zlib.crc32(table)),
        )

    return packed(zlib.crc32(packed(0))).ljust(SECTOR, b"\0")
