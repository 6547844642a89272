# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The host after the role, looked at from outside: the hypervisor, systemd and the files, never our own modules."""

from __future__ import annotations

import json
from typing import Any

OPTIONS = ("dom0_mem=1024M,max:1024M", "smap=0", "spec-ctrl=eager-fpu", "com1=115200,8n1", "console=com1")


def settings(root: Any, path: str) -> list[str]:
    """The lines of a file that are neither empty nor a remark, in their order."""
    lines = root.file(path).content_string.splitlines()
    return [line for line in lines if line.strip() and not line.lstrip().startswith("#")]


def test_the_hypervisor_runs_with_the_options_that_are_wished(root: Any) -> None:
    info = dict(line.split(":", 1) for line in root.check_output("xl info").splitlines())
    words = next(value for key, value in info.items() if key.strip() == "xen_commandline").split()
    assert tuple(words[1:]) == OPTIONS


def test_the_host_keeps_its_memory_and_leaves_the_rest_to_guests(root: Any) -> None:
    domain = json.loads(root.check_output("xl list -l"))[0]
    assert domain["config"]["b_info"]["max_memkb"] == 1024 * 1024
    assert settings(root, "/etc/xen/xl.conf") == ['autoballoon="off"']


def test_the_distribution_s_own_grub_files_are_as_they_were(root: Any) -> None:
    assert root.check_output("dpkg --search /etc/default/grub.d/xen.cfg").startswith("xen-hypervisor-common:")
    # The image has no documents, of which dpkg tells.
    assert [
        line for line in root.run("dpkg --verify xen-hypervisor-common").stdout.splitlines() if "/etc/" in line
    ] == []
    assert root.file("/etc/default/grub.d/hostforge-xen.cfg").mode == 0o644


def test_the_bridge_has_the_card_and_the_host_s_address(root: Any) -> None:
    assert root.file("/sys/class/net/xenbr0/brif/enp0s4").exists
    assert "dev xenbr0" in root.check_output("ip route show default")
    assert [address for address in root.interface("xenbr0").addresses if address.startswith("10.0.2.")]


def test_guests_are_asked_to_shut_down_and_waited_for(root: Any) -> None:
    lines = settings(root, "/etc/default/xendomains")
    assert "XENDOMAINS_SAVE=" in lines
    assert "XENDOMAINS_STOP_MAXWAIT=240" in lines
    # The unit starts them in its place.
    assert "XENDOMAINS_AUTO=" in lines
    unit = root.service("xendomains")
    assert unit.is_enabled
    assert unit.is_running
    limits = root.check_output("systemctl show xendomains --property=TimeoutStartUSec --property=TimeoutStopUSec")
    assert limits.splitlines() == ["TimeoutStartUSec=infinity", "TimeoutStopUSec=infinity"]


def test_guests_are_started_by_the_unit_that_keeps_their_order(root: Any) -> None:
    unit = root.service("hostforge-guests")
    assert unit.is_enabled
    assert unit.is_running
    said = root.check_output(
        "systemctl show hostforge-guests --property=Result --property=After --property=PartOf --property=KillMode"
    )
    found = dict(line.split("=", 1) for line in said.splitlines())
    assert (found["Result"], found["KillMode"], found["PartOf"]) == ("success", "process", "xendomains.service")
    assert "xendomains.service" in found["After"].split()
    links = root.check_output("ls /etc/xen/auto").splitlines()
    told = root.check_output("python3 -B /usr/local/lib/hostforge/start_guests.py --list").splitlines()
    assert len(told) == len(links)


def test_consoles_are_logged_and_their_logs_rotated(root: Any) -> None:
    assert "--log=guest" in root.check_output("cat /proc/$(cat /run/xenconsoled.pid)/cmdline | tr '\\0' ' '")
    assert root.file("/var/log/xen/console").is_directory
    assert root.run("logrotate --debug /etc/logrotate.d/hostforge-xen-console").rc == 0


def test_there_are_folders_for_disks_and_images(root: Any) -> None:
    assert root.file("/var/lib/xen/images").mode == 0o711
    assert root.file("/var/lib/hostforge/images").mode == 0o755
    assert root.file("/etc/xen/auto").is_directory


def test_nothing_has_failed(root: Any) -> None:
    assert root.check_output("systemctl list-units --failed --no-legend --plain") == ""
