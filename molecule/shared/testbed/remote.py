# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reaches a VM by ssh: waits for it with a word on progress, and runs commands in it."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Sequence

from .contents import USER
from .errors import TestbedError
from .keys import private_key
from .record import ADDRESS, Record
from .say import say
from .serial import last_line, tail
from .tools import find

_SAY_EVERY = 5.0
_POLL = 0.3


def boot_seconds() -> float:
    """How long a VM may take to answer; HOSTFORGE_BOOT_SECONDS overrides it on slow machines."""
    return float(os.environ.get("HOSTFORGE_BOOT_SECONDS", "300"))


def ssh_command(record: Record, *words: str) -> list[str]:
    """VMs are made anew with the same address and other ports, so their host keys mean nothing."""
    options = ("StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR", "IdentitiesOnly=yes")
    return [
        *(find("ssh"), "-F", "/dev/null", "-i", str(private_key()), "-p", str(record.port)),
        *(word for option in options for word in ("-o", option)),
        f"{USER}@{ADDRESS}",
        *words,
    ]


def run_in(record: Record, words: Sequence[str], seconds: float) -> subprocess.CompletedProcess[str]:
    """Run a command in the VM; ssh hands the words to a shell there, so they must not come from outside."""
    command = ssh_command(record, *words)
    return subprocess.run(
        command,
        check=False,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=seconds,
    )


def wait_for_ssh(record: Record) -> None:
    """Return when a login works; raise when the VM has ended or the time is over."""
    begun = said = time.monotonic()
    limit = boot_seconds()
    while not _answers(record.port):
        now = time.monotonic()
        if not record.running:
            raise TestbedError(f"VM {record.name} has ended while booting; its serial console:\n{tail(record.serial)}")
        if now - begun > limit:
            raise TestbedError(
                f"VM {record.name} did not answer ssh within {limit:.0f} s; its serial console:\n{tail(record.serial)}"
            )
        if now - said >= _SAY_EVERY:
            said = now
            say(f"{record.name}: waiting for ssh, {now - begun:.0f} s so far; console: {last_line(record.serial)}")
        time.sleep(_POLL)
    _log_in(record, begun + limit)


def _log_in(record: Record, deadline: float) -> None:
    done = run_in(record, ["true"], 60)
    while done.returncode != 0:
        if time.monotonic() > deadline:
            raise TestbedError(f"VM {record.name} refuses the login of {USER}: {done.stderr.strip()}")
        time.sleep(1)
        done = run_in(record, ["true"], 60)


def _answers(port: int) -> bool:
    """QEMU accepts the connection before the VM has a network; only sshd sends its name."""
    try:
        with socket.create_connection((ADDRESS, port), timeout=2) as connection:
            return connection.recv(4) == b"SSH-"
    except OSError:
        return False
