# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A guest that others made is taken over by its name: what is not written stays, element for element."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import Any

import libvirt
import pytest

from ansible_collections.hostforge.hypervisor.tests.integration import foreign
from ansible_collections.hostforge.hypervisor.tests.integration.rich_guest import (
    DISK,
    ISO,
    MAC,
    RICH,
    differences,
)
from ansible_collections.hostforge.hypervisor.tests.integration.runs import (
    EMULATED,
    define,
    guest,
    mend,
    module,
    refused,
    stored,
)


@pytest.fixture
def old1(kvm: libvirt.virConnect) -> libvirt.virDomain:
    """The guest that somebody else made."""
    foreign.make_disk(DISK, "qcow2")
    foreign.make_disk(ISO, "raw")
    return kvm.defineXML(RICH)


def test_reading_it_tells_what_it_is(old1: libvirt.virDomain) -> None:
    (found,) = module("kvm_guest_info", names=["old1"])["guests"]
    assert {key: found[key] for key in ("memory", "memory_max", "vcpus", "vcpus_max", "cpu_mode", "graphics")} == {
        "memory": "192 MiB",
        "memory_max": "256 MiB",
        "vcpus": 2,
        "vcpus_max": 4,
        "cpu_mode": "custom",
        "graphics": "spice",
    }
    assert [(disk["name"], disk["path"], disk.get("owned", False)) for disk in found["disks"]] == [("sdq", DISK, False)]
    assert found["nics"] == [{"network": "default", "mac": MAC, "vlan": 0, "model": "virtio", "link": "down"}]
    assert (found["machine"], found["cpu_model"]) == ("pc-q35-7.2", "qemu64")
    assert found["topology"] == {"sockets": 1, "dies": 1, "cores": 2, "threads": 2}
    assert found["watchdog"] == {"model": "i6300esb", "action": "poweroff"}
    assert (found["pci_devices"], found["usb_devices"]) == ([], ["1234:beef"])
    assert found["boot_order"] == ["disk", "cdrom"]
    assert found["cdroms"] == [{"drive": "sdb"}]


def test_a_wish_that_it_fulfils_changes_nothing(old1: libvirt.virDomain) -> None:
    before = old1.XMLDesc(libvirt.VIR_DOMAIN_XML_SECURE)
    wish: dict[str, Any] = {
        "name": "old1",
        "memory": "192 MiB",
        "memory_max": "256 MiB",
        "vcpus": 2,
        "vcpus_max": 4,
        "firmware": "bios",
        "boot_order": ["disk", "cdrom"],
        "uuid": old1.UUIDString().upper(),
        "disks": [{"name": "sdq", "size": "24 MiB"}],
        "cdroms": [{}],
        "nics": [{"network": "default", "link": "down"}],
        "autostart": False,
        "kvm": {
            "type": "qemu",
            "graphics": "spice",
            "machine": "q35",
            "cpu_model": "qemu64",
            "topology": {"cores": 2, "threads": 2},
            "watchdog": {"action": "poweroff"},
            "pci_devices": [],
            "usb_devices": ["1234:BEEF"],
            "xml": [{"path": "features/hyperv", "element": "<hyperv><relaxed state='on'/></hyperv>"}],
        },
    }
    for wished in (wish, {"name": "old1", "kvm": None}, {**wish, "state": "stopped"}):
        assert not guest(check=True, **wished)["changed"]
        assert not guest(**wished)["changed"]
    assert old1.XMLDesc(libvirt.VIR_DOMAIN_XML_SECURE) == before


# What is written, what goes and what comes: parts of the lines of flat().
EDITS: dict[str, tuple[dict[str, Any], list[str], list[str]]] = {
    "description": ({"description": "new"}, [], ["/domain/description [] new"]),
    "vcpus": ({"vcpus": 3}, ["('current', '2')"], ["('current', '3')"]),
    "memory": ({"memory": "128 MiB"}, ["currentMemory"], ["currentMemory"]),
    "memory_max": ({"memory_max": "320 MiB"}, ["/domain/memory "], ["/domain/memory "]),
    "medium": ({"cdroms": [{"source": ISO}]}, [], ["disk/source"]),
    "network": ({"nics": [{"network": "second", "mac": MAC}]}, ["interface/source"], ["interface/source"]),
    "link": ({"nics": [{"network": "default", "link": "up"}]}, ["interface/link"], []),
    # It was told device by device, which goes with the new order.
    "boot_order": ({"boot_order": ["disk"]}, ["disk/boot", "disk/boot"], ["os/boot"]),
    "boot_order of more": (
        {"boot_order": ["network", "disk"]},
        ["disk/boot", "disk/boot"],
        ["os/boot [('dev', 'hd')]", "os/boot [('dev', 'network')]"],
    ),
    "machine": ({"kvm": {"machine": "pc-q35-7.1"}}, ["os/type"], ["os/type"]),
    "cpu_model": ({"kvm": {"cpu_model": "Nehalem"}}, ["cpu/model"], ["cpu/model"]),
    "topology": ({"kvm": {"topology": {"sockets": 2, "cores": 2}}}, ["cpu/topology"], ["cpu/topology"]),
    "watchdog": ({"kvm": {"watchdog": {"action": "pause"}}}, ["devices/watchdog"], ["devices/watchdog"]),
    "no watchdog": ({"kvm": {"watchdog": "none"}}, ["devices/watchdog", "watchdog/address"], []),
    "usb_devices": (
        {"kvm": {"usb_devices": []}},
        ["devices/hostdev", "hostdev/address", "hostdev/source", "source/product", "source/vendor"],
        [],
    ),
    "xml": (
        {"kvm": {"xml": [{"path": "features/hyperv", "element": "<hyperv><vapic state='on'/></hyperv>"}]}},
        [],
        ["hyperv/vapic"],
    ),
    # What only virtio has, libvirt drops itself.
    "model": (
        {"nics": [{"network": "default", "model": "e1000e"}]},
        ["interface/driver", "interface/model"],
        ["interface/model"],
    ),
}


@pytest.mark.parametrize(("wish", "gone", "new"), EDITS.values(), ids=EDITS)
def test_an_edit_changes_that_element_and_no_other(
    old1: libvirt.virDomain, wish: dict[str, Any], gone: list[str], new: list[str]
) -> None:
    before = stored("old1")
    assert len(mend(name="old1", **wish)) == 1
    found = differences(before, stored("old1"))
    for lines, expected in zip(found, (gone, new), strict=True):
        assert len(lines) == len(expected), found
        assert all(part in line for part, line in zip(expected, lines, strict=True)), found


def test_more_devices_leave_the_others_alone(old1: libvirt.virDomain) -> None:
    before = stored("old1")
    wish: dict[str, Any] = {
        "name": "old1",
        "disks": [{"name": "sdq"}, {"name": "data", "size": "16 MiB"}],
        "nics": [{"network": "default"}, {"network": "second"}],
        "cdroms": [{}, {"source": ISO}],
        "cloud_init": {"user_data": {"hostname": "old1"}},
        "autostart": {"order": 1},
        "tpm": True,
    }
    assert len(mend(**wish)) == 6
    gone, new = differences(before, stored("old1"))
    assert gone == []
    assert all("/devices" in line or "urn:hostforge" in line for line in new)
    # And when they go again, only they go.
    assert len(mend(name="old1", disks=[{"name": "sdq"}], nics=[{"network": "default"}], cdroms=[{}], tpm=False)) == 4
    gone, new = differences(before, stored("old1"))
    assert gone == []
    assert [line for line in new if "urn:hostforge" not in line and "controller" not in line and "seed" not in line]


def test_a_new_maximum_of_vcpus_takes_the_topology_with_it(old1: libvirt.virDomain) -> None:
    before = stored("old1")
    assert mend(name="old1", vcpus_max=6) == ["set vcpus_max"]
    gone, new = differences(before, stored("old1"))
    assert len(gone) == 2
    assert "topology" in gone[0]
    assert all("/domain/vcpu" in line for line in (gone[1], *new))


def test_the_password_of_the_screen_survives(old1: libvirt.virDomain) -> None:
    mend(name="old1", description="x")
    screen = stored("old1").find("devices/graphics")
    assert screen is not None
    assert screen.get("passwd") == "not-to-be-lost"


def test_another_kind_of_screen_leaves_the_card_alone(old1: libvirt.virDomain) -> None:
    before = stored("old1")
    assert mend(name="old1", kvm={"graphics": "vnc"}) == ["set graphics"]
    gone, new = differences(before, stored("old1"))
    # What only works with the old kind goes with it.
    places = ("graphics", "audio", "redirdev", "channel")
    assert all(line.startswith(tuple(f"/domain/devices/{one}" for one in places)) for line in (*gone, *new)), (
        gone,
        new,
    )
    assert len([line for line in gone if line.startswith("/domain/devices/channel ")]) == 1
    screen = stored("old1").find("devices/graphics")
    assert screen is not None
    assert (screen.get("type"), screen.get("listen")) == ("vnc", "127.0.0.1")


def test_a_guest_with_two_screens_has_each(old1: libvirt.virDomain) -> None:
    root = stored("old1")
    devices = root.find("devices")
    assert devices is not None
    devices.append(ET.fromstring("<graphics type='vnc' port='5988' autoport='no' listen='127.0.0.2' passwd='kept'/>"))
    define(root)
    for kind in ("vnc", "spice"):
        assert not guest(name="old1", kvm={"graphics": kind})["changed"]
    assert mend(name="old1", kvm={"graphics": "none"}) == ["set graphics"]
    assert stored("old1").find("devices/graphics") is None


def test_its_disk_is_not_ours_to_delete(old1: libvirt.virDomain) -> None:
    result = guest(name="old1", state="absent", delete_disks=True)
    assert result["guests"][0]["kept_disks"] == [DISK]


def test_a_disk_has_the_name_of_its_device_until_it_is_ours(old1: libvirt.virDomain) -> None:
    """A name that it does not have is a new disk, and nothing says how large."""
    assert "disk root: an empty disk needs a size" in refused(name="old1", disks=[{"name": "root"}])


def test_another_uuid_is_refused(old1: libvirt.virDomain) -> None:
    uuid = "6f1a0e6c-1b5d-4c55-9d4e-0c9a5a3f7b21"
    said = refused(name="old1", uuid=uuid, description="x")
    assert all(part in said for part in ("uuid is fixed", old1.UUIDString(), uuid))
    said = refused(name="old1", uuid=uuid, state="absent", delete_disks=True)
    assert all(part in said for part in (old1.UUIDString(), uuid))
    said = refused(name="new1", uuid=old1.UUIDString())
    assert all(part in said for part in ("old1", old1.UUIDString()))


def test_an_older_machine_type_is_edited_too(kvm: libvirt.virConnect) -> None:
    """Buses and names of another time: PCI without Express, IDE disks, e1000."""
    path = foreign.make_disk("/var/lib/hostforge/older.img", "raw")
    foreign.add_guest(kvm, "older", path)
    wish: dict[str, Any] = {
        "name": "older",
        "kvm": EMULATED,
        "state": "running",
        "vcpus": 2,
        "disks": [{"name": "hda", "format": "raw"}, {"name": "data", "size": "16 MiB"}],
        "cdroms": [{"source": foreign.make_disk(ISO, "raw")}],
        "nics": [{"network": "default", "model": "e1000"}, {"network": "second"}],
        "autostart": True,
    }
    assert mend(**wish)[-1] == "start state"
    assert not guest(**wish)["restart_required"]
    more = {**wish, "disks": [*wish["disks"], {"name": "logs", "size": "16 MiB"}], "cdroms": [{}]}
    assert mend(**more) == ["add disks logs", "set cdroms.source hdc"]
