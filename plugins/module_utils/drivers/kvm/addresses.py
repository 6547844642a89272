# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The addresses of running guests, card by card: by a lease, else by the guest's agent, else by the host's ARP table.

Leases take one call a network, the table one command. Agents take a call each: only those of guests that have a card
without a lease are asked, and only when somebody wants to know.
"""

from __future__ import annotations

import ipaddress
import json
import queue
import threading
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from xml.etree.ElementTree import Element

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm import power
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.connect import libvirt
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import HypervisorError
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.host import Host

AGENT = "org.qemu.guest_agent.0"
# libvirt itself gives up on an agent that does not answer its greeting after 5 s; one that hangs after that is left
# behind. libvirt serves five calls of a connection at once, and one of them is for the rest of the task.
ASKERS = 4
AGENTS_ANSWER_S = 20


@dataclass(frozen=True)
class Address:
    """An address without prefix length, its prefix length where that is known, and who says so: lease, agent or arp."""

    address: str
    prefix: int | None
    source: str


@dataclass(frozen=True)
class Lease:
    """What a network's DHCP server has given to a card, and until when, in seconds since the epoch; 0: for ever."""

    mac: str
    address: Address
    expires: int


@dataclass(frozen=True)
class Card:
    """A network card, by its MAC, and its addresses."""

    mac: str
    addresses: tuple[Address, ...] = ()


@dataclass(frozen=True)
class Asked:
    """A running guest: the MACs of its cards in their order, and whether its agent is connected."""

    domain: libvirt.virDomain
    macs: Sequence[str]
    has_agent: bool


def read_leases(connection: libvirt.virConnect) -> list[Lease]:
    """All leases that have not run out, of active networks. A network that cannot be asked has none."""
    return [lease for network in _networks(connection) for lease in _leases(network)]


def _networks(connection: libvirt.virConnect) -> list[libvirt.virNetwork]:
    try:
        return connection.listAllNetworks(libvirt.VIR_CONNECT_LIST_NETWORKS_ACTIVE)
    except libvirt.libvirtError:
        return []  # a libvirt without networks; its guests are on bridges


def _leases(network: libvirt.virNetwork) -> Iterator[Lease]:
    try:
        found = network.DHCPLeases()
    except libvirt.libvirtError:
        return  # somebody has stopped it since it was listed
    for one in found:
        mac, address = one.get("mac"), one.get("ipaddr")
        if mac and address:
            yield Lease(mac.lower(), Address(address, one.get("prefix"), "lease"), one.get("expirytime") or 0)


class Addresses:
    """Who has which addresses, at one moment; leases are read when they are first asked for.

    stale: leases from before a guest's start, which say nothing of the system that has started since. One that lasts
    for ever looks the same when it is given anew, so it always counts.
    """

    def __init__(self, connection: libvirt.virConnect, host: Host, stale: Collection[Lease] = ()) -> None:
        self._connection = connection
        self._host = host
        self._stale = stale
        self._leased: dict[str, list[Address]] | None = None

    def find(self, guests: Mapping[str, Asked], further: Collection[str]) -> dict[str, tuple[Card, ...]]:
        """Guest to its cards. further: the names of those of which more than leases is asked."""
        known = {name: self._leases_of(guest.macs) for name, guest in guests.items()}
        for ask in (ask_agents, lambda rest: ask_host(rest, self._host)):
            rest = {name: guests[name] for name in guests if name in further and _lacks(guests[name], known[name])}
            for name, told in ask(rest).items():
                known[name] = {**told, **known[name]}
        return {
            name: tuple(Card(mac, tuple(known[name].get(mac, ()))) for mac in guest.macs)
            for name, guest in guests.items()
        }

    def _leases_of(self, macs: Iterable[str]) -> dict[str, list[Address]]:
        if self._leased is None:
            self._leased = {}
            for lease in read_leases(self._connection):
                if lease.expires == 0 or lease not in self._stale:
                    self._leased.setdefault(lease.mac, []).append(lease.address)
        return {mac: self._leased[mac] for mac in macs if mac in self._leased}


def _lacks(guest: Asked, known: Mapping[str, object]) -> bool:
    return any(mac not in known for mac in guest.macs)


def has_agent(live: Element) -> bool:
    """Whether an agent in a running guest has opened its channel, by the guest's XML."""
    channel = live.find(f"devices/channel/target[@name='{AGENT}']")
    return channel is not None and channel.get("state") == "connected"


def ask_agents(guests: Mapping[str, Asked]) -> dict[str, dict[str, list[Address]]]:
    """Guest to MAC to addresses, as the guests' agents tell. Several are asked at once, for no longer than a limit.

    An agent that does not answer tells nothing; a thread that still waits for one does not keep the task from ending.
    """
    waiting: queue.SimpleQueue[str] = queue.SimpleQueue()
    answers: dict[str, dict[str, list[Address]]] = {}
    end = time.monotonic() + AGENTS_ANSWER_S
    asked = [name for name, guest in guests.items() if guest.has_agent]
    for name in asked:
        waiting.put(name)

    def work() -> None:
        while time.monotonic() < end:
            try:
                name = waiting.get_nowait()
            except queue.Empty:
                return
            answers[name] = _ask(guests[name])

    threads = [threading.Thread(target=work, daemon=True) for _number in range(min(ASKERS, len(asked)))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, end - time.monotonic()))
    return dict(answers)


def ask_host(guests: Mapping[str, Asked], host: Host) -> dict[str, dict[str, list[Address]]]:
    """Guest to MAC to addresses, as the host has found them lately: its table of neighbours, read once.

    Only what was found since the guest was started counts; where that is not known, nothing does. (libvirt can read
    this table, too, once for each guest, but does not say since when it knows.)
    """
    since = {name: power.started_ns(guest.domain, host) for name, guest in guests.items()}
    known = _neighbours(host) if any(since.values()) else []
    return {
        name: from_neighbours(known, guest.macs, (time.time_ns() - (since[name] or 0)) / 10**9)
        for name, guest in guests.items()
        if since[name]
    }


def _neighbours(host: Host) -> list[dict[str, Any]]:
    try:
        found = json.loads(host.run(["ip", "-statistics", "-json", "neighbour", "show"]))
    except (HypervisorError, ValueError):
        return []  # without iproute2, or with one that knows no JSON
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def from_neighbours(
    known: Iterable[Mapping[str, Any]], macs: Collection[str], age_s: float
) -> dict[str, list[Address]]:
    """MAC to addresses, out of those of the host's neighbours that have answered within age_s.

    Source: ip-neighbour(8).
    """
    found: dict[str, list[Address]] = {}
    for one in known:
        mac, address = str(one.get("lladdr", "")).lower(), str(one.get("dst", ""))
        if mac in macs and is_reachable(address) and one.get("confirmed", age_s + 1) <= age_s:
            found.setdefault(mac, []).append(Address(address, None, "arp"))
    return found


def _ask(guest: Asked) -> dict[str, list[Address]]:
    try:
        found = guest.domain.interfaceAddresses(libvirt.VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_AGENT)
    except libvirt.libvirtError:
        return {}  # the guest has gone, its agent is silent, or it may not tell
    return from_agent(found, guest.macs)


def from_agent(interfaces: Mapping[str, Any], macs: Collection[str]) -> dict[str, list[Address]]:
    """MAC to addresses, out of the interfaces that an agent sees; of those only that belong to the guest's cards.

    There may be others, such as bridges for containers. A bridge, a bond or a vlan on a card has the card's MAC, and so
    counts for it.
    """
    known: dict[str, list[Address]] = {}
    for interface in interfaces.values():
        mac = (interface.get("hwaddr") or "").lower()
        for one in interface.get("addrs") or ():
            address = Address(one["addr"], one.get("prefix"), "agent")
            if mac in macs and is_reachable(address.address) and address not in known.get(mac, ()):
                known.setdefault(mac, []).append(address)
    return known


def is_reachable(text: str) -> bool:
    """Whether others can reach a guest at an address: not if it is the guest's own (loopback), or of one link only."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    return not (address.is_loopback or address.is_link_local or address.is_unspecified or address.is_multicast)
