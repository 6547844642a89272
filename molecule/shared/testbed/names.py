# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of VMs: checked, and made unique for a run."""

from __future__ import annotations

import hashlib
import re

from .errors import TestbedError

# A host name (RFC 1123) that also leaves room in the path of a socket, which the kernel limits to 107 bytes.
_NAME = re.compile(r"[a-z]([a-z0-9-]{0,38}[a-z0-9])?")


def checked(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise TestbedError(
            f"{name!r} cannot name a VM: write at most 40 lower-case letters, digits and hyphens, a letter first"
        )
    return name


def unique(name: str, run: str) -> str:
    """The same for each step of one run, different for two runs; `run` is any text that identifies the run."""
    return checked(f"{name}-{hashlib.sha256(run.encode()).hexdigest()[:8]}")
