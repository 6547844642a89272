# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Devices of the host are stored for guests that are off, and refused where they are missing or in use.

No guest with such a device is started here: it would take the device from the machine that the tests run on.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET

import libvirt
import pytest

from ansible_collections.hostforge.hypervisor.tests.integration.rows import own, pci_devices
from ansible_collections.hostforge.hypervisor.tests.integration.runs import (
    attempt,
    define,
    guest,
    mend,
    refused,
    stored,
    virsh,
)

FIRST, SECOND = pci_devices()[:2]
MISSING = "0000:ff:1f.7"
HOSTDEV = "<hostdev mode='subsystem' type='usb'><source><vendor id='0x1234'/><product id='0xbeef'/></source></hostdev>"


def held() -> list[str]:
    """The slots of the PCI devices that are stored."""
    addresses = stored("dev1").findall("devices/hostdev[@type='pci']/source/address")
    return sorted(f"{int(one.get('slot', '0'), 16):02x}" for one in addresses)


def slots(*devices: str) -> list[str]:
    return sorted(device.split(":")[2].split(".")[0] for device in devices)


def test_devices_come_and_go_one_by_one(kvm: libvirt.virConnect) -> None:
    guest(name="dev1", **own(pci_devices=[FIRST.upper()]))
    assert held() == slots(FIRST)
    assert mend(name="dev1", **own(pci_devices=[SECOND, FIRST])) == ["set pci_devices"]
    assert held() == slots(FIRST, SECOND)
    assert not guest(name="dev1", description="", **own())["changed"]
    assert mend(name="dev1", **own(pci_devices=[SECOND])) == ["set pci_devices"]
    assert held() == slots(SECOND)
    virsh("detach-device", "dev1", "--config", *as_file(stored_device()))
    assert mend(name="dev1", **own(pci_devices=[SECOND])) == ["set pci_devices"]
    assert mend(name="dev1", **own(pci_devices=[])) == ["set pci_devices"]
    assert held() == []


def stored_device() -> str:
    """The definition of the device that the guest has."""
    _domain, bus, rest = SECOND.split(":")
    slot, function = rest.split(".")
    address = f"<address domain='0x0000' bus='0x{bus}' slot='0x{slot}' function='0x{function}'/>"
    return f"<hostdev mode='subsystem' type='pci' managed='yes'><source>{address}</source></hostdev>"


def as_file(text: str) -> list[str]:
    path = "/run/device.xml"
    with open(path, "w") as file:
        file.write(text)
    return [path]


def test_usb_devices_of_an_adopted_guest(kvm: libvirt.virConnect) -> None:
    guest(name="dev1")
    virsh("attach-device", "dev1", "--config", *as_file(HOSTDEV))
    assert not guest(name="dev1", **own(usb_devices=["1234:BEEF"]))["changed"]
    assert mend(name="dev1", **own(usb_devices=[])) == ["set usb_devices"]
    assert stored("dev1").find("devices/hostdev") is None


@pytest.mark.parametrize(
    ("option", "device"), [("pci_devices", MISSING), ("usb_devices", "ffff:ffff")], ids=["pci", "usb"]
)
def test_a_device_that_the_host_does_not_have(kvm: libvirt.virConnect, option: str, device: str) -> None:
    says = f"{option}: this host has no {device}"
    assert says in refused(name="dev1", **own(**{option: [device]}))
    guest(name="dev1")
    assert says in refused(name="dev1", description="x", **own(**{option: [device]}))


def test_a_device_of_a_running_guest(kvm: libvirt.virConnect) -> None:
    """It is in the other one's stored definition, and would be gone for it at its next start."""
    guest(name="other", state="running")
    root = stored("other")
    devices = root.find("devices")
    assert devices is not None
    devices.append(ET.fromstring(stored_device()))
    define(root)
    says = f"pci_devices: {SECOND} is in use by the running guest other"
    assert says in refused(name="dev1", **own(pci_devices=[SECOND]))
    virsh("destroy", "other")
    assert mend(name="dev1", **own(pci_devices=[SECOND])) == ["create guest"]


def test_two_guests_of_one_task(kvm: libvirt.virConnect) -> None:
    pair = [{"name": name, "state": "running", **own(pci_devices=[FIRST])} for name in ("dev1", "dev2")]
    said = attempt(check=True, guests=pair)
    assert said["msg"] == f"guest dev2: pci_devices: {FIRST} is that of guest dev1, in the same task"
    off = [{**one, "state": "stopped"} for one in pair]
    assert mend(guests=off) == ["create guest", "create guest"]
    both = attempt(check=True, guests=[{"name": name, "state": "running"} for name in ("dev1", "dev2")])
    assert both["msg"] == said["msg"]
