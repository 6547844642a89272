# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The host after the role, looked at from outside: the kernel, systemd, files and VBoxManage, never our own modules."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def test_the_modules_are_loaded_and_their_devices_open(root: Any) -> None:
    loaded = {line.split()[0] for line in root.check_output("cat /proc/modules").splitlines()}
    assert {"vboxdrv", "vboxnetflt", "vboxnetadp"} <= loaded
    for device in ("/dev/vboxdrv", "/dev/vboxnetctl"):
        root.check_output(f"dd if={device} of=/dev/null count=0")


def test_this_pair_of_kernel_and_virtualbox_is_left_as_the_distribution_has_it(root: Any) -> None:
    assert not root.file("/etc/modprobe.d/zz-hostforge-virtualbox.conf").exists


def test_the_user_may_use_it_and_has_its_own_folders(root: Any, manage: Callable[[str], str]) -> None:
    assert "vboxusers" in root.user("vm").groups
    said = dict(line.split(":", 1) for line in manage("list systemproperties").splitlines() if ":" in line)
    assert said["Default machine folder"].strip() == "/srv/machines"
    assert said["Autostart database path"].strip() == "/etc/vbox/autostart"


def test_the_networks_are_there(root: Any, manage: Callable[[str], str]) -> None:
    assert root.file("/etc/vbox/networks.conf").content_string.splitlines()[1:] == ["* 10.56.0.0/16"]
    said = manage("list hostonlyifs")
    assert "10.56.0.1" in said
    servers = manage("list dhcpservers")
    assert "10.56.0.100" in servers
    assert "10.56.0.199" in servers
    assert "10.57.0.0/24" in manage("list natnets")


def test_what_starts_with_the_host_is_the_user_s(root: Any) -> None:
    assert root.service("hostforge-vboxautostart@vm").is_enabled
    assert root.file("/etc/vbox/autostart").mode == 0o1770
    assert root.check_output("ls /etc/vbox/autostart").split() == ["vm.start"]
    assert "vm = {" in root.file("/etc/vbox/autostart.cfg").content_string


def test_there_is_no_web_service(root: Any) -> None:
    assert root.run("pgrep vboxwebsrv").rc == 1


def test_nothing_has_failed(root: Any) -> None:
    assert root.check_output("systemctl list-units --failed --no-legend --plain") == ""
