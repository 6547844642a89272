# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs ansible-playbook with its output as it comes, and says that it is alive when it is quiet."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Sequence
from pathlib import Path

QUIET_S = 20
CONFIG = Path(__file__).parent / "ansible.cfg"


class Pulse:
    """Says now and then what is going on, while nothing else is printed."""

    def __init__(self) -> None:
        self._task = "starting"
        self._task_begun = self._heard = time.monotonic()
        self._over = threading.Event()
        threading.Thread(target=self._beat, daemon=True).start()

    def hear(self, line: str) -> None:
        """Take note of a line of output."""
        self._heard = time.monotonic()
        if line.startswith(("TASK [", "PLAY [")):
            self._task, self._task_begun = line.split(" *")[0].strip(), self._heard

    def stop(self) -> None:
        """Be quiet from now on."""
        self._over.set()

    def _beat(self) -> None:
        while not self._over.wait(1):
            now = time.monotonic()
            if now - self._heard >= QUIET_S:
                self._heard = now
                print(f"    … still at {self._task}, {now - self._task_begun:.0f} s", flush=True)


def play(command: Sequence[str], collections: Path, log: Path) -> int:
    """Run a command of Ansible and return its status; all of its output is kept in the log, too."""
    pulse = Pulse()
    settings = {"ANSIBLE_COLLECTIONS_PATH": str(collections), "ANSIBLE_CONFIG": str(CONFIG)}
    environment = os.environ | settings | {"PYTHONUNBUFFERED": "1"}
    with log.open("w") as kept:
        process = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for line in process.stdout or ():
            pulse.hear(line)
            kept.write(line)
            if line.strip():
                print(f"    {line}", end="", flush=True)
    pulse.stop()
    return process.wait()
