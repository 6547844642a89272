# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What all tests of the scenario look through."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator
from typing import Any

import pytest

# Under emulation a login takes a while.
SSH = (
    "ssh -i .ssh/guest -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR "
    "-o ConnectTimeout=120 -o ConnectionAttempts=5"
)


@pytest.fixture
def root(host: Any) -> Iterator[Any]:
    """The host as root sees it."""
    with host.sudo():
        yield host


@pytest.fixture
def web1(host: Any) -> Callable[[str], str]:
    """Runs a command inside the guest web1, logged in from the host with the key that cloud-init put there."""
    with host.sudo():
        leases = host.check_output("virsh --quiet --connect qemu:///system domifaddr web1 --source lease")
    address = leases.split("ipv4")[1].split()[0].partition("/")[0]

    def run(command: str) -> str:
        return str(host.check_output(f"{SSH} alice@{address} {shlex.quote(command)}")).strip()

    return run
