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
from ansible_collections.hostforge.hypervisor.tests.integration.daemon import POOLS
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


@pytest.mark.parametrize("bus", ["scsi", "sata"])
def test_a_disk_changes_its_bus_and_keeps_everything_else(db1: None, bus: str) -> None:
    foreign.add_unknown(libvirt.open("qemu:///system"), "db1")
    before = stored("db1").find("devices/disk")
    wish = {**DB1, "disks": [{**DB1["disks"][0], "bus": bus}]}
    assert mend(**wish) == ["set disks.bus root"]
    after = stored("db1").find("devices/disk")
    assert before is not None
    assert after is not None
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
    """libvirt has nvme from 11.5 on."""
    root = {**DB1["disks"][0], "bus": "nvme"}
    if "nvme" in virsh("domcapabilities", "--virttype", "qemu"):
        assert mend(**{**DB1, "disks": [root]}) == ["set disks.bus root"]
        return
    says = "disk {}: this host's guests have no bus nvme; there are: fdc, "
    assert says.format("root") in refused(**{**DB1, "disks": [root]})
    assert says.format("data") in refused(**with_data(bus="nvme"))
    assert says.format("root").replace("fdc, ", "fdc, ide, ") in refused(**{**DB1, "name": "db2", "disks": [root]})
