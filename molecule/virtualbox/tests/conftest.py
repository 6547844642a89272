# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What all tests of the scenario look through: VBoxManage as the guests' user, and the guest's serial port."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

# The user's own, past the wrapper in /usr/bin, as it would be typed by hand.
MANAGE = "runuser --login vm --command '/usr/lib/virtualbox/VBoxManage {}'"
LINE = re.compile(r'^"?(.+?)"?="?(.*?)"?$', re.MULTILINE)


@pytest.fixture
def root(host: Any) -> Iterator[Any]:
    """The host as root sees it."""
    with host.sudo():
        yield host


@pytest.fixture
def manage(root: Any) -> Callable[[str], str]:
    """Runs VBoxManage as the user whose guests these are."""
    return lambda words: str(root.check_output(MANAGE.format(words)))


@pytest.fixture
def guest(manage: Callable[[str], str]) -> Callable[[str], dict[str, str]]:
    """What VBoxManage tells of a guest."""
    return lambda name: dict(LINE.findall(manage(f"showvminfo {name} --machinereadable")))


@pytest.fixture
def told(root: Any) -> Callable[..., re.Match[str]]:
    """Waits until the end of a guest's serial port has what is wanted: that it runs proves nothing by itself."""

    def wait(name: str, wanted: str, seconds: float = 600) -> re.Match[str]:
        limit = time.monotonic() + seconds
        while True:
            text = root.run(f"tail -n 4 /home/vm/{name}.serial").stdout
            if found := re.search(wanted, text):
                return found
            assert time.monotonic() < limit, f"{name} tells {text}"
            time.sleep(5)

    return wait
