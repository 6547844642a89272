# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The guest that ran and was told to stop, looked at from outside."""

from __future__ import annotations

from typing import Any


def test_the_guest_shut_itself_down(root: Any) -> None:
    assert root.check_output("virsh --connect qemu:///system domstate web1 --reason") == "shut off (shutdown)"


def test_it_was_shut_down_once_and_its_power_was_never_cut(root: Any) -> None:
    lines = root.file("/var/log/libvirt/qemu/web1.log").content_string.splitlines()
    assert [line.partition("reason=")[2] for line in lines if "reason=" in line] == ["shutdown"]


def test_its_disks_stay(root: Any) -> None:
    assert root.file("/var/lib/libvirt/images/web1.root.qcow2").exists
    assert root.file("/var/lib/libvirt/images/web1.data.qcow2").exists
