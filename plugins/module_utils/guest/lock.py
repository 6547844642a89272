# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A lock between runs on one machine, that the kernel lets go of however its holder ends."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import HostError

POLL_S = 0.2
PID_BYTES = 32


@contextmanager
def hold(path: str, timeout_s: float) -> Iterator[None]:
    """Hold the lock at path. The file stays: to delete it would let two runs hold two files of one name.

    Commands that the holder starts do not inherit it. Raises HostError, naming who holds it, when it is not to be had
    within timeout_s, and OSError when there can be no such file.
    """
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        _acquire(handle, timeout_s)
        with suppress(OSError):  # it is only what others are told
            os.ftruncate(handle, 0)
            os.pwrite(handle, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(handle)


def _acquire(handle: int, timeout_s: float) -> None:
    end = time.monotonic() + timeout_s
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError as error:
            if time.monotonic() >= end:
                holder = os.pread(handle, PID_BYTES, 0).decode("ascii", "replace") or "unknown"
                raise HostError(
                    f"another run is changing this host (process {holder}) and did not end within {timeout_s:.0f} s; "
                    "nothing was changed: try again when it has ended"
                ) from error
        time.sleep(POLL_S)
