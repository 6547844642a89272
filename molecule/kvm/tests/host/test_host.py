# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The host after the role, looked at from outside: systemd, the kernel and virsh, never our own modules."""

from __future__ import annotations

from typing import Any

VIRSH = "virsh --quiet --connect qemu:///system"


def test_kvm_is_there_and_libvirt_offers_it(root: Any) -> None:
    assert root.file("/dev/kvm").exists
    assert "<domain>kvm</domain>" in root.check_output(f"{VIRSH} domcapabilities --virttype kvm")


def test_one_set_of_daemons_runs_and_none_listens_to_the_network(root: Any) -> None:
    assert root.service("libvirtd.socket").is_running
    assert not root.service("virtqemud.socket").is_running
    for socket in ("libvirtd-tcp.socket", "libvirtd-tls.socket"):
        assert not root.service(socket).is_running
    assert not root.socket("tcp://0.0.0.0:16509").is_listening
    assert not root.socket("tcp://0.0.0.0:16514").is_listening


def test_the_default_pool_is_active_and_starts_with_the_host(root: Any) -> None:
    info = root.check_output(f"{VIRSH} pool-info default")
    assert "running" in info
    assert "Autostart:      yes" in info
    assert "/var/lib/libvirt/images" in root.check_output(f"{VIRSH} pool-dumpxml default")


def test_the_default_network_is_active_and_starts_with_the_host(root: Any) -> None:
    info = dict(line.split(None, 1) for line in root.check_output(f"{VIRSH} net-info default").splitlines() if line)
    assert (info["Active:"].strip(), info["Autostart:"].strip(), info["Bridge:"].strip()) == ("yes", "yes", "virbr0")
    assert "192.168.122.1" in root.interface("virbr0").addresses


def test_the_unit_that_starts_guests_in_their_order_is_enabled_and_has_not_run(root: Any) -> None:
    unit = root.service("hostforge-guests")
    assert unit.is_enabled
    assert not unit.is_running


def test_guests_are_asked_to_shut_down_when_the_host_goes_down(root: Any) -> None:
    unit = root.service("libvirt-guests")
    assert unit.is_enabled
    assert unit.is_running
    lines = root.file("/etc/default/libvirt-guests").content_string.splitlines()
    settings = sorted(line for line in lines if line and not line.startswith("#"))
    assert settings == ["ON_BOOT=ignore", "ON_SHUTDOWN=shutdown", "PARALLEL_SHUTDOWN=4", "SHUTDOWN_TIMEOUT=240"]


def test_the_image_cache_can_be_read_by_the_hypervisor(root: Any) -> None:
    folder = root.file("/var/lib/hostforge/images")
    assert folder.is_directory
    assert folder.mode == 0o755
