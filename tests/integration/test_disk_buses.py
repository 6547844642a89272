# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Disks on every bus: changed, plugged into a running guest and out of it, and refused where the host has none."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import Any

import libvirt
import pytest

from ansible_collections.hostforge.hypervisor.tests.integration import foreign
from ansible_collections.hostforge.hypervisor.tests.integration.console import Console
from ansible_collections.hostforge.hypervisor.tests.integration.daemon import POOLS
from ansible_collections.hostforge.hypervisor.tests.integration.guest_image import image_path
from ansible_collections.hostforge.hypervisor.tests.integration.runs import (
    actions,
    define,
    guest,
    hot,
    live,
    mend,
    paths,
    refused,
    stored,
    virsh,
)

DATA = f"{POOLS['default']}/db1.data.qcow2"
DB1: dict[str, Any] = {"name": "db1", "memory": "128 MiB", "disks": [{"name": "root", "size": "64 MiB"}]}


@pytest.fixture
def db1(kvm: libvirt.virConnect) -> None:
    guest(**DB1)


def with_data(**options: Any) -> dict[str, Any]:
    return {**DB1, "disks": [*DB1["disks"], {"name": "data", "size": "32 MiB", **options}]}


def buses() -> list[str | None]:
    """The buses that this libvirt has: nvme only from 11.5 on."""
    root = ET.fromstring(virsh("domcapabilities", "--virttype", "qemu"))
    return [one.text for one in root.findall("devices/disk/enum[@name='bus']/value")]


def models(root: ET.Element) -> list[str | None]:
    return [one.get("model") for one in root.findall("devices/controller[@type='scsi']")]


def disk(root: ET.Element, path: str) -> ET.Element:
    found = [one for one in root.findall("devices/disk") if path in [item.get("file") for item in one.iter("source")]]
    assert len(found) == 1
    return found[0]


def test_a_scsi_disk_is_plugged_in_and_out_of_a_running_guest(db1: None) -> None:
    """Also of one that had no disk on that bus, and so no controller for it."""
    virsh("start", "db1")
    kvm = {"cache": "none", "serial": "D-1"}
    wish = with_data(bus="scsi", kvm=kvm)
    told, done = guest(check=True, **wish), guest(**wish)
    assert actions(told) == actions(done) == ["add disks data"]
    assert hot(told) == hot(done) == [True]
    for root in (stored("db1"), live("db1")):
        assert models(root) == ["virtio-scsi"]
        assert disk(root, DATA).findtext("serial") == "D-1"
        assert disk(root, DATA).find("driver").get("cache") == "none"  # type: ignore[union-attr]
    assert not guest(**wish)["changed"]
    done = guest(**DB1)
    assert (actions(done), hot(done), done["restart_required"]) == (["remove disks data"], [True], False)
    assert DATA not in paths(live("db1"))
    assert DATA not in paths(stored("db1"))


def test_a_disk_is_plugged_in_with_what_others_stored_of_it(db1: None) -> None:
    guest(**with_data())
    root = stored("db1")
    element = disk(root, DATA)
    root.find("devices").remove(element)  # type: ignore[union-attr]
    define(root)
    virsh("start", "db1")
    element.append(ET.fromstring(foreign.IOTUNE))
    root.find("devices").append(element)  # type: ignore[union-attr]
    define(root)
    done = guest(**with_data())
    assert (actions(done), hot(done)) == (["add disks data"], [True])
    assert disk(live("db1"), DATA).findtext("iotune/total_iops_sec") == "500"


@pytest.mark.parametrize("bus", ["scsi", "sata", "nvme"])
def test_a_disk_changes_its_bus_and_keeps_everything_else(db1: None, bus: str) -> None:
    if bus not in buses():
        return
    foreign.add_unknown(libvirt.open("qemu:///system"), "db1")
    before = stored("db1").find("devices/disk")
    wish = {**DB1, "disks": [{**DB1["disks"][0], "bus": bus}]}
    assert mend(**wish) == ["set disks.bus root"]
    after = stored("db1").find("devices/disk")
    assert before is not None
    assert after is not None
    if bus == "nvme":
        # QEMU would not start with it.
        assert before.find("driver").attrib.pop("rerror_policy") == "report"  # type: ignore[union-attr]
    for element in (before, after):
        for tag in ("target", "address"):
            element.remove(element.find(tag))  # type: ignore[arg-type]
    assert ET.canonicalize(ET.tostring(after), strip_text=True) == ET.canonicalize(ET.tostring(before), strip_text=True)
    virsh("start", "db1")
    assert not guest(**wish)["changed"]
    assert mend(**DB1, restart="never") == []


def test_a_bus_change_of_a_running_guest_waits_for_its_restart(db1: None) -> None:
    virsh("start", "db1")
    wish = {**DB1, "disks": [{**DB1["disks"][0], "bus": "scsi"}]}
    done = guest(**wish)
    assert (actions(done), done["restart_required"]) == (["set disks.bus root"], True)
    assert models(stored("db1")) == ["virtio-scsi"]
    assert actions(guest(**wish, restart="force", shutdown_timeout=0)) == ["restart state"]
    assert live("db1").find("devices/disk/target").get("bus") == "scsi"  # type: ignore[union-attr]


def test_a_bus_that_the_host_has_not_is_refused(db1: None) -> None:
    root = {**DB1["disks"][0], "bus": "nvme"}
    if "nvme" in buses():
        return
    says = "disk {}: this host's guests have no bus nvme; there are: fdc, "
    assert says.format("root") in refused(**{**DB1, "disks": [root]})
    assert says.format("data") in refused(**with_data(bus="nvme"))
    assert says.format("root").replace("fdc, ", "fdc, ide, ") in refused(**{**DB1, "name": "db2", "disks": [root]})


def test_disks_on_nvme_come_and_go_at_a_restart(kvm: libvirt.virConnect) -> None:
    """Each has a controller of its own, which has to have a serial number."""
    if "nvme" not in buses():
        return
    root = {"name": "root", "size": "64 MiB", "bus": "nvme"}
    data = {"name": "data", "size": "32 MiB", "bus": "nvme", "kvm": {"serial": "D-1"}}
    logs = {"name": "logs", "size": "32 MiB", "bus": "nvme"}
    db1 = {"name": "db1", "memory": "128 MiB", "state": "running"}
    assert mend(**db1, disks=[root, data]) == ["create guest", "start state"]
    number = serials(stored("db1"))["0"]
    assert serials(live("db1")) == {"0": number, "1": "D-1"}
    force = {"restart": "force", "shutdown_timeout": 0}
    done = guest(**db1, disks=[root, data, logs])
    assert (actions(done), hot(done), done["restart_required"]) == (["add disks logs"], [False], True)
    assert mend(**db1, disks=[root, data, logs], **force) == ["restart state"]
    assert list(serials(live("db1"))) == ["0", "1", "2"]
    assert mend(**db1, disks=[data, logs], **force) == ["remove disks root", "restart state"]
    # It gets the place of the one that has gone, and is another disk all the same.
    more = {"name": "more", "size": "32 MiB", "bus": "nvme"}
    assert mend(**db1, disks=[data, logs, more], **force) == ["add disks more", "restart state"]
    assert list(serials(live("db1"))) == ["0", "1", "2"]
    assert serials(live("db1"))["0"] not in (number, None)
    changed = {**data, "kvm": {"serial": "D-2"}}
    assert mend(**db1, disks=[changed, logs, more], **force) == ["set disks.serial data", "restart state"]
    assert serials(live("db1"))["1"] == "D-2"


def test_a_system_uses_a_disk_on_nvme(kvm: libvirt.virConnect) -> None:
    """It sees the serial number; QEMU makes such a disk larger only while the guest is off."""
    if "nvme" not in buses():
        return
    root = {"name": "root", "size": "1 GiB", "image": {"source": str(image_path())}}
    data = {"name": "data", "size": "16 MiB", "bus": "nvme", "kvm": {"serial": "D-1"}}
    db1 = {"name": "db1", "memory": "208 MiB", "state": "running"}
    guest(**db1, disks=[root, data])
    with Console(kvm.lookupByName("db1")) as console:
        assert console.ask("cat /sys/class/nvme/nvme0/serial") == "D-1"
        assert console.ask("cat /sys/block/nvme0n1/size") == str(16 * 2048)
    larger = [root, {**data, "size": "32 MiB"}]
    says = "disk data is on the bus nvme, and cannot grow while the guest runs: stop it first"
    assert says in refused(**db1, disks=larger)
    stop = {"state": "stopped", "restart": "force", "shutdown_timeout": 0}
    assert mend(**{**db1, **stop}, disks=larger) == ["stop state", "grow disks.size data"]


def serials(root: ET.Element) -> dict[str | None, str | None]:
    """Those of the controllers of the bus nvme, by their numbers."""
    return {one.get("index"): one.findtext("serial") for one in root.findall("devices/controller[@type='nvme']")}
