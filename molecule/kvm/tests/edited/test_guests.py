# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The guests, looked at from outside: virsh and the host's files, and from inside: a login from the host."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree as ET

VIRSH = "virsh --quiet --connect qemu:///system"
IMAGES = "/var/lib/libvirt/images"
SHARED = "/var/lib/shared"


def states(root: Any) -> dict[str, str]:
    """Every guest that libvirt knows, with its state."""
    lines = root.check_output(f"{VIRSH} list --all").splitlines()
    return {line.split()[1]: " ".join(line.split()[2:]) for line in lines}


def test_libvirt_has_the_guests_in_their_states(root: Any) -> None:
    off = dict.fromkeys(("off1", "later1", "sooner1"), "shut off")
    assert states(root) == {"web1": "running", **off}


def test_the_guest_runs_with_kvm_and_without_a_screen(root: Any) -> None:
    definition = ET.fromstring(root.check_output(f"{VIRSH} dumpxml web1"))
    assert definition.get("type") == "kvm"
    assert definition.find("devices/graphics") is None
    assert definition.find("devices/serial") is not None
    assert definition.find("devices/rng") is not None
    assert definition.find("devices/channel/target[@name='org.qemu.guest_agent.0']") is not None


def test_login_works_and_cloud_init_did_its_work(web1: Any) -> None:
    assert web1("hostname") == "web1"
    assert web1("id -un") == "alice"
    assert web1("sudo id -un") == "root"


def test_the_guest_has_what_it_was_given(web1: Any) -> None:
    assert web1("nproc") == "1"
    assert 250_000 < int(web1("awk '/MemTotal/ {print $2}' /proc/meminfo")) <= 384 * 1024


def test_the_edits_are_seen_inside_without_a_restart(web1: Any) -> None:
    sizes = dict(line.split() for line in web1("lsblk -bdno NAME,SIZE").splitlines() if line.startswith("vd"))
    assert sizes == {"vda": str(4 * 1024**3), "vdb": str(1024**3)}
    assert "52:54:00:aa:bb:cc" in web1("cat /sys/class/net/*/address").split()


def test_the_edits_are_stored_for_the_next_boot(root: Any) -> None:
    stored = ET.fromstring(root.check_output(f"{VIRSH} dumpxml --inactive web1"))
    assert stored.findtext("description") == "front end, edited while it ran"
    paths = [one.get("file") for one in stored.findall("devices/disk[@device='disk']/source")]
    assert paths == [f"{IMAGES}/web1.root.qcow2", f"{IMAGES}/web1.data.qcow2"]
    assert [one.get("address") for one in stored.findall("devices/interface/mac")][1:] == ["52:54:00:aa:bb:cc"]


def test_the_stopped_guest_has_its_disks_and_does_not_start_with_the_host(root: Any) -> None:
    assert root.file(f"{IMAGES}/off1.root.qcow2").exists
    assert root.file(f"{IMAGES}/off1.data.qcow2").exists
    autostart = f"{VIRSH} list --all --autostart --name"
    assert root.check_output(autostart).split() == ["web1"]


def test_the_removed_guest_is_gone_with_its_disks_and_nothing_else(root: Any) -> None:
    files = root.check_output(f"ls {IMAGES}").split()
    assert [name for name in files if name.startswith("old1.")] == []
    assert len(root.check_output("ls /var/lib/hostforge/images").split()) == 1


def test_the_volume_of_lvm_has_grown_and_the_removed_guest_s_is_gone(root: Any) -> None:
    listed = root.check_output("lvs --noheadings --nosuffix --units m --options lv_name,lv_size volumes")
    assert listed.split() == ["off1.logs", "52.00"]
    disks = ET.fromstring(root.check_output(f"{VIRSH} dumpxml --inactive off1")).findall("devices/disk[@type='block']")
    assert [one.find("source").get("dev") for one in disks] == ["/dev/volumes/off1.logs"]  # type: ignore[union-attr]
    assert [one.find("driver").get("type") for one in disks] == ["raw"]  # type: ignore[union-attr]


def test_the_files_on_nfs_are_those_of_the_guests_that_are_left(root: Any) -> None:
    assert root.mount_point(SHARED).filesystem == "nfs4"
    assert root.check_output(f"ls {SHARED}").split() == ["off1.notes.qcow2", "sooner1.data.qcow2"]
    assert root.file(f"{SHARED}/off1.notes.qcow2").user == "libvirt-qemu"


def test_the_host_s_devices_are_in_the_guest_without_a_restart(root: Any, web1: Callable[[str], str]) -> None:
    assert root.file("/sys/bus/pci/devices/0000:01:00.0/driver").linked_to == "/sys/bus/pci/drivers/vfio-pci"
    assert "0x10d3" in web1("cat /sys/bus/pci/devices/*/device").split()
    assert "0627" in web1("cat /sys/bus/usb/devices/*/idVendor").split()


def test_the_disk_is_a_thin_overlay_on_the_cached_image(root: Any) -> None:
    info = root.check_output(f"qemu-img info --force-share {IMAGES}/web1.root.qcow2")
    assert "backing file: /var/lib/hostforge/images/sha256-" in info


def test_nobody_but_root_and_the_hypervisor_reads_the_seed(root: Any) -> None:
    seeds = root.check_output("ls /var/lib/hostforge/seeds").split()
    assert len(seeds) == 1
    assert root.file(f"/var/lib/hostforge/seeds/{seeds[0]}").mode == 0o600
    assert "ssh-ed25519" not in root.check_output(f"{VIRSH} dumpxml web1")
