# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which source is asked for which card, and what of its answer counts. libvirt and its guests are fakes here."""

from __future__ import annotations

import threading
import time
import xml.etree.ElementTree as ET
from typing import Any

import libvirt
import pytest

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm import addresses
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.addresses import (
    Address,
    Addresses,
    Asked,
    Card,
    Lease,
    from_agent,
    from_neighbours,
    has_agent,
    is_reachable,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.module_host import ModuleHost

ONE, TWO, THREE = (f"52:54:00:00:00:0{number}" for number in (1, 2, 3))
NS = 10**9


class Domain:
    """A guest of which only the agent is of interest. answer: what it says, or None to hang."""

    def __init__(self, name: str, answer: dict[str, Any] | None = None) -> None:
        self._name = name
        self.answer = answer
        self.asked = 0

    def name(self) -> str:
        return self._name

    def connect(self) -> Domain:
        return self

    def getURI(self) -> str:  # noqa: N802
        return "qemu+ssh://elsewhere/system"

    def interfaceAddresses(self, source: int) -> dict[str, Any]:  # noqa: N802
        assert source == libvirt.VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_AGENT
        self.asked += 1
        if self.answer is None:
            threading.Event().wait(60)
        if not self.answer:
            raise libvirt.libvirtError("the agent is silent")
        return self.answer


class Network:
    """A network with leases, or one that has just been stopped."""

    def __init__(self, leases: list[dict[str, Any]] | None) -> None:
        self._leases = leases

    def DHCPLeases(self) -> list[dict[str, Any]]:  # noqa: N802
        if self._leases is None:
            raise libvirt.libvirtError("it is not active")
        return self._leases


class Connection:
    """A libvirt with networks."""

    def __init__(self, *networks: Network) -> None:
        self._networks = networks

    def listAllNetworks(self, _flags: int) -> tuple[Network, ...]:  # noqa: N802
        return self._networks


def lease(mac: str, address: str, expires: int = 100) -> dict[str, Any]:
    return {"mac": mac.upper(), "ipaddr": address, "prefix": 24, "expirytime": expires}


def interface(mac: str, *found: str) -> dict[str, Any]:
    return {"hwaddr": mac, "addrs": [{"addr": one, "prefix": 64 if ":" in one else 24} for one in found] or None}


def find(connection: Any, guests: dict[str, Any], further: Any = (), stale: Any = ()) -> dict[str, tuple[Card, ...]]:
    return Addresses(connection, ModuleHost(), stale).find(guests, further)


def test_each_card_has_the_first_source_that_knows_of_it() -> None:
    domain = Domain("a", {"eth0": interface(ONE, "192.0.2.9"), "eth1": interface(TWO, "198.51.100.2", "2001:db8::2")})
    connection = Connection(Network(None), Network([lease(ONE, "192.0.2.1"), lease(THREE, "192.0.2.3")]))
    found = find(connection, {"a": Asked(domain, (ONE, TWO), True)}, {"a"})  # type: ignore[arg-type]
    assert found["a"] == (
        Card(ONE, (Address("192.0.2.1", 24, "lease"),)),
        Card(TWO, (Address("198.51.100.2", 24, "agent"), Address("2001:db8::2", 64, "agent"))),
    )


@pytest.mark.parametrize(
    ("macs", "connected", "further", "asked"),
    [
        ((ONE,), True, {"a"}, 0),  # it has a lease
        ((ONE, TWO), True, set(), 0),  # nobody wants to know
        ((ONE, TWO), False, {"a"}, 0),  # it has no agent
        ((), True, {"a"}, 0),  # it has no cards
        ((ONE, TWO), True, {"a"}, 1),
    ],
)
def test_an_agent_is_asked_only_for_what_nobody_else_knows(
    macs: tuple[str, ...], connected: bool, further: set[str], asked: int
) -> None:
    domain = Domain("a", {})
    guest = Asked(domain, macs, connected)  # type: ignore[arg-type]
    find(Connection(Network([lease(ONE, "192.0.2.1")])), {"a": guest}, further)
    assert domain.asked == asked


def test_agents_that_hang_cost_a_limited_time_and_do_not_hide_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(addresses, "AGENTS_ANSWER_S", 1)
    answers = {"eth0": interface(ONE, "192.0.2.1")}
    domains = [Domain(f"a{number}", None if number < addresses.ASKERS - 1 else answers) for number in range(40)]
    guests: dict[str, Any] = {one.name(): Asked(one, (ONE,), True) for one in domains}  # type: ignore[arg-type]
    begin = time.monotonic()
    found = find(Connection(), guests, set(guests))
    assert time.monotonic() - begin < 30
    assert sum(bool(cards[0].addresses) for cards in found.values()) == 40 - (addresses.ASKERS - 1)


def test_a_lease_from_before_the_start_does_not_count_but_one_for_ever_does() -> None:
    guests: dict[str, Any] = {"a": Asked(Domain("a"), (ONE, TWO), False)}  # type: ignore[arg-type]
    old = {Lease(ONE, Address("192.0.2.1", 24, "lease"), 100), Lease(TWO, Address("192.0.2.2", 24, "lease"), 0)}
    leases = [lease(ONE, "192.0.2.1", 100), lease(TWO, "192.0.2.2", 0)]
    (first, second) = find(Connection(Network(leases)), guests, stale=old)["a"]
    assert (len(first.addresses), len(second.addresses)) == (0, 1)
    (first, _second) = find(Connection(Network([lease(ONE, "192.0.2.1", 101)])), guests, stale=old)["a"]
    assert len(first.addresses) == 1


def test_of_what_an_agent_sees_only_the_cards_count() -> None:
    seen = {
        "lo": interface("00:00:00:00:00:00", "127.0.0.1", "::1"),
        "eth0": interface(ONE.upper(), "192.0.2.1", "fe80::1"),
        "eth0.7": interface(ONE, "198.51.100.1"),
        "docker0": interface("02:42:00:00:00:01", "172.17.0.1"),
        "eth1": interface(TWO),
        "tun0": {"addrs": [{"addr": "10.0.0.1", "prefix": 24}], "hwaddr": None},
    }
    known = from_agent(seen, (ONE, TWO))
    assert {mac: [one.address for one in found] for mac, found in known.items()} == {ONE: ["192.0.2.1", "198.51.100.1"]}


def test_of_the_hosts_neighbours_those_count_that_have_answered_since_the_start() -> None:
    # Recorded from ip 6.1.0, with other addresses.
    known = [
        {
            "dst": "192.0.2.1",
            "dev": "br0",
            "lladdr": ONE,
            "used": 118,
            "confirmed": 118,
            "updated": 91,
            "state": ["STALE"],
        },
        {"dst": "192.0.2.2", "dev": "br0", "lladdr": TWO, "used": 0, "confirmed": 0, "state": ["REACHABLE"]},
        {"dst": "fe80::2", "dev": "br0", "lladdr": TWO, "used": 0, "confirmed": 0, "state": ["REACHABLE"]},
        {"dst": "192.0.2.3", "dev": "br0", "used": 1, "confirmed": 1, "state": ["FAILED"]},
        {"dst": "192.0.2.4", "lladdr": THREE, "state": ["STALE"]},
    ]
    macs = (ONE, TWO, THREE)
    assert from_neighbours(known, macs, 60) == {TWO: [Address("192.0.2.2", None, "arp")]}
    assert set(from_neighbours(known, macs, 120)) == {ONE, TWO}
    assert from_neighbours(known, (THREE,), 120) == {}


@pytest.mark.parametrize(
    ("address", "reachable"),
    [
        ("192.0.2.1", True),
        ("10.0.0.1", True),
        ("2001:db8::1", True),
        ("fd00::1", True),
        ("127.0.0.1", False),
        ("::1", False),
        ("169.254.1.1", False),
        ("fe80::1", False),
        ("0.0.0.0", False),  # noqa: S104
        ("224.0.0.1", False),
        ("no address", False),
    ],
)
def test_what_others_can_reach(address: str, reachable: bool) -> None:
    assert is_reachable(address) == reachable


@pytest.mark.parametrize(
    ("state", "there"), [(" state='connected'", True), (" state='disconnected'", False), ("", False)]
)
def test_an_agent_is_there_when_it_has_opened_its_channel(state: str, there: bool) -> None:
    channel = f"<channel><target type='virtio' name='org.qemu.guest_agent.0'{state}/></channel>"
    assert has_agent(ET.fromstring(f"<domain><devices>{channel}</devices></domain>")) == there
    assert not has_agent(ET.fromstring("<domain/>"))
