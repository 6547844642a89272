# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The guests after their host has restarted: those that start with it, in their order, as they were left."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any


def test_those_that_start_with_the_host_run_in_their_order(running: dict[str, Any]) -> None:
    """The hypervisor numbers guests in the order of their start."""
    assert list(running) == ["edit1", "web1"]


def test_what_was_changed_while_it_ran_has_stayed(told: Callable[..., re.Match[str]]) -> None:
    found = told("edit1", r"TINY cpus=0-1 memory=([0-9]+) disks=xvda:16,xvdb:24, cards=[0-9a-f:]+,00:16:3e:00:00:02,")
    assert 96 < int(found[1]) <= 160


def test_the_whole_debian_is_back_and_has_lost_nothing(web1: Callable[[str], str]) -> None:
    assert web1("hostname") == "web1"
    assert web1("findmnt --noheadings --output SOURCE /") == "/dev/xvda2"


def test_guests_shut_themselves_down_and_were_not_saved(root: Any) -> None:
    """What xl noted of those that ran before: 0 is a guest that has powered itself off."""
    assert root.run("ls -A /var/lib/xen/save").stdout == ""
    for log in ("xl-edit1.log.1", "xl-web1.log.1", "xl-pvh1.log"):
        assert "has shut down, reason code 0 " in root.file(f"/var/log/xen/{log}").content_string


def test_nothing_has_failed(root: Any) -> None:
    assert root.check_output("systemctl list-units --failed --no-legend --plain") == ""
