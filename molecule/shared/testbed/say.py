# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Progress for people: one line each on standard error, with the seconds since the command began."""

from __future__ import annotations

import sys
import time

_START = time.monotonic()


def say(message: str) -> None:
    """Standard output is left to results that a program reads."""
    print(f"[testbed {time.monotonic() - _START:5.0f} s] {message}", file=sys.stderr, flush=True)
