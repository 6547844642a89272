# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The addresses of running guests, from the DHCP leases of libvirt's networks: one call a network, not one a guest."""

from __future__ import annotations

from collections.abc import Iterable

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.connect import libvirt


class Leases:
    """MAC to addresses, read when it is first asked for."""

    def __init__(self, connection: libvirt.virConnect) -> None:
        self._connection = connection
        self._known: dict[str, list[str]] | None = None

    def of(self, macs: Iterable[str | None]) -> tuple[str, ...]:
        """The addresses of cards, without prefix length, in the order of the cards."""
        if self._known is None:
            self._known = self._read()
        return tuple(address for mac in macs for address in self._known.get(mac or "", []))

    def _read(self) -> dict[str, list[str]]:
        known: dict[str, list[str]] = {}
        for network in self._connection.listAllNetworks(libvirt.VIR_CONNECT_LIST_NETWORKS_ACTIVE):
            for lease in network.DHCPLeases():
                mac, address = lease.get("mac"), lease.get("ipaddr")
                if mac and address:
                    known.setdefault(mac.lower(), []).append(address)
        return known
