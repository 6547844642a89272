# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The guests as they were made, by VBoxManage and what the running one tells."""

from __future__ import annotations

import re
from collections.abc import Callable


def test_the_running_one_gives_a_sign_of_life(
    guest: Callable[[str], dict[str, str]], told: Callable[..., re.Match[str]]
) -> None:
    assert guest("edit1")["VMState"] == "running"
    assert 150 < int(told("edit1", r"TINY memory=([0-9]+) disks=sda:16,\s")[1]) <= 256


def test_the_others_are_off(guest: Callable[[str], dict[str, str]]) -> None:
    assert [guest(name)["VMState"] for name in ("off1", "old1")] == ["poweroff", "poweroff"]
