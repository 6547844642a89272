# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the serial console that QEMU writes to a file."""

from __future__ import annotations

import re
from pathlib import Path

_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[()][A-Z0-9]|[^\x20-\x7e\n]")
_ENOUGH = 16 * 1024


def tail(path: Path, lines: int = 30) -> str:
    """The last lines with something on them, without colours and cursor movements."""
    try:
        with path.open("rb") as handle:
            handle.seek(max(0, path.stat().st_size - _ENOUGH))
            text = handle.read().decode(errors="replace")
    except FileNotFoundError:
        return "(no serial console was written)"
    written = [line.rstrip() for line in _CONTROL.sub("", text).splitlines() if line.strip()]
    return "\n".join(written[-lines:]) or "(nothing on the serial console)"


def last_line(path: Path) -> str:
    return tail(path, 1)[:100]
