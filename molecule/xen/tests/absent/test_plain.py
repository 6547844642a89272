# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The machine after the way back: its plain kernel runs, and its guests are there for the day when Xen runs again."""

from __future__ import annotations

from typing import Any

IMAGES = "/var/lib/xen/images"


def test_no_hypervisor_runs_and_none_is_started_next_time(root: Any) -> None:
    assert not root.file("/sys/hypervisor/uuid").exists
    assert root.run("xl info").rc != 0
    starts = [line for line in root.file("/boot/grub/grub.cfg").content_string.splitlines() if "set default=" in line]
    assert starts
    assert [line for line in starts if "Xen" in line] == []


def test_guests_shut_themselves_down_before(root: Any) -> None:
    for log in ("xl-edit1.log", "xl-web1.log"):
        assert "has shut down, reason code 0 " in root.file(f"/var/log/xen/{log}").content_string


def test_guests_and_their_disks_are_kept(root: Any) -> None:
    assert root.check_output("ls /etc/xen/auto").split() == ["0010-edit1.cfg", "0020-web1.cfg"]
    for name in ("edit1", "off1", "pvh1", "web1"):
        assert f'name = "{name}"' in root.file(f"/etc/xen/{name}.cfg").content_string
    disks = ["edit1.root.raw", "off1.root.raw", "web1.root.raw"]
    assert root.check_output(f"ls {IMAGES}").split() == disks
    assert root.check_output("lvs --noheadings --options lv_name vg0").split() == ["edit1.logs"]


def test_the_bridge_stays(root: Any) -> None:
    assert "dev xenbr0" in root.check_output("ip route show default")


def test_nothing_has_failed(root: Any) -> None:
    assert root.check_output("systemctl list-units --failed --no-legend --plain") == ""
