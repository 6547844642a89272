# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The head of a qcow2 file: its capacity and what it is based on, read without a process for each disk of a host.

Source: docs/interop/qcow2.txt of QEMU. What is not plain there is left to qemu-img.
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass

from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.host import Host

HEAD_BYTES = 4096  # the head, its extensions and the longest name of a backing file
DEPTH_LARGEST = 100
_HEAD = struct.Struct(">4sIQIIQ")
_OLD_LENGTH = 72  # of version 2, which has no field for it
_KNOWN_FEATURES = 0b11011  # all but an external data file, and what came after this was written
_BACKING_FORMAT = 0xE2792ACA


@dataclass(frozen=True)
class Head:
    """size_bytes: the capacity. backing: the absolute path of what it is based on, and backing_format as it says."""

    size_bytes: int
    backing: str | None = None
    backing_format: str | None = None


def read_head(host: Host, path: str) -> Head | None:
    """The head of the qcow2 file at path; None where qemu-img has to be asked. Raises HostError: it cannot be read."""
    data = host.read_start(path, HEAD_BYTES)
    try:
        return _parse(data, os.path.dirname(path))
    except (struct.error, UnicodeDecodeError):
        return None


def chain_of(host: Host, path: str) -> list[str] | None:
    """The files below a qcow2 file, the nearest first; None where qemu-img has to be asked."""
    found: list[str] = []
    kind: str | None = "qcow2"
    while kind == "qcow2" and len(found) < DEPTH_LARGEST:
        head = read_head(host, path)
        if head is None:
            return None
        if head.backing is None:
            return found
        path, kind = head.backing, head.backing_format
        if host.info(path) is None:
            return None
        found.append(path)
    return found if kind == "raw" else None


def _parse(data: bytes, folder: str) -> Head | None:
    magic, version, offset, length, _cluster_bits, size = _HEAD.unpack_from(data)
    if magic != b"QFI\xfb" or version not in (2, 3):
        return None
    start = _OLD_LENGTH
    if version == 3:
        (features,) = struct.unpack_from(">Q", data, _OLD_LENGTH)
        (start,) = struct.unpack_from(">I", data, 100)
        if features & ~_KNOWN_FEATURES:
            return None
    if not offset:
        return Head(size)
    end = offset + length
    name = data[offset:end].decode()
    if len(name.encode()) < length or not name or ":" in name:
        return None  # it is longer than what was read, or no file
    return Head(size, os.path.join(folder, name), _extensions(data, start, offset).get(_BACKING_FORMAT))


def _extensions(data: bytes, start: int, stop: int) -> dict[int, str]:
    found: dict[int, str] = {}
    while start + 8 <= min(stop, len(data)):
        kind, length = struct.unpack_from(">II", data, start)
        if not kind:
            break
        first = start + 8
        last = first + length
        found[kind] = data[first:last].decode("ascii", "replace")
        start = first + (length + 7) // 8 * 8
    return found
