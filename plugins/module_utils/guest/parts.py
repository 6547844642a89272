# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Parts: files and folders that are being made, under names that tell whose they are, until they are whole."""

from __future__ import annotations

import os
import re
import threading
import uuid
from collections.abc import Iterator

from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.host import Host

# No other program names a file so: a part is deleted on the strength of its name, beside files of others.
_PART = re.compile(r"\.hostforge\..+\.part-([0-9]{1,10})(?:-([0-9a-f]{8})[0-9a-f]*)?", re.ASCII)
# Tells this run from a killed one that had the same process number.
_RUN = uuid.uuid4().hex[:8]


def part_of(path: str) -> str:
    """The name under which this thread of this run makes what will be at path."""
    name = f"{prefix_of(path)}{os.getpid()}-{_RUN}{threading.get_ident():x}"
    return os.path.join(os.path.dirname(path), name)


def fresh_part(host: Host, path: str) -> str:
    """The same, once what killed runs were making of it is gone."""
    for dead in dead_parts_of(host, path):
        host.remove(dead)
    return part_of(path)


def prefix_of(path: str) -> str:
    """How the names of parts begin of what is to be at path."""
    return f".hostforge.{os.path.basename(path)}.part-"


def is_part(path: str) -> bool:
    """Whether a file is one that is being made, or that a killed run was making: it is nobody's yet."""
    return _PART.fullmatch(os.path.basename(path)) is not None


def dead_parts(host: Host, folder: str) -> Iterator[str]:
    """The paths of parts in a folder that no living run is making. Killed runs leave them."""
    for name in host.list_dir(folder):
        match = _PART.fullmatch(name)
        if match and not _is_alive(host, int(match[1]), match[2]):
            yield os.path.join(folder, name)


def dead_parts_of(host: Host, path: str) -> list[str]:
    """The paths of the dead parts of what was to be at path."""
    parts = dead_parts(host, os.path.dirname(path))
    return [part for part in parts if os.path.basename(part).startswith(prefix_of(path))]


def _is_alive(host: Host, process: int, run: str | None) -> bool:
    if process == os.getpid():
        return run == _RUN
    return host.info(f"/proc/{process}") is not None
