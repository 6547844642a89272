# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Guests that the real virt-install made, which is also how virt-manager makes them, are taken over by name."""

from __future__ import annotations

from typing import Any

import libvirt
import pytest

from ansible_collections.hostforge.hypervisor.tests.integration import foreign
from ansible_collections.hostforge.hypervisor.tests.integration.private import run
from ansible_collections.hostforge.hypervisor.tests.integration.rich_guest import differences
from ansible_collections.hostforge.hypervisor.tests.integration.runs import (
    EMULATED,
    guest,
    live,
    mend,
    module,
    stored,
)

DISK = "/var/lib/libvirt/images/vi1.qcow2"
FIRMWARES = {"bios": (), "uefi": ("--boot", "uefi")}


@pytest.fixture(params=FIRMWARES)
def firmware(kvm: libvirt.virConnect, request: pytest.FixtureRequest) -> str:
    """The firmware of the running guest vi1, as virt-install makes it."""
    foreign.make_disk(DISK, "qcow2")
    command = [*("virt-install", "--connect", kvm.getURI(), "--virt-type", "qemu", "--name", "vi1"), "--noautoconsole"]
    sizes = ["--memory", "128", "--vcpus", "1,maxvcpus=2", "--osinfo", "linux2020"]
    devices = ["--import", "--disk", f"path={DISK}", "--network", "network=default", "--graphics", "vnc"]
    run(*command, *sizes, *devices, "--tpm", "none", *FIRMWARES[request.param])
    firmware: str = request.param
    return firmware


def wish(firmware: str, **more: Any) -> dict[str, Any]:
    """What virt-install was told, in the words of the guest specification."""
    card = stored("vi1").find("devices/interface/mac")
    return {
        "name": "vi1",
        "state": "running",
        "memory": "128 MiB",
        "vcpus": 1,
        "vcpus_max": 2,
        "firmware": firmware,
        "disks": [{"name": "vda", "bus": "virtio"}],
        "nics": [{"network": "default", "mac": "" if card is None else card.get("address")}],
        "kvm": {**EMULATED, "graphics": "vnc"},
        **more,
    }


def test_what_it_made_is_as_wished(firmware: str) -> None:
    before = stored("vi1"), live("vi1")
    assert not guest(**wish(firmware))["changed"]
    assert differences(before[0], stored("vi1")) == differences(before[1], live("vi1")) == ([], [])


def test_an_edit_while_it_runs_leaves_the_rest_as_it_was(firmware: str) -> None:
    before = stored("vi1")
    assert mend(**wish(firmware, description="taken over", vcpus=2)) == ["set description", "set vcpus"]
    gone, new = differences(before, stored("vi1"))
    assert len(gone) == 1
    assert "('current', '1')" in gone[0]
    assert [line for line in new if "description" not in line and "/vcpu" not in line] == []
    assert live("vi1").findtext("description") == "taken over"


def test_its_disk_is_kept_when_it_is_removed(firmware: str) -> None:
    result = guest(name="vi1", state="absent", delete_disks=True, restart="force", shutdown_timeout=1)
    assert result["guests"][0]["kept_disks"] == [DISK]
    assert module("kvm_guest_info")["guests"] == []
    assert run("stat", "--format=%n", DISK).strip() == DISK
