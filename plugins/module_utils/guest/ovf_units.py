# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Allocation units of OVF: how many bytes one of what is counted has.

Source: DMTF DSP0004, annex C (programmatic units), and the words of the OVF that came before it.
"""

from __future__ import annotations

import re

from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import PlanError
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.shape import quote
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.units import LARGEST

_WORDS = {"byte": 0, "kilobytes": 10, "kb": 10, "megabytes": 20, "mb": 20, "gigabytes": 30, "gb": 30, "terabytes": 40}
_FACTOR = re.compile(r"([0-9]{1,19})(?:\s*\^\s*([0-9]{1,2}))?", re.ASCII)
_FACTORS_MOST = 4


def bytes_of(unit: str | None, where: str) -> int:
    """The bytes of one unit, of which none written is a byte. PlanError says where it is and what is allowed."""
    written = (unit or "byte").strip()
    word, *factors = (part.strip() for part in written.split("*"))
    shift = _WORDS.get(word.lower())
    total = None if shift is None or len(factors) > _FACTORS_MOST else 1 << shift
    for factor in factors:
        match = _FACTOR.fullmatch(factor)
        if match is None or total is None:
            total = None
            break
        total *= int(match[1]) ** int(match[2] or 1)
    if total is None or not 0 < total <= LARGEST:
        raise PlanError(f"{where}: a unit such as 'byte * 2^20' is allowed{quote(unit)}")
    return total
