# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""kvm_network from options to libvirt: what is planned, that a repeat does nothing, that check mode predicts the run.

The module hostforge.hypervisor.kvm_network is these parts and a main() of a few lines.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import Any

import pytest

from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import SpecError
from ansible_collections.hostforge.hypervisor.tests.unit.kvm_pool_network.conftest import Cards, Run, verbs
from ansible_collections.hostforge.hypervisor.tests.unit.kvm_pool_network.fake_libvirt import Fake

A, B = "52:54:00:00:00:0a", "52:54:00:00:00:0b"
NAT: dict[str, Any] = {"name": "n", "mode": "nat", "bridge": "virbr0", "address": "10.9.0.1/24"}
DHCP = {"start": "10.9.0.10", "end": "10.9.0.20", "hosts": [{"mac": A, "address": "10.9.0.5", "name": "a"}]}
FULL = {**NAT, "dhcp": DHCP}
GUEST = "<domain><devices><interface type='network'><source network='n'/></interface></devices></domain>"
FOREIGN = """<network xmlns:dnsmasq='http://libvirt.org/schemas/network/dnsmasq/1.0'><name>n</name><uuid>u</uuid>
  <forward mode='nat'><nat><port start='1024' end='2000'/></nat></forward>
  <bridge name='virbr0' stp='on' delay='0'/><mac address='52:54:00:99:99:99'/><mtu size='1500'/>
  <dns><txt name='x' value='y'/></dns>
  <ip address='10.9.0.1' netmask='255.255.255.0'><tftp root='/srv'/>
    <dhcp><range start='10.9.0.10' end='10.9.0.20'><lease expiry='1'/></range><bootp file='p'/></dhcp></ip>
  <dnsmasq:options><dnsmasq:option value='no-negcache'/></dnsmasq:options></network>"""


def test_create_repeat_stop_start_absent_repeat(networks: Run, libvirt: Fake) -> None:
    assert verbs(networks(FULL)[0]) == ["create network", "start state"]
    assert verbs(networks(FULL)[0]) == []
    assert verbs(networks({**FULL, "state": "stopped"})[0]) == ["stop state"]
    assert verbs(networks({**FULL, "state": "stopped"})[0]) == []
    assert verbs(networks(FULL)[0]) == ["start state"]
    assert verbs(networks({"name": "n", "state": "absent"})[0]) == ["stop state", "remove network"]
    assert verbs(networks({"name": "n", "state": "absent"})[0]) == []
    assert libvirt.networks == {}


EDITS = [
    ({"domain": "x.example"}, ["set domain", "restart state"]),
    ({"mtu": 1400}, ["set mtu", "restart state"]),
    ({"mode": "isolated"}, ["set mode", "restart state"]),
    ({"mode": "route"}, ["set mode", "restart state"]),
    ({"bridge": "br9"}, ["set bridge", "restart state"]),
    ({"autostart": True}, ["set autostart"]),
    ({"dhcp": {"enabled": False}}, ["set dhcp", "restart state"]),
    ({"dhcp": {"start": "10.9.0.30", "end": "10.9.0.40"}}, ["set dhcp.range hot"]),
    ({"dhcp": {"hosts": []}}, [f"remove dhcp.hosts {A} hot"]),
    ({"dhcp": {"hosts": [{"mac": A, "address": "10.9.0.6"}]}}, [f"set dhcp.hosts {A} hot"]),
    (
        {"address": ["10.9.1.1/24", "fd00::1/64"], "dhcp": {"start": "10.9.1.10", "end": "10.9.1.20"}},
        ["set address", "set dhcp.range", "restart state"],
    ),
]


@pytest.mark.parametrize(("edit", "planned"), EDITS, ids=[str(edit) for edit, _planned in EDITS])
def test_every_edit_is_predicted_made_and_not_repeated(
    networks: Run, libvirt: Fake, edit: dict[str, Any], planned: list[str]
) -> None:
    networks(FULL)
    libvirt.writes.clear()
    wish = {"name": "n", **edit}
    assert verbs(networks(wish, check_mode=True)[0]) == planned
    assert libvirt.writes == []
    done = networks(wish)[0]
    assert (done.error, verbs(done), done.pending) == ("", planned, False)
    assert verbs(networks(wish)[0]) == []


def test_an_address_passes_from_one_host_to_a_new_one_whose_mac_sorts_first(networks: Run) -> None:
    networks({**NAT, "dhcp": {**DHCP, "hosts": [{"mac": B, "address": "10.9.0.5"}]}})
    hosts = [{"mac": A, "address": "10.9.0.5"}, {"mac": B, "address": "10.9.0.6"}]
    done = networks({"name": "n", "dhcp": {"hosts": hosts}})[0]
    assert (done.error, verbs(done)) == ("", [f"set dhcp.hosts {B} hot", f"add dhcp.hosts {A} hot"])


def test_what_we_do_not_know_survives_every_edit(networks: Run, libvirt: Fake) -> None:
    libvirt.networkDefineXML(FOREIGN)
    for edit, _planned in EDITS:
        if edit.get("dhcp") != {"enabled": False}:
            assert networks({"name": "n", **edit})[0].error == ""
    root = ET.fromstring(libvirt.networks["n"].stored)
    assert root.findtext("uuid") == "u"
    kept = ["mac[@address='52:54:00:99:99:99']", "dns/txt", "bridge[@stp='on']", "ip/dhcp/bootp", "forward"]
    assert [path for path in kept if root.find(path) is None] == []
    assert "no-negcache" in libvirt.networks["n"].stored


def test_a_mask_and_a_prefix_are_the_same_address(networks: Run, libvirt: Fake) -> None:
    libvirt.networkDefineXML(FOREIGN).create()
    assert verbs(networks({**NAT, "mtu": 1500})[0]) == []


def test_a_guest_is_not_cut_unless_it_is_allowed(networks: Run, libvirt: Fake, cards: Cards) -> None:
    networks(FULL)
    libvirt.domains.append(GUEST)
    wish = {"name": "n", "domain": "x.example"}
    done = networks(wish)[0]
    assert (verbs(done), done.pending) == (["set domain"], True)
    again = networks(wish)[0]
    assert (verbs(again), again.pending) == ([], True)
    assert not cards.calls
    forced = networks({**wish, "restart": "force"})[0]
    assert (verbs(forced), forced.pending, forced.error) == (["restart state"], False, "")
    assert cards.calls[1:] == [["ip", "link", "set", "dev", "vnet0", "master", "virbr0"]]


def test_dhcp_does_not_go_hot_into_a_network_that_waits_for_its_new_address(networks: Run, libvirt: Fake) -> None:
    networks(FULL)
    libvirt.domains.append(GUEST)
    wish = {"name": "n", "address": "10.8.0.1/24", "dhcp": {"start": "10.8.0.10", "end": "10.8.0.20"}}
    done = networks(wish)[0]
    assert (verbs(done), done.pending, done.error) == (["set address", "set dhcp.range"], True, "")


def test_a_guest_on_the_bridge_itself_counts_too(networks: Run, libvirt: Fake) -> None:
    networks(FULL)
    libvirt.domains.append("<domain><devices><interface><source bridge='virbr0'/></interface></devices></domain>")
    assert networks({"name": "n", "mtu": 1400})[0].pending


def test_a_network_that_was_never_stored_is_stored(networks: Run, libvirt: Fake) -> None:
    networks(FULL)
    libvirt.networks["n"].persistent = False
    assert verbs(networks({"name": "n", "autostart": True})[0]) == ["set persistent", "set autostart"]
    libvirt.networks["n"].persistent = False
    gone = networks({"name": "n", "state": "absent"})[0]
    assert (gone.error, libvirt.networks) == ("", {})


@pytest.mark.parametrize(
    ("wish", "says"),
    [
        ({"name": "new"}, "needs an address"),
        ({"name": "new", "mode": "bridge"}, "needs bridge"),
        ({"name": "n", "mode": "bridge", "bridge": "br0"}, "cannot become bridge"),
        ({"name": "n", "address": "10.8.0.1/24"}, "outside 10.8.0.1/24"),
        ({"name": "n", "address": "fd00::1/64"}, "needs an IPv4 address"),
        ({"name": "n", "dhcp": {"start": "10.8.0.10", "end": "10.8.0.20"}}, "outside 10.9.0.1/24"),
    ],
)
def test_what_cannot_be_is_refused_and_the_others_are_made(
    networks: Run, libvirt: Fake, wish: dict[str, Any], says: str
) -> None:
    networks(FULL)
    libvirt.writes.clear()
    refused, made = networks(wish, {"name": "other", "mode": "isolated"})
    assert says in refused.error
    assert (made.error, [write for write in libvirt.writes if "other" not in write]) == ("", [])


@pytest.mark.parametrize(
    ("wish", "says"),
    [
        ({"address": "10.9.0.1"}, "lacks its prefix"),
        ({"address": "10.9.0.0/24"}, "the network itself"),
        ({"address": "x/24"}, "does not appear"),
        ({"address": "10.9.0.1/24", "dhcp": {"start": "10.8.0.1", "end": "10.8.0.2"}}, "not inside"),
        ({"dhcp": {"start": "10.9.0.9", "end": "10.9.0.1"}}, "not before start"),
        ({"dhcp": {"hosts": [{"mac": "x", "address": "10.9.0.1"}]}}, "six pairs"),
        (
            {"dhcp": {"hosts": [{"mac": A, "address": "10.9.0.1"}, {"mac": A, "address": "10.9.0.2"}]}},
            "may be there once",
        ),
        ({"mode": "bridge", "bridge": "br0", "address": "10.9.0.1/24"}, "none of its own"),
        ({"bridge": "a/b"}, "1 to 15 characters"),
        ({"domain": "a_b"}, "DNS name"),
        ({"mtu": 1}, "68"),
    ],
)
def test_what_is_written_wrong_is_told_before_libvirt_is_asked(networks: Run, wish: dict[str, Any], says: str) -> None:
    with pytest.raises(SpecError, match=says):
        networks({"name": "n", **wish})


def test_each_name_may_be_there_once(networks: Run) -> None:
    with pytest.raises(SpecError, match="listed more than once"):
        networks({"name": "n"}, {"name": "n"})


def test_the_task_s_options_are_the_defaults_of_each(networks: Run) -> None:
    made = networks({"name": "a"}, {"name": "b", "autostart": False}, mode="isolated", autostart=True)
    assert [(one.after.mode, one.after.autostart) for one in made] == [("isolated", True), ("isolated", False)]
