# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A running guest that does nothing of what it is asked: all else is done, and it is told what was not."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import Any

import libvirt
import pytest

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm import live
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.traits import OWN
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.engine import converge
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.resource import Outcome
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.spec import parse_wishes
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Guest
from ansible_collections.hostforge.hypervisor.tests.integration.kvm_subject import KvmSubject
from ansible_collections.hostforge.hypervisor.tests.integration.runs import (
    EMULATED,
    actions,
    attempt,
    guest,
    mend,
    stored,
    virsh,
)

MAC = "52:54:00:0a:0b:0c"
WISH: dict[str, Any] = {
    "name": "mute",
    "kvm": EMULATED,
    "state": "running",
    "memory": "128 MiB",
    "disks": [{"name": "root", "size": "16 MiB"}, {"name": "data", "size": "16 MiB"}],
    "nics": [{"network": "default", "mac": MAC}],
}


@pytest.fixture
def mute(kvm: libvirt.virConnect) -> libvirt.virDomain:
    """A guest that runs without a system."""
    guest(**WISH)
    return kvm.lookupByName("mute")


def converged(host: libvirt.virConnect, /, **options: Any) -> Outcome[Guest]:
    """A run in this process, where waiting can be shortened."""
    (outcome,) = converge(KvmSubject(host).make_driver(), parse_wishes(options, "kvm", OWN), check_mode=False)
    return outcome


def test_the_rest_of_the_wish_is_done(
    kvm: libvirt.virConnect, mute: libvirt.virDomain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "GUEST_WORKS_S", 1)
    wish = {**WISH, "disks": [WISH["disks"][0], {"name": "more", "size": "16 MiB"}], "nics": [], "description": "new"}
    outcome = converged(kvm, **wish)
    assert outcome.error == (
        "remove disks data: the guest did not let go of it within 1 s; it goes when the guest is restarted; "
        f"remove nics {MAC}: the guest did not let go of it within 1 s; it goes when the guest is restarted"
    )
    root = stored("mute")
    assert root.findtext("description") == "new"
    assert root.findall("devices/interface") == []
    assert [one.get("file", "").split(".")[-2] for one in root.findall("devices/disk/source")] == ["root", "more"]
    assert len(mute.XMLDesc().split("<disk ")) == 4, "the new disk is not in the running guest"
    # Restarted, it has all of it.
    mute.destroy()
    mute.create()
    assert not guest(**wish)["changed"]


def test_no_data_goes_from_under_it(
    kvm: libvirt.virConnect, mute: libvirt.virDomain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "GUEST_WORKS_S", 1)
    wish = {**WISH, "disks": WISH["disks"][:1], "delete_disks": True}
    for _time in range(2):
        assert "it goes, with its data, when the guest is off" in converged(kvm, **wish).error
        assert len(stored("mute").findall("devices/disk")) == 2
    off = {**wish, "state": "stopped", "restart": "force", "shutdown_timeout": 0}
    assert mend(**off) == ["stop state", "remove disks data"]


@pytest.mark.parametrize("memory", ["96 MiB", "192 MiB"])
def test_memory_is_stored_and_a_restart_asked_for_only_where_it_helps(mute: libvirt.virDomain, memory: str) -> None:
    wish = {**WISH, "memory": memory}
    result = guest(**wish)
    # More than its maximum it gets with a restart; less than that only a balloon driver can bring.
    assert result["restart_required"] == (memory == "192 MiB")
    assert any("no balloon driver" in str(warning) for warning in result.get("warnings", [])) == (memory == "96 MiB")
    again = guest(**wish, restart="force", shutdown_timeout=0)
    assert actions(again) == (["restart state"] if memory == "192 MiB" else [])
    last = guest(**wish, restart="force", shutdown_timeout=0)
    assert not last["changed"]
    assert not last["restart_required"]


def test_a_guest_with_room_for_more_memory_needs_no_restart(kvm: libvirt.virConnect) -> None:
    wish = {**WISH, "memory_max": "256 MiB"}
    result = guest(**wish)
    assert not result["restart_required"]
    assert not result.get("warnings")
    again = guest(**wish, restart="force", shutdown_timeout=0)
    assert not again["changed"]
    assert "no balloon driver in it has taken its memory of 128 MiB yet" in str(again["warnings"])


def test_a_guest_without_a_balloon_can_be_told_too(kvm: libvirt.virConnect, mute: libvirt.virDomain) -> None:
    root = stored("mute")
    balloon = root.find("devices/memballoon")
    assert balloon is not None
    balloon.attrib = {"model": "none"}
    for child in list(balloon):
        balloon.remove(child)
    kvm.defineXML(ET.tostring(root, encoding="unicode"))
    mute.destroy()
    mute.create()
    assert mend(**{**WISH, "memory": "96 MiB"}) == ["set memory"]


def test_only_force_cuts_its_power_for_a_restart(mute: libvirt.virDomain) -> None:
    wish = {**WISH, "kvm": {**EMULATED, "graphics": "vnc"}, "shutdown_timeout": 1}
    boot = virsh("domid", "mute")
    result = guest(**wish)
    assert result["restart_required"]
    assert virsh("domid", "mute") == boot
    failed = attempt(**wish, restart="graceful")
    assert "restart state: it did not shut down within 1 s, and its power was not cut" in failed["msg"]
    assert virsh("domid", "mute") == boot
    # What is stored holds, and waits for the restart still.
    assert stored("mute").find("devices/graphics") is not None
    assert guest(**wish)["restart_required"]
    assert actions(guest(**wish, restart="force")) == ["restart state"]
    assert virsh("domid", "mute") != boot
    assert not guest(**wish)["restart_required"]
