# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What somebody changed with virsh is seen by a check run, and mended by a run with the least change."""

from __future__ import annotations

import os
from typing import Any

import libvirt
import pytest

from ansible_collections.hostforge.hypervisor.tests.integration import foreign
from ansible_collections.hostforge.hypervisor.tests.integration.daemon import POOLS
from ansible_collections.hostforge.hypervisor.tests.integration.runs import (
    define,
    guest,
    hot,
    live,
    mend,
    paths,
    stored,
    virsh,
)

MAC = "52:54:00:0a:0b:0c"
ISO = "/var/lib/hostforge/tools.iso"
WISH: dict[str, Any] = {
    "name": "web1",
    "description": "front end",
    "vcpus": 2,
    "vcpus_max": 4,
    "memory": "192 MiB",
    "memory_max": "192 MiB",
    "disks": [{"name": "root", "size": "64 MiB"}, {"name": "data", "size": "32 MiB"}],
    "cdroms": [{"source": ISO}],
    "boot_order": ["disk", "cdrom"],
    "nics": [{"network": "default", "mac": MAC, "link": "up"}],
    "autostart": True,
    "state": "stopped",
}
ON = {**WISH, "state": "running"}


@pytest.fixture
def web1(kvm: libvirt.virConnect) -> libvirt.virDomain:
    """The guest of the wish, off."""
    foreign.make_disk(ISO, "raw")
    guest(**WISH)
    return kvm.lookupByName("web1")


@pytest.fixture
def running(web1: libvirt.virDomain) -> libvirt.virDomain:
    """The guest of the wish, running."""
    assert guest(**ON)["changed"]
    return web1


ROOT = f"{POOLS['default']}/web1.root.qcow2"
DATA = f"{POOLS['default']}/web1.data.qcow2"
# What is done with virsh, and all that mends it.
STORED = {
    "description": (["desc", "web1", "--config", "something else"], ["set description"]),
    "fewer vcpus": (["setvcpus", "web1", "1", "--config"], ["set vcpus"]),
    "lower maximum": (["setvcpus", "web1", "2", "--maximum", "--config"], ["set vcpus_max"]),
    "less memory": (["setmem", "web1", "128M", "--config"], ["set memory"]),
    "more memory": (["setmaxmem", "web1", "256M", "--config"], ["set memory_max"]),
    "cable out": (["domif-setlink", "web1", MAC, "down", "--config"], [f"set nics.link {MAC}"]),
    "disk gone": (["detach-disk", "web1", "vdb", "--config"], ["add disks data"]),
    "card gone": (["detach-interface", "web1", "network", "--mac", MAC, "--config"], [f"add nics {MAC}"]),
    "medium gone": (["change-media", "web1", "sda", "--eject", "--config"], ["set cdroms.source sda"]),
    "no autostart": (["autostart", "web1", "--disable"], ["set autostart"]),
    "started": (["start", "web1"], ["stop state"]),
}


@pytest.mark.parametrize(("done", "mended"), STORED.values(), ids=STORED)
def test_drift_of_a_guest_that_is_off(web1: libvirt.virDomain, done: list[str], mended: list[str]) -> None:
    before = web1.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE)
    virsh(*done)
    assert mend(**WISH, restart="force", shutdown_timeout=0) == mended
    if mended[0].startswith(("set", "stop")) and "cdrom" not in mended[0]:
        assert web1.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE) == before


LIVE = {
    "vcpus": (["setvcpus", "web1", "3", "--config"], ["set vcpus"], [False]),
    "description": (["desc", "web1", "--live", "something else"], ["set description"], [True]),
    "description of both": (["desc", "web1", "--live", "--config", "something else"], ["set description"], [True]),
    "medium": (["change-media", "web1", "sda", "--eject", "--live"], ["set cdroms.source sda"], [True]),
    "cable out": (["domif-setlink", "web1", MAC, "down"], [f"set nics.link {MAC}"], [True]),
    "autostart": (["autostart", "web1", "--disable"], ["set autostart"], [True]),
    "paused": (["suspend", "web1"], ["start state"], [False]),
    "cut": (["destroy", "web1"], ["start state"], [False]),
}


@pytest.mark.parametrize(("done", "mended", "at_once"), LIVE.values(), ids=LIVE)
def test_drift_of_a_running_guest(
    running: libvirt.virDomain, done: list[str], mended: list[str], at_once: list[bool]
) -> None:
    virsh(*done)
    assert hot(guest(check=True, **ON)) == at_once
    assert mend(**ON) == mended


def test_a_disk_that_was_attached_to_the_running_guest_only(running: libvirt.virDomain) -> None:
    """Without a system the guest does not let go of it; that takes a restart."""
    path = foreign.make_disk(f"{POOLS['default']}/more.qcow2", "qcow2")
    virsh("attach-disk", "web1", path, "vdc", "--subdriver", "qcow2", "--live")
    result = guest(check=True, **ON)
    assert [action["key"] for action in result["guests"][0]["actions"]] == ["vdc"]
    assert mend(**{**ON, "state": "stopped"}, restart="force", shutdown_timeout=0) == ["stop state"]
    assert paths(stored("web1")) == [ROOT, DATA]


def test_a_card_that_was_attached_is_taken_out_of_the_definition(web1: libvirt.virDomain) -> None:
    virsh("attach-interface", "web1", "network", "second", "--mac", "52:54:00:01:02:03", "--config")
    assert mend(**WISH) == ["remove nics 52:54:00:01:02:03"]


def test_a_guest_that_was_undefined_is_made_again_with_its_disks(web1: libvirt.virDomain) -> None:
    inodes = [os.stat(path).st_ino for path in (ROOT, DATA)]
    virsh("undefine", "web1")
    assert mend(**WISH) == ["create guest"]
    assert [os.stat(path).st_ino for path in (ROOT, DATA)] == inodes


def test_a_running_guest_that_was_undefined(running: libvirt.virDomain) -> None:
    """It runs on, but libvirt forgets it when it stops. It gets a definition again."""
    virsh("undefine", "web1")
    boot = virsh("domid", "web1")
    assert mend(**ON) == ["set definition", "set autostart"]
    assert virsh("domid", "web1") == boot
    assert running.isPersistent()


def test_a_definition_that_was_edited_at_many_places(web1: libvirt.virDomain) -> None:
    root = stored("web1")
    root.find("os/boot").set("dev", "network")  # type: ignore[union-attr]
    root.find("vcpu").set("current", "4")  # type: ignore[union-attr]
    root.find("devices/interface/model").set("type", "e1000")  # type: ignore[union-attr]
    root.find("devices/interface/source").set("network", "second")  # type: ignore[union-attr]
    define(root)
    wish = {**WISH, "nics": [{**WISH["nics"][0], "model": "virtio"}]}
    assert mend(**wish) == ["set boot_order", "set vcpus", f"set nics.source {MAC}", f"set nics.model {MAC}"]


# What is written, what somebody edits, and all that mends it.
EDITED: dict[str, tuple[dict[str, Any], str, dict[str, str], str]] = {
    "boot order": ({}, "os/boot", {"dev": "network"}, "set boot_order"),
    "machine": ({"machine": "pc-q35-7.2"}, "os/type", {"machine": "pc-q35-7.1"}, "set machine"),
    "cpu mode": ({"cpu_mode": "maximum"}, "cpu", {"mode": "host-model"}, "set cpu_mode"),
    "topology": (
        {"topology": {"sockets": 4}},
        "cpu/topology",
        {"sockets": "1", "threads": "4"},
        "set topology",
    ),
    "watchdog": ({"watchdog": {"action": "pause"}}, "devices/watchdog", {"action": "none"}, "set watchdog"),
    "graphics": ({"graphics": "vnc"}, "devices/graphics", {"type": "spice"}, "set graphics"),
    "raw xml": (
        {
            "xml": [
                {"path": "features/pae", "element": "<pae/>"},
                {"path": "features/hap", "element": "<hap state='off'/>"},
            ]
        },
        "features/hap",
        {"state": "on"},
        "set xml features/hap",
    ),
}


@pytest.mark.parametrize(("kvm_options", "place", "edit", "mended"), EDITED.values(), ids=EDITED)
def test_drift_of_a_definition_that_was_edited(
    web1: libvirt.virDomain, kvm_options: dict[str, Any], place: str, edit: dict[str, str], mended: str
) -> None:
    wish = {**WISH, "kvm": {"type": "qemu", **kvm_options}}
    guest(**wish)
    before = web1.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE)
    root = stored("web1")
    found = root.find(place)
    assert found is not None
    found.attrib.update(edit)
    define(root)
    assert mend(**wish) == [mended]
    after = web1.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE)
    assert sorted(after.splitlines()) == sorted(before.splitlines())


def test_what_runs_and_what_is_stored_are_mended_each(running: libvirt.virDomain) -> None:
    virsh("update-device", "web1", "--live", *card("second"))
    assert mend(**ON) == [f"set nics.source {MAC}"]
    assert live("web1").find("devices/interface/source").get("network") == "default"  # type: ignore[union-attr]


def card(network: str) -> list[str]:
    """A file with the definition of the card, on another network."""
    path = "/run/card.xml"
    with open(path, "w") as file:
        file.write(
            f"<interface type='network'><mac address='{MAC}'/><source network='{network}'/>"
            "<model type='virtio'/></interface>"
        )
    return [path]
