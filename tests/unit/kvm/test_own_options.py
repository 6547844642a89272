# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options under C(kvm:): their forms, and how they are read from a definition and written into it."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm import (
    cpu,
    machine,
    passthrough,
    watchdog,
    xml,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.forms import FORMS, Topology, Watchdog
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.traits import OWN
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import SpecError
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.spec import parse_wishes

FORMS_OF: list[tuple[str, Any, Any]] = [
    ("topology", {"cores": "2", "threads": 2}, Topology(cores=2, threads=2)),
    ("topology", {"sockets": 2, "dies": None}, Topology(sockets=2)),
    ("watchdog", "none", "none"),
    ("watchdog", {"action": "pause"}, Watchdog("i6300esb", "pause")),
    ("watchdog", {"model": "ib700"}, Watchdog("ib700", "reset")),
    ("machine", "q35", "q35"),
    ("pci_devices", [], ()),
    ("pci_devices", ["0000:02:1f.7", "1:0.0", " 00:1F.2 "], ("0000:00:1f.2", "0000:01:00.0", "0000:02:1f.7")),
    ("usb_devices", ["1D6B:0002", "0x0951:0x1666"], ("0951:1666", "1d6b:0002")),
]
WRONG: list[tuple[str, Any, str]] = [
    *[("topology", value, "a mapping with sockets, dies, cores, threads") for value in ({}, {"dies": None})],
    ("topology", {"cores": 0}, "whole numbers from 1"),
    ("topology", {"cores": 5000}, "whole numbers from 1"),
    ("topology", {"nodes": 1}, "no such option"),
    ("topology", "2x2", "a mapping"),
    *[("watchdog", value, "a mapping with model, action") for value in ("reset", True, 5, [], {}, {"mode": "x"})],
    *[("watchdog", {"model": value}, "i6300esb, ib700, diag288 are allowed") for value in ("itco", "", 5, [])],
    ("watchdog", {"action": "reboot"}, "reset, shutdown"),
    *[
        (key, value, "1 to 64 letters")
        for key in ("machine", "cpu_model")
        for value in ("", "a b", "<x>", "-x", "x" * 65)
    ],
    *[
        ("pci_devices", [value], "PCI addresses")
        for value in ("", "01:00", "0000:01:20.0", "0000:01:00.8", "x", "../1")
    ],
    *[
        ("usb_devices", [value], "VENDOR:PRODUCT")
        for value in ("", "1d6b", "1d6b:2", "1d6b:00022", "../x", "g000:0000")
    ],
    ("pci_devices", ["0000:01:00.0", "1:0.0"], "each device is allowed once"),
    ("pci_devices", {"a": 1}, "a list"),
]


def parse(key: str, value: Any) -> Any:
    (wish,) = parse_wishes({"guests": [{"name": "a", "kvm": {key: value}}]}, "kvm", OWN, FORMS)
    return wish.item.option(key)


@pytest.mark.parametrize(("key", "written", "wished"), FORMS_OF)
def test_a_value_has_one_form(key: str, written: Any, wished: Any) -> None:
    assert parse(key, written) == wished


@pytest.mark.parametrize(("key", "written", "says"), WRONG)
def test_what_cannot_be_is_refused_where_it_stands(key: str, written: Any, says: str) -> None:
    with pytest.raises(SpecError) as caught:
        parse(key, written)
    (message,) = caught.value.errors
    assert message.startswith(f"guest a: kvm.{key}")
    assert says in message


@pytest.mark.parametrize(
    ("name", "family"),
    [
        *[(name, "q35") for name in ("q35", "pc-q35-7.2", "pc-q35-rhel9.2.0", "pc-q35-jammy")],
        *[(name, "pc") for name in ("pc", "pc-i440fx-7.2", "pc-i440fx-jammy-hpb")],
        *[(name, "virt") for name in ("virt", "virt-7.2", "virt-rhel9.2.0")],
        ("s390-ccw-virtio-7.2", "s390-ccw-virtio"),
        ("microvm", "microvm"),
        ("isapc", "isapc"),
    ],
)
def test_a_machine_has_a_family(name: str, family: str) -> None:
    assert machine.family(name) == family
    assert machine.satisfies(name, family)
    assert machine.satisfies(name, name)
    assert not machine.satisfies("pc-q35-7.1", "pc-q35-7.2")
    assert not machine.satisfies(None, family)


def test_the_chipsets_own_watchdog_is_not_looked_at() -> None:
    """From libvirt 9.1 on it is in the definition of each machine q35, and comes back when it is taken out."""
    root = xml.parse("<domain><devices><watchdog model='itco' action='reset'/></devices></domain>")
    devices = xml.ensure(root, "devices")
    assert watchdog.found(root) == "none"
    watchdog.put(devices, Watchdog("i6300esb", "pause"))
    assert [one.attrib for one in devices] == [
        {"model": "itco", "action": "pause"},
        {"model": "i6300esb", "action": "pause"},
    ]
    assert watchdog.found(root) == Watchdog("i6300esb", "pause")
    watchdog.put(devices, "none")
    assert watchdog.found(root) == "none"
    assert len(devices) == 1


def test_a_model_takes_the_place_of_a_mode_and_the_rest_stays() -> None:
    root = xml.parse(
        "<domain><cpu mode='host-model' check='partial'><topology sockets='1' cores='2'/>"
        "<feature name='aes'/></cpu></domain>"
    )
    cpu.put_model(root, "Nehalem")
    assert (cpu.mode(root, root), cpu.model(root, root), cpu.topology(root)) == ("custom", "Nehalem", Topology(cores=2))
    assert root.find("cpu/feature") is not None
    cpu.put(root, "maximum")
    assert (cpu.mode(root, root), cpu.model(root, root), cpu.topology(root)) == ("maximum", None, Topology(cores=2))


HOSTDEVS = """
<domain><devices>
  <hostdev mode='subsystem' type='pci' managed='no'>
    <source><address domain='0x0000' bus='0x01' slot='0x00' function='0x0'/></source><rom bar='off'/>
  </hostdev>
  <hostdev mode='subsystem' type='usb'>
    <source startupPolicy='optional'><vendor id='0x1234'/><product id='0xBEEF'/></source>
  </hostdev>
  <hostdev mode='subsystem' type='usb'><source><address bus='1' device='4'/></source></hostdev>
  <hostdev mode='subsystem' type='scsi'><source><adapter name='scsi_host0'/></source></hostdev>
</devices></domain>
"""


def test_devices_of_the_host_are_read_and_the_others_left_alone() -> None:
    root = xml.parse(HOSTDEVS)
    assert passthrough.devices(root, "pci_devices") == ("0000:01:00.0",)
    assert passthrough.devices(root, "usb_devices") == ("1234:beef", "bus 1 device 4")
    passthrough.put(root, "pci_devices", ("0000:01:00.0", "0000:02:1f.7"))
    assert xml.render(root).count("<rom") == 1
    assert passthrough.devices(root, "pci_devices") == ("0000:01:00.0", "0000:02:1f.7")
    passthrough.put(root, "usb_devices", ("1d6b:0002",))
    assert passthrough.devices(root, "usb_devices") == ("1d6b:0002",)
    assert root.find("devices/hostdev[@type='scsi']") is not None


@pytest.mark.parametrize(("source", "name"), [
    ("<address bus='1' port='1.2'/>", "bus 1 port 1.2"), ("<vendor id='0x046d'/>", "unknown"), ("", "unknown"),
])  # fmt: skip
def test_a_usb_device_that_others_named_otherwise_is_read_and_can_go(source: str, name: str) -> None:
    root = xml.parse(
        f"<domain><devices><hostdev mode='subsystem' type='usb'><source>{source}</source></hostdev></devices></domain>"
    )
    assert passthrough.devices(root, "usb_devices") == (name,)
    passthrough.put(root, "usb_devices", ())
    assert passthrough.devices(root, "usb_devices") == ()
