# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How much memory a guest can have on this host at the very most, so that one that can never start is refused."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import PlanError
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.units import MIB, format_size

OVERCOMMIT = "/proc/sys/vm/overcommit_memory"
MEMINFO = "/proc/meminfo"
_KIB = re.compile(r"(\w+):\s+([0-9]+) kB", re.ASCII)


@dataclass(frozen=True)
class Memory:
    """What one process can get at the most. limit_mib: of all processes together, where the kernel does not overcommit.

    mode: how the kernel overcommits, as it says itself.
    """

    mode: str
    ram_mib: int
    swap_mib: int
    limit_mib: int


def read_memory() -> Memory | None:
    """Ask the kernel; None where it does not tell."""
    try:
        mode = Path(OVERCOMMIT).read_text(encoding="ascii").strip()
        found = dict(_KIB.findall(Path(MEMINFO).read_text(encoding="ascii")))
        return Memory(mode, *(int(found[key]) // 1024 for key in ("MemTotal", "SwapTotal", "CommitLimit")))
    except (OSError, KeyError, ValueError):
        return None


def check_memory(most_mib: int, host: Memory | None) -> None:
    """Refuse a guest of so much memory, if the kernel will give no process that much.

    QEMU takes all of a guest's memory in one piece when it starts. The kernel refuses a piece that is larger than
    memory and swap together, or where it does not overcommit than its limit; where it always overcommits, nothing is
    refused. (Linux: Documentation/mm/overcommit-accounting.) What other guests have does not count: they may be off.
    Huge pages are a part of the memory, so that a guest on them never has more either.
    """
    if host is None:
        return  # a host that does not tell is none that is known to be too small
    most = {"0": host.ram_mib + host.swap_mib, "2": host.limit_mib}.get(host.mode)
    if most is not None and most_mib > most:
        has = f"{format_size(host.ram_mib * MIB)} and {format_size(host.swap_mib * MIB)} of swap"
        bound = f"; without overcommitment one process gets at most {format_size(most * MIB)}"
        raise PlanError(
            f"memory: a guest of {format_size(most_mib * MIB)} can never start here: the host has {has}"
            f"{bound if host.mode == '2' else ''}"
        )
