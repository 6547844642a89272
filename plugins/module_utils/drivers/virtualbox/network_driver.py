# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""NetworkDriver: a user's host-only interfaces and NAT networks, through VirtualBox's Python bindings."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Collection, Iterator
from typing import Any

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.virtualbox.connection import Api, connect
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.virtualbox.network_spec import (
    HOST_ONLY,
    NAT,
    Dhcp,
    Network,
    plan_network,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.change import Change
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import HypervisorError
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.resource import Resource, Wish

CREATE_S = 60


class NetworkDriver(Resource[Network]):
    """The networks of the user that the process runs as."""

    def __init__(self, connect: Callable[[], Api] = connect) -> None:
        self._connect = connect

    def read(self, names: Collection[str] | None) -> dict[str, Network]:
        """Read networks in one batch."""
        api = self._connect()
        with api.says("the networks cannot be read"):
            servers = {str(one.networkName): one for one in api.list_of(api.box, "DHCPServers")}
            found = [_read_nat(one) for one in api.list_of(api.box, "NATNetworks")]
            found += [_read_interface(one, servers.get(str(one.networkName))) for one in _interfaces(api).values()]
        return {one.name: one for one in found if names is None or one.name in names}

    def plan(self, wish: Wish[Network], have: Network | None) -> Iterator[Change]:
        """Yield the changes from state to wish."""
        return plan_network(wish.item, have)

    def apply(self, change: Change) -> None:
        """Carry out one change."""
        api = self._connect()
        with api.says():
            if change.verb == "remove":
                (_remove_nat if change.before.type == NAT else _remove_interface)(api, change.name)
            elif change.verb == "create":
                (_create_nat if change.after.type == NAT else _create_interface)(api, change.after)
            else:
                _set(api, change)


def _interfaces(api: Api) -> dict[str, Any]:
    """The host-only interfaces, by their names."""
    kind = api.number("HostNetworkInterfaceType", "HostOnly")
    return {str(one.name): one for one in api.list_of(api.box.host, "networkInterfaces") if one.interfaceType == kind}


def _nat(api: Api, name: str) -> Any:
    return next((one for one in api.list_of(api.box, "NATNetworks") if one.networkName == name), None)


def _server(api: Api, interface: Any) -> Any:
    servers = api.list_of(api.box, "DHCPServers")
    return next((one for one in servers if one.networkName == interface.networkName), None)


def _read_nat(one: Any) -> Network:
    return Network(str(one.networkName), "present", NAT, str(one.network), Dhcp(bool(one.needDhcpServer)))


def _read_interface(one: Any, server: Any) -> Network:
    address = str(one.IPAddress or "")
    shown = str(ipaddress.IPv4Interface(f"{address}/{one.networkMask}")) if address else None
    dhcp = Dhcp(enabled=False)
    if server is not None and server.enabled:
        dhcp = Dhcp(True, str(server.IPAddress), str(server.lowerIP), str(server.upperIP))
    return Network(str(one.name), "present", HOST_ONLY, shown, dhcp)


def _create_nat(api: Api, wanted: Network) -> None:
    made = _nat(api, wanted.name) or api.box.createNATNetwork(wanted.name)
    made.network = wanted.address
    made.needDhcpServer = wanted.dhcp is None or wanted.dhcp.enabled
    made.enabled = True


def _create_interface(api: Api, wanted: Network) -> None:
    """Make one, and take it away again when VirtualBox, which names them by itself, has named it otherwise."""
    before = set(_interfaces(api))
    if wanted.name not in before:
        answer = api.box.host.createHostOnlyNetworkInterface()
        progress = next(one for one in answer if hasattr(one, "resultCode"))
        api.wait(progress, "the interface cannot be made", CREATE_S)
        new = sorted(set(_interfaces(api)) - before)
        if new != [wanted.name]:
            for name in new:
                _remove_interface(api, name)
            raise HypervisorError(
                f"VirtualBox names host-only interfaces in order, and the next one is {', '.join(new) or 'unknown'}: "
                "write that name"
            )
    _put_address(_interfaces(api)[wanted.name], wanted.address or "")
    if wanted.dhcp is not None:
        _put_dhcp(api, _interfaces(api)[wanted.name], wanted.dhcp)


def _put_address(interface: Any, address: str) -> None:
    wanted = ipaddress.IPv4Interface(address)
    interface.enableStaticIPConfig(str(wanted.ip), str(wanted.netmask))


def _put_dhcp(api: Api, interface: Any, wanted: Dhcp) -> None:
    server = _server(api, interface)
    if not wanted.enabled:
        if server is not None:
            server.enabled = False
        return
    if server is None:
        server = api.box.createDHCPServer(interface.networkName)
    server.setConfiguration(wanted.address, str(interface.networkMask), wanted.start, wanted.end)
    server.enabled = True


def _set(api: Api, change: Change) -> None:
    interface = _interfaces(api).get(change.name)
    if interface is not None and change.field == "address":
        _put_address(interface, change.after)
    elif interface is not None:
        _put_dhcp(api, interface, change.after)
    elif change.field == "address":
        _nat(api, change.name).network = change.after
    else:
        _nat(api, change.name).needDhcpServer = change.after.enabled


def _remove_nat(api: Api, name: str) -> None:
    found = _nat(api, name)
    if found is not None:
        api.box.removeNATNetwork(found)


def _remove_interface(api: Api, name: str) -> None:
    found = _interfaces(api).get(name)
    if found is None:
        return
    server = _server(api, found)
    if server is not None:
        api.box.removeDHCPServer(server)
    api.wait(api.box.host.removeHostOnlyNetworkInterface(found.id), "the interface cannot be removed", CREATE_S)
