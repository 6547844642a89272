# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Devices that the host keeps its own data on are no guest's: looked for in a tree like that of sysfs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm import (
    check_own,
    existing,
    passthrough,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.abilities import Facts
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import PlanError
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Guest

DISKS, CARD, STICK = "0000:00:03.0", "0000:01:00.0", "0951:1666"


class Nobody:
    """A simulator of a host's guests, of which there are none."""

    def held(self, _name: str) -> set[tuple[str, str]]:
        return set()

    def holders(self, _option: str, _device: str) -> list[str]:
        return []

    def is_running(self, _name: str) -> bool:
        return False


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A controller with the disk vda and its partition, a card, and a USB stick with the disk sda."""
    real = tmp_path / "devices"
    for folder in (f"{DISKS}/virtio0/block/vda/vda1", CARD, "usb1/1-1/1-1:1.0/host2/block/sda"):
        (real / folder).mkdir(parents=True)
    for part, text in zip(("idVendor", "idProduct"), STICK.split(":"), strict=True):
        (real / "usb1/1-1" / part).write_text(f"{text}\n")
    for kind, paths in {
        "pci": (DISKS, CARD),
        "usb": ("usb1/1-1", "usb1/1-1/1-1:1.0"),
        "block": (f"{DISKS}/virtio0/block/vda", f"{DISKS}/virtio0/block/vda/vda1", "usb1/1-1/1-1:1.0/host2/block/sda"),
    }.items():
        (tmp_path / kind).mkdir()
        for path in paths:
            (tmp_path / kind / Path(path).name).symlink_to(real / path)
    monkeypatch.setattr(passthrough, "PCI_FOLDER", str(tmp_path / "pci"))
    monkeypatch.setattr(passthrough, "USB_FOLDER", str(tmp_path / "usb"))
    monkeypatch.setattr(passthrough, "BLOCK_FOLDER", str(tmp_path / "block"))
    return tmp_path


def uses(**found: str) -> Callable[[str], list[str]]:
    return lambda path: [found[path.rpartition("/")[2]]] if path.rpartition("/")[2] in found else []


def refusal(look: Callable[[Guest, Facts], None], option: str, device: str) -> str:
    facts = Facts(None, Nobody(), None)  # type: ignore[arg-type]
    try:
        look(Guest("a", "running", options=((option, (device,)),)), facts)
    except PlanError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("look", [check_own._check_host_devices, check_own._take_host_devices])
def test_what_the_host_has_its_data_on_is_refused(
    host: Path, monkeypatch: pytest.MonkeyPatch, look: Callable[[Guest, Facts], None]
) -> None:
    monkeypatch.setattr(existing, "uses", uses(vda1="mounted at /", sda="as swap"))
    says = "{} holds /dev/{}, which is in use by the host itself ({})"
    assert says.format(f"pci_devices: {DISKS}", "vda1", "mounted at /") in refusal(look, "pci_devices", DISKS)
    assert says.format(f"usb_devices: {STICK}", "sda", "as swap") in refusal(look, "usb_devices", STICK)
    assert refusal(look, "pci_devices", CARD) == ""


def test_disks_that_nobody_uses_go_with_their_controller(host: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(existing, "uses", uses())
    assert refusal(check_own._check_host_devices, "pci_devices", DISKS) == ""
    assert refusal(check_own._check_host_devices, "usb_devices", STICK) == ""
