# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the test bed keeps its things, and the locks that keep parallel runs apart."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .say import say


def cache_root() -> Path:
    """HOSTFORGE_CACHE, or hostforge in the user's cache folder; never inside the checkout."""
    own = os.environ.get("HOSTFORGE_CACHE")
    if own:
        return Path(own).expanduser().absolute()
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "hostforge"


def images_folder() -> Path:
    return _made(cache_root() / "images")


def vms_folder() -> Path:
    return _made(cache_root() / "vms")


def logs_folder() -> Path:
    return _made(cache_root() / "logs")


@contextmanager
def locked(path: Path, what: str) -> Iterator[None]:
    """Hold a lock file; the kernel drops it when the process ends, however it ends."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"waiting for another process with {what}")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def write_atomically(path: Path, text: str) -> None:
    """Readers see the old file or the new one, never half of one."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_text(text)
    draft.rename(path)


def _made(path: Path) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    return path
