# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Disks on the bus nvme: each has a controller with a serial number, for libvirt takes none without."""

from __future__ import annotations

from xml.etree.ElementTree import Element

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm import edit_devices, xml
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.change import Change
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Disk

MIB = 1024 * 1024


def disk(name: str, bus: str = "nvme", **options: str) -> Disk:
    path = f"/pool/db1.{name}.qcow2"
    return Disk(name, MIB, pool="default", format="qcow2", bus=bus, path=path, options=tuple(options.items()))


def made(*disks: Disk) -> Element:
    root = xml.parse("<domain><devices/></domain>")
    edit_devices.add_disks(root, "db1", disks)
    return root


def edit(root: Element, verb: str, field: str, **more: object) -> None:
    edit_devices.EDITS[verb, field](root, Change("db1", verb, field, **more))  # type: ignore[arg-type]


def names(root: Element) -> list[str | None]:
    return [one.get("dev") for one in root.findall("devices/disk/target")]


def serials(root: Element) -> dict[str | None, str | None]:
    return {one.get("index"): one.findtext("serial") for one in root.findall("devices/controller[@type='nvme']")}


def test_each_disk_has_a_controller_with_a_serial_number() -> None:
    root = made(disk("root"), disk("data", serial="D-1"), disk("logs"), disk("more", bus="virtio"))
    assert names(root) == ["nvme0n1", "nvme1n1", "nvme2n1", "vda"]
    found = serials(root)
    assert list(found) == ["0", "1", "2"]
    assert found["1"] == "D-1"
    made_up = {found["0"], found["2"]}
    assert len(made_up) == 2
    assert {len(one or "") for one in made_up} == {20}
    assert serials(made(disk("root")))["0"] == found["0"], "the disk keeps its number"


def test_a_disk_that_goes_leaves_no_gap_and_its_place_is_taken_by_another() -> None:
    """libvirt fills gaps between controllers with such as have no serial number, which it then refuses."""
    root = made(disk("root"), disk("data"))
    number = serials(root)["0"]
    edit(root, "remove", "disks", key="root", before=disk("root"))
    assert list(serials(root)) == ["0", "1"]
    edit_devices.add_disks(root, "db1", [disk("logs")])
    assert names(root) == ["nvme1n1", "nvme0n1"]
    assert list(serials(root)) == ["0", "1"]
    assert serials(root)["0"] != number


def test_a_disk_goes_to_the_bus_and_from_it() -> None:
    root = made(disk("root", "virtio"), disk("data", "virtio", serial="D-1"))
    xml.ensure(root, "devices/disk/driver").set("rerror_policy", "report")
    for key in ("root", "data"):
        edit(root, "set", "disks.bus", key=key, before="virtio", after="nvme")
    assert names(root) == ["nvme0n1", "nvme1n1"]
    assert serials(root)["1"] == "D-1"
    assert "rerror_policy" not in xml.ensure(root, "devices/disk/driver").attrib, "QEMU would not start with it"
    edit(root, "set", "disks.bus", key="data", before="nvme", after="virtio")
    assert names(root) == ["nvme0n1", "vda"]


def test_the_controller_gets_the_disk_s_new_serial_number() -> None:
    root = made(disk("root"), disk("data"))
    number = serials(root)["1"]
    edit(root, "set", "disks.serial", key="root", after="R-1")
    assert serials(root) == {"0": "R-1", "1": number}
    edit(root, "set", "disks.cache", key="data", after="none")
    assert serials(root) == {"0": "R-1", "1": number}


def test_a_disk_of_others_on_another_controller_than_its_name_says() -> None:
    root = made()
    theirs = """
        <disk device='disk'><source file='/x'/><target dev='nvme7n1' bus='nvme'/><serial>X</serial>
          <address type='drive' controller='0'/></disk>"""
    devices = xml.ensure(root, "devices")
    devices.append(xml.parse(theirs))
    xml.add(xml.add(devices, "controller", type="nvme", index=0), "serial", "X")
    edit_devices.add_disks(root, "db1", [disk("data")])
    assert names(root) == ["nvme7n1", "nvme1n1"]
    assert serials(root)["0"] == "X"
    edit(root, "set", "disks.serial", key="nvme7n1", after="Y")
    assert serials(root)["0"] == "Y"
    assert len(serials(root)) == 2
