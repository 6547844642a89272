# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The devices that a guest had for a while, looked at from the host and from inside the guest."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

VIRSH = "virsh --quiet --connect qemu:///system"


def test_the_host_s_own_drivers_have_them_again(root: Any) -> None:
    assert root.file("/sys/bus/pci/devices/0000:01:00.0/driver").linked_to == "/sys/bus/pci/drivers/e1000e"
    assert "0003:0627:0001" in root.check_output("ls /sys/bus/hid/drivers/hid-generic")


def test_the_guest_runs_without_them(root: Any, web1: Callable[[str], str]) -> None:
    assert "<hostdev" not in root.check_output(f"{VIRSH} dumpxml web1")
    assert "<hostdev" not in root.check_output(f"{VIRSH} dumpxml --inactive web1")
    assert "0x10d3" not in web1("cat /sys/bus/pci/devices/*/device").split()
    assert "0627" not in web1("cat /sys/bus/usb/devices/*/idVendor").split()
