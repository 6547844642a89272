# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What all tests of the scenario look through: xl, the guests' consoles, and a login."""

from __future__ import annotations

import json
import re
import shlex
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

# Under emulation a login takes a while.
SSH = (
    "ssh -i .ssh/guest -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR "
    "-o ConnectTimeout=60 alice@10.0.2.50"
)


@pytest.fixture
def root(host: Any) -> Iterator[Any]:
    """The host as root sees it."""
    with host.sudo():
        yield host


@pytest.fixture
def running(root: Any) -> dict[str, dict[str, Any]]:
    """What each guest runs with, by its name, in the order in which the hypervisor has started them."""
    found = sorted(json.loads(root.check_output("xl list -l")), key=lambda one: int(one["domid"]))
    return {one["config"]["c_info"]["name"]: one["config"] for one in found if one["domid"] != 0}


@pytest.fixture
def told(root: Any) -> Callable[..., re.Match[str]]:
    """Waits until the end of a guest's console has what is wanted."""

    def wait(name: str, wanted: str, seconds: float = 300) -> re.Match[str]:
        limit = time.monotonic() + seconds
        while True:
            text = root.check_output(f"tail -n 4 /var/log/xen/console/guest-{name}.log")
            if found := re.search(wanted, text):
                return found
            assert time.monotonic() < limit, f"{name} tells {text}"
            time.sleep(3)

    return wait


@pytest.fixture
def web1(host: Any) -> Callable[[str], str]:
    """Runs a command inside the guest web1, logged in from the host with the key that cloud-init put there."""
    limit = time.monotonic() + 1200
    # The status 255 would be taken for one of the login to the host.
    while host.run(f"{SSH} true || exit 1").rc != 0:
        assert time.monotonic() < limit, "web1 lets nobody in"
        time.sleep(5)

    def run(command: str) -> str:
        return str(host.check_output(f"{SSH} {shlex.quote(command)}")).strip()

    return run
