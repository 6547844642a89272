# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""NetworkDriver: virtual networks through libvirt, as a Resource of the engine."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.connect import (
    connect,
    libvirt_says,
    steadily,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.network_plan import (
    is_pending,
    plan_network,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.network_spec import (
    Dhcp,
    DhcpHost,
    Network,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.network_xml import (
    edit_network,
    host_attributes,
    read_network,
    write_network,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.xml import parse, render
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.change import Change
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.host import Host
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.resource import Resource, Wish

if TYPE_CHECKING:
    import libvirt

ACTIVE_DOMAINS = 1  # virConnectListAllDomainsFlags
INACTIVE_XML = 1  # virNetworkXMLFlags: what is stored, not what runs
# virNetworkUpdateCommand, virNetworkUpdateSection, virNetworkUpdateFlags
MODIFY, DELETE, ADD_LAST = 1, 2, 3
IP_DHCP_HOST, IP_DHCP_RANGE = 4, 5
AFFECT_LIVE = 1
FIRST = -1  # the <ip> element that libvirt finds fitting


class NetworkDriver(Resource[Network]):
    """The virtual networks of the libvirt at a URI. The connection is opened when the first question is asked."""

    def __init__(self, uri: str, host: Host) -> None:
        self._uri = uri
        self._host = host
        self._opened: libvirt.virConnect | None = None

    def _connection(self) -> libvirt.virConnect:
        if self._opened is None:
            self._opened = connect(self._uri)
        return self._opened

    def read(self, names: Collection[str] | None) -> dict[str, Network]:
        """Read networks in one batch."""
        connection = self._connection()
        with libvirt_says("reading the networks"):
            plugged = steadily(lambda: _plugged(connection))
            return steadily(
                lambda: {
                    network.name(): _read(network, plugged)
                    for network in connection.listAllNetworks()
                    if names is None or network.name() in names
                }
            )

    def plan(self, wish: Wish[Network], have: Network | None) -> Iterator[Change]:
        """Yield the changes from state to wish."""
        return plan_network(wish.item, have, wish.policy.restart)

    def pending(self, wish: Wish[Network], have: Network | None) -> bool:
        """Whether the active network still lacks something that only a restart brings."""
        return is_pending(wish.item, have)

    def apply(self, change: Change) -> None:
        """Carry out one change."""
        with libvirt_says(f"network {change.name}"):
            if change.verb == "create":
                handle = self._connection().networkDefineXML(write_network(change.after))
                handle.setAutostart(int(bool(change.after.autostart)))
            elif change.field == "state":
                self._power(change)
            elif change.verb == "remove" and change.field == "network":
                # One that was never stored is gone when it is stopped.
                if self.read([change.name]):
                    self._handle(change.name).undefine()
            elif change.field == "persistent":
                self._connection().networkDefineXML(self._handle(change.name).XMLDesc(0))
            elif change.field == "autostart":
                self._handle(change.name).setAutostart(int(change.after))
            else:
                self._edit(change)

    def _handle(self, name: str) -> libvirt.virNetwork:
        return self._connection().networkLookupByName(name)

    def _power(self, change: Change) -> None:
        handle = self._handle(change.name)
        cards = self._cards(handle) if change.verb == "restart" else []
        if change.verb in ("stop", "restart") and handle.isActive():
            handle.destroy()
        if change.verb in ("start", "restart") and not handle.isActive():
            handle.create()
        # libvirt leaves the cards of running guests without a bridge; it plugs them in again only when it starts anew.
        for card in cards:
            self._host.run(["ip", "link", "set", "dev", card, "master", handle.bridgeName()])

    def _cards(self, handle: libvirt.virNetwork) -> list[str]:
        """The guests' cards on an active network's bridge; none where the network has no bridge of its own."""
        live = read_network(handle.XMLDesc(0)) if handle.isActive() else None
        if live is None or live.mode == "bridge" or not live.bridge:
            return []
        # libvirt itself puts one card, named after the bridge, on some bridges to hold their MAC address.
        cards = json.loads(self._host.run(["ip", "-json", "link", "show", "master", live.bridge]) or "[]")
        return [card["ifname"] for card in cards if card.get("ifname", f"{live.bridge}-nic") != f"{live.bridge}-nic"]

    def _edit(self, change: Change) -> None:
        handle = self._handle(change.name)
        stored = handle.XMLDesc(INACTIVE_XML)
        edited = edit_network(stored, change.field, change.key, change.after)
        if read_network(edited) != read_network(stored):
            self._connection().networkDefineXML(edited)
        if change.hot:
            live = read_network(handle.XMLDesc(0)).dhcp or Dhcp(enabled=False)
            _edit_live(handle, change, live)


def _plugged(connection: libvirt.virConnect) -> Counter[str]:
    """How many cards of running guests are in each network, and on each bridge (as "bridge NAME").

    libvirt's own list of a network's ports forgets the guests that stayed when the network was restarted.
    """
    found: Counter[str] = Counter()
    for domain in connection.listAllDomains(ACTIVE_DOMAINS):
        for source in parse(domain.XMLDesc()).findall("devices/interface/source"):
            found[source.get("network") or f"bridge {source.get('bridge')}"] += 1
    return found


def _read(handle: libvirt.virNetwork, plugged: Counter[str]) -> Network:
    stored = read_network(handle.XMLDesc(INACTIVE_XML))
    persistent = bool(handle.isPersistent())
    stored = replace(stored, autostart=bool(handle.autostart()) if persistent else False, persistent=persistent)
    if not handle.isActive():
        return stored
    live = replace(read_network(handle.XMLDesc(0)), autostart=stored.autostart, persistent=persistent)
    guests = plugged[stored.name] + (plugged[f"bridge {live.bridge}"] if live.mode != "bridge" else 0)
    live = replace(live, state="running")
    stored = replace(stored, state="running", guests=guests)
    return stored if live == stored else replace(stored, live=live)


def _edit_live(handle: libvirt.virNetwork, change: Change, live: Dhcp) -> None:
    """Change what an active network hands out; libvirt tells its dnsmasq, and no guest loses its link."""
    if change.field == "dhcp.range":
        if (live.start, live.end) == (change.after.start, change.after.end):
            return
        if live.start:
            handle.update(DELETE, IP_DHCP_RANGE, FIRST, _range_xml(live), AFFECT_LIVE)
        handle.update(ADD_LAST, IP_DHCP_RANGE, FIRST, _range_xml(change.after), AFFECT_LIVE)
        return
    there = next((host for host in live.hosts or () if host.mac == change.key), None)
    wanted: DhcpHost | None = change.after
    subject = wanted or there
    if subject is not None and there != wanted:
        command = DELETE if wanted is None else ADD_LAST if there is None else MODIFY
        handle.update(command, IP_DHCP_HOST, FIRST, _host_xml(subject), AFFECT_LIVE)


def _range_xml(dhcp: Dhcp) -> str:
    return render(Element("range", start=dhcp.start or "", end=dhcp.end or ""))


def _host_xml(host: DhcpHost) -> str:
    return render(Element("host", host_attributes(host)))
