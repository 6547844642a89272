# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sizes as users write them, with a unit, and as the core keeps them, in bytes."""

from __future__ import annotations

import re

MIB = 1024**2
UNITS = {"MiB": MIB, "GiB": 1024**3, "TiB": 1024**4}
LARGEST = 2**63 - 1  # what a signed 64-bit size field of a disk format or a hypervisor can hold

_SIZE = re.compile(r"([0-9]{1,19})(?:\.([0-9]{1,9}))?\s*(MiB|GiB|TiB)", re.ASCII)


def parse_size(text: str) -> int:
    """Turn a size such as C(20 GiB) into bytes.

    Fractions are taken when they come out as whole MiB (C(1.5 GiB)). Raises ValueError, with what is allowed.
    """
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise ValueError("a size is a number and one of the units MiB, GiB, TiB, as in '20 GiB'")
    whole, fraction, unit = match.groups()
    scale: int = 10 ** len(fraction or "")
    size, rest = divmod(int(whole + (fraction or "")) * UNITS[unit], scale)
    if rest or size % MIB:
        raise ValueError("a size comes out as whole MiB")
    if not 0 < size <= LARGEST:
        raise ValueError("a size is greater than zero and less than 8388608 TiB")
    return size


def format_size(size_bytes: int) -> str:
    """Write bytes as a person would: the largest unit that leaves a whole number."""
    for unit, factor in reversed(list(UNITS.items())):
        if size_bytes and size_bytes % factor == 0:
            return f"{size_bytes // factor} {unit}"
    return f"{size_bytes} B"
