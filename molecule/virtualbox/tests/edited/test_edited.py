# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The guests after their edit, by VBoxManage and what the running one tells."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any


def test_the_running_one_sees_its_disk(
    guest: Callable[[str], dict[str, str]], told: Callable[..., re.Match[str]]
) -> None:
    told("edit1", r"TINY memory=[0-9]+ disks=sda:16,sdb:24,\s")
    found = guest("edit1")
    assert found["VMState"] == "running"
    assert found["description"] == "edited while it ran"
    assert (found["nic1"], found["nat-network1"]) == ("natnetwork", "behind")


def test_it_was_never_started_anew(root: Any) -> None:
    logs = root.check_output("ls /srv/machines/edit1/Logs").split()
    assert [name for name in logs if name.startswith("VBox.log")] == ["VBox.log"]


def test_the_removed_one_is_gone_with_its_disk(root: Any, manage: Callable[[str], str]) -> None:
    assert "old1" not in manage("list vms")
    assert root.run("find /srv/machines -name 'old1*'").stdout == ""
    assert "off1" in manage("list vms")
