# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Prints the fingerprint of an OpenPGP key that is read as armoured text.

It ends with a message for anything but one key of version 4. RFC 4880, 6.2 (armour), 4.2 (packets) and 12.2 (the
fingerprint). It needs no GnuPG, which not every machine has.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import sys
from collections.abc import Iterator

PUBLIC_KEY = 6
ARMOUR = re.compile(
    r"-----BEGIN PGP PUBLIC KEY BLOCK-----\r?\n(?:[^\r\n]+\r?\n)*?[ \t]*\r?\n(.*?)"
    r"(?:\r?\n=[A-Za-z0-9+/]{4})?\s*-----END PGP PUBLIC KEY BLOCK-----",
    re.DOTALL,
)


def fingerprint(text: str) -> str:
    """The fingerprint in lower case. Raises ValueError for what is not exactly one key."""
    blocks = ARMOUR.findall(text)
    if len(blocks) != 1:
        raise ValueError(f"there are {len(blocks)} armoured blocks, and one is expected")
    try:
        data = base64.b64decode("".join(blocks[0].split()), validate=True)
    except binascii.Error as error:
        raise ValueError(f"the armoured block cannot be read: {error}") from error
    keys = [body for tag, body in packets(data) if tag == PUBLIC_KEY]
    if len(keys) != 1:
        raise ValueError(f"there are {len(keys)} keys, and one is expected")
    if keys[0][:1] != b"\x04":
        raise ValueError(f"the key is of version {keys[0][0] if keys[0] else 'none'}, and 4 is expected")
    return hashlib.sha1(b"\x99" + len(keys[0]).to_bytes(2, "big") + keys[0]).hexdigest()  # noqa: S324  # the format's


def packets(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Each packet's tag and its content. Raises ValueError for what is cut off or no packet."""
    at = 0
    while at < len(data):
        head = data[at]
        if not head & 0x80:
            raise ValueError("the key is damaged: there is no packet where one is expected")
        tag, at, size = _new(data, at + 1, head) if head & 0x40 else _old(data, at + 1, head)
        end = at + size
        if end > len(data):
            raise ValueError("the key is damaged: its end is missing")
        yield tag, data[at:end]
        at = end


def _old(data: bytes, at: int, head: int) -> tuple[int, int, int]:
    width = (1, 2, 4, 0)[head & 3]
    if not width:
        return (head >> 2) & 15, at, len(data) - at
    end = at + width
    return (head >> 2) & 15, end, int.from_bytes(data[at:end], "big")


def _new(data: bytes, at: int, head: int) -> tuple[int, int, int]:
    first = data[at] if at < len(data) else 0
    if first < 192:
        return head & 63, at + 1, first
    second, end = at + 1, at + (2 if first < 224 else 5)
    if first < 224:
        return head & 63, end, ((first - 192) << 8) + int.from_bytes(data[second:end], "big") + 192
    if first == 255:
        return head & 63, end, int.from_bytes(data[second:end], "big")
    raise ValueError("the key is in pieces, which keys never are")


if __name__ == "__main__":
    try:
        sys.stdout.write(fingerprint(sys.stdin.read()))
    except ValueError as problem:
        sys.exit(str(problem))
