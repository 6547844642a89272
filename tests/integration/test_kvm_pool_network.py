# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pools and networks on a real libvirt: every edit is predicted, made, not repeated, and seen in its own files."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import libvirt
import pytest

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.network_driver import NetworkDriver
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.network_spec import parse_networks
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.pool_driver import PoolDriver, find_id
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.pool_spec import parse_pools
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.engine import converge
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.module_host import ModuleHost
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.resource import Outcome
from ansible_collections.hostforge.hypervisor.tests.integration import private

URI = "qemu:///system"
A, B = "52:54:00:00:00:0a", "52:54:00:00:00:0b"
NAT: dict[str, Any] = {"name": "tn", "mode": "nat", "bridge": "tnbr", "address": ["10.99.0.1/24"]}
GUEST = """<domain type='qemu'><name>plugged</name><memory>32768</memory><os><type>hvm</type></os><devices>
  <interface type='network'><source network='tn'/><model type='virtio'/></interface></devices></domain>"""


def networks(*entries: dict[str, Any], check_mode: bool = False) -> list[Outcome[Any]]:
    return converge(NetworkDriver(URI, ModuleHost()), parse_networks({"networks": list(entries)}), check_mode)


def pools(*entries: dict[str, Any], check_mode: bool = False) -> list[Outcome[Any]]:
    return converge(PoolDriver(URI), parse_pools({"pools": list(entries)}, find_id), check_mode)


def dhcp(start: int, *hosts: tuple[str, int]) -> dict[str, Any]:
    fixed = [{"mac": mac, "address": f"10.99.0.{last}"} for mac, last in hosts]
    return {"enabled": True, "start": f"10.99.0.{start}", "end": "10.99.0.200", "hosts": fixed}


def cards(bridge: str) -> list[str]:
    return [link["ifname"] for link in json.loads(private.run("ip", "-json", "link", "show", "master", bridge)) if link]


@pytest.fixture
def network(host: libvirt.virConnect) -> Iterator[dict[str, Any]]:
    wish = {**NAT, "dhcp": dhcp(100, (A, 5))}
    assert networks(wish)[0].error == ""
    yield wish
    assert networks({"name": "tn", "state": "absent"})[0].error == ""


@pytest.fixture
def guest(host: libvirt.virConnect, network: dict[str, Any]) -> Iterator[None]:
    domain = host.createXML(GUEST, 0)
    yield
    domain.destroy()


EDITS: list[dict[str, Any]] = [
    {"dhcp": dhcp(120, (A, 5))},
    {"dhcp": dhcp(100, (B, 5))},
    {"dhcp": dhcp(100, (A, 6), (B, 5))},
    {"dhcp": {"enabled": False}},
    {
        "address": ["10.98.0.1/24", "fd00:98::1/64"],
        "dhcp": {"enabled": True, "start": "10.98.0.9", "end": "10.98.0.99"},
    },
    {"mode": "isolated", "domain": "x.example", "mtu": 1400},
    {"mode": "open"},
    {"bridge": "tnbr2"},
    {"autostart": True},
    {"state": "stopped"},
    {"state": "stopped", "mode": "route", "dhcp": dhcp(120)},
]


@pytest.mark.parametrize("edit", EDITS, ids=str)
def test_a_network_follows_every_edit(network: dict[str, Any], edit: dict[str, Any]) -> None:
    wish = {**network, **edit}
    predicted = networks(wish, check_mode=True)[0]
    done = networks(wish)[0]
    assert predicted.changes
    assert (done.error, done.changes, done.pending) == ("", predicted.changes, False)
    assert networks(wish)[0].changes == ()


def test_dhcp_changes_reach_the_server_that_runs(network: dict[str, Any]) -> None:
    folder = Path("/var/lib/libvirt/dnsmasq")
    assert networks({**network, "dhcp": dhcp(120, (A, 6), (B, 5))})[0].error == ""
    assert "dhcp-range=10.99.0.120,10.99.0.200" in (folder / "tn.conf").read_text()
    assert sorted((folder / "tn.hostsfile").read_text().split()) == [f"{A},10.99.0.6", f"{B},10.99.0.5"]


@pytest.mark.usefixtures("guest")
def test_a_guest_keeps_its_link_until_a_restart_is_allowed_and_gets_it_back_then(network: dict[str, Any]) -> None:
    before = cards("tnbr")
    assert len(before) == 1
    wish = {**network, "domain": "x.example"}
    for _run in range(2):
        done = networks(wish)[0]
        assert (done.error, done.pending, cards("tnbr")) == ("", True, before)
    forced = networks({**wish, "restart": "force"})[0]
    assert (forced.error, forced.pending, cards("tnbr")) == ("", False, before)
    assert networks({**wish, "mtu": 1400})[0].pending, "a guest that was plugged in again still counts"


def test_uuid_mac_and_what_we_do_not_know_survive(host: libvirt.virConnect, network: dict[str, Any]) -> None:
    handle = host.networkLookupByName("tn")
    xml = handle.XMLDesc(1).replace("<ip ", "<dns><txt name='n' value='v'/></dns><ip ", 1)
    host.networkDefineXML(xml)
    assert networks({**network, "mode": "route", "dhcp": dhcp(120)})[0].error == ""
    after = handle.XMLDesc(1)
    assert "<txt name='n' value='v'/>" in after
    kept = [line for line in xml.splitlines() if "<uuid>" in line or "<mac address" in line]
    assert len(kept) == 2
    assert all(line in after for line in kept)


def test_a_pool_is_made_changed_and_forgotten_and_its_volumes_stay(host: libvirt.virConnect, tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    assert pools({"name": "tp", "path": str(first), "autostart": True})[0].error == ""
    volume = "<volume><name>v</name><capacity>4096</capacity></volume>"
    host.storagePoolLookupByName("tp").createXML(volume, 0)
    refused = pools({"name": "tp", "path": str(second)})[0]
    assert "holds 1" in refused.error
    assert host.storagePoolLookupByName("tp").isActive()
    for edit in (
        {"mode": "0750", "owner": "libvirt-qemu"},
        {"path": str(second), "repoint": True},
        {"autostart": False},
    ):
        wish = {"name": "tp", **edit}
        predicted, done = pools(wish, check_mode=True)[0], pools(wish)[0]
        assert (done.error, done.changes, pools(wish)[0].changes) == ("", predicted.changes, ())
    assert pools({"name": "tp", "state": "absent"})[0].error == ""
    assert ((first / "v").exists(), second.is_dir()) == (True, True)
    assert first.stat().st_mode & 0o777 == 0o750


def test_permissions_changed_behind_libvirt_s_back_are_mended(host: libvirt.virConnect, tmp_path: Path) -> None:
    wish = {"name": "tp", "path": str(tmp_path / "p"), "mode": "0711"}
    pools(wish)
    (tmp_path / "p").chmod(0o777)
    assert [(change.field, change.before) for change in pools(wish)[0].changes if change.verb == "set"] == [
        ("mode", "777")
    ]
    assert (tmp_path / "p").stat().st_mode & 0o777 == 0o711
    pools({"name": "tp", "state": "absent"})


def test_what_was_never_stored_is_stored_or_goes(host: libvirt.virConnect, tmp_path: Path) -> None:
    network = "<network><name>tn</name><bridge name='tnbr'/><ip address='10.97.0.1' netmask='255.255.255.0'/></network>"
    pool = f"<pool type='dir'><name>tp</name><target><path>{tmp_path}</path></target></pool>"
    for name, make, run in (
        ("tn", lambda: host.networkCreateXML(network), networks),
        ("tp", lambda: host.storagePoolCreateXML(pool), pools),
    ):
        make()
        assert run({"name": name, "autostart": True})[0].error == ""
        assert run({"name": name, "state": "absent"})[0].error == ""
        make()
        assert run({"name": name, "state": "absent"})[0].error == ""


def test_one_failure_stops_no_other(host: libvirt.virConnect, tmp_path: Path) -> None:
    failed, made = pools(
        {"name": "tl", "type": "logical", "source": {"name": "no-such-group"}}, {"name": "tp", "path": str(tmp_path)}
    )
    assert "libvirt says" in failed.error
    assert made.error == ""
    pools({"name": "tl", "state": "absent"}, {"name": "tp", "state": "absent"})
