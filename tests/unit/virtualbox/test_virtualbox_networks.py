# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""virtualbox_network from options to VirtualBox, on a simulator: what is planned, that a repeat does nothing.

The module hostforge.hypervisor.virtualbox_network is these parts and a main() of a few lines.
"""

# ruff: noqa: N802  the names are VirtualBox's

from __future__ import annotations

import contextlib
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.virtualbox.connection import Api
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.virtualbox.network_driver import (
    NetworkDriver,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.virtualbox.network_spec import parse_networks
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.engine import converge
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import SpecError
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.resource import Outcome
from ansible_collections.hostforge.hypervisor.tests.unit.virtualbox.simulated_box import SimulatedManager

Run = Callable[..., Outcome[Any]]
DHCP = {"address": "192.168.56.2", "start": "192.168.56.100", "end": "192.168.56.199"}
ONLY: dict[str, Any] = {"name": "vboxnet0", "type": "host_only", "address": "192.168.56.1/24", "dhcp": DHCP}
NAT: dict[str, Any] = {"name": "behind", "type": "nat", "address": "10.0.5.0/24"}


class Interface(SimpleNamespace):
    """SIMULATOR of a host-only interface."""

    def enableStaticIPConfig(self, address: str, mask: str) -> None:
        self.IPAddress, self.networkMask = address, mask


class Server(SimpleNamespace):
    """SIMULATOR of a DHCP server."""

    def setConfiguration(self, address: str, mask: str, lower: str, upper: str) -> None:
        self.IPAddress, self.networkMask, self.lowerIP, self.upperIP = address, mask, lower, upper


class Box:
    """SIMULATOR of a user's networks. It proves nothing about VirtualBox."""

    def __init__(self) -> None:
        self.DHCPServers: list[Server] = []
        self.NATNetworks: list[Any] = []
        self.networkInterfaces = [Interface(name="eth0", interfaceType=1, networkName="x")]
        self.host = self

    def createHostOnlyNetworkInterface(self) -> tuple[Any, Any]:
        name = f"vboxnet{len(self.networkInterfaces) - 1}"
        made = Interface(name=name, id=name, interfaceType=2, networkName=f"HostInterfaceNetworking-{name}")
        made.IPAddress, made.networkMask = "", ""
        self.networkInterfaces.append(made)
        return SimpleNamespace(completed=True, resultCode=0), made

    def removeHostOnlyNetworkInterface(self, identity: str) -> Any:
        self.networkInterfaces = [one for one in self.networkInterfaces if one.name != identity]
        return SimpleNamespace(completed=True, resultCode=0)

    def createDHCPServer(self, name: str) -> Server:
        self.DHCPServers.append(Server(networkName=name, enabled=False))
        return self.DHCPServers[-1]

    def removeDHCPServer(self, server: Server) -> None:
        self.DHCPServers.remove(server)

    def createNATNetwork(self, name: str) -> Any:
        self.NATNetworks.append(SimpleNamespace(networkName=name, network="10.0.2.0/24", needDhcpServer=True))
        return self.NATNetworks[-1]

    def removeNATNetwork(self, network: Any) -> None:
        self.NATNetworks.remove(network)


class Manager(SimulatedManager):
    """The bindings."""

    def __init__(self, box: Box) -> None:
        self._box: Any = box


@pytest.fixture
def box() -> Box:
    return Box()


@pytest.fixture
def networks(box: Box) -> Run:
    api = Api(Manager(box))

    def run(wish: dict[str, Any], check_mode: bool = False) -> Outcome[Any]:
        wishes = parse_networks({"networks": [wish], "state": "present"})
        return converge(NetworkDriver(lambda: api), wishes, check_mode, contextlib.nullcontext)[0]

    return run


def verbs(outcome: Outcome[Any]) -> list[str]:
    assert not outcome.error, outcome.error
    return [f"{change.verb} {change.field}" for change in outcome.changes]


@pytest.mark.parametrize("wish", [ONLY, NAT], ids=["host_only", "nat"])
def test_a_network_comes_stays_and_goes(networks: Run, box: Box, wish: dict[str, Any]) -> None:
    assert verbs(networks(wish, check_mode=True)) == ["create network"]
    assert (box.NATNetworks, len(box.networkInterfaces)) == ([], 1)
    assert verbs(networks(wish)) == ["create network"]
    assert verbs(networks(wish)) == []
    gone = {"name": wish["name"], "state": "absent"}
    assert verbs(networks(gone)) == ["remove network"]
    assert verbs(networks(gone)) == []
    assert (box.NATNetworks, box.DHCPServers, len(box.networkInterfaces)) == ([], [], 1)


EDITS = [
    (ONLY, {"address": "192.168.57.1/25", "dhcp": None}, ["set address"]),
    (ONLY, {"dhcp": {**DHCP, "end": "192.168.56.150"}}, ["set dhcp"]),
    (ONLY, {"dhcp": {"enabled": False}}, ["set dhcp"]),
    (NAT, {"address": "10.0.6.0/24"}, ["set address"]),
    (NAT, {"dhcp": {"enabled": False}}, ["set dhcp"]),
]


@pytest.mark.parametrize(("base", "edit", "planned"), EDITS, ids=[str(edit) for _base, edit, _planned in EDITS])
def test_every_edit_is_predicted_made_and_not_repeated(
    networks: Run, base: dict[str, Any], edit: dict[str, Any], planned: list[str]
) -> None:
    networks(base)
    wish = {**base, **edit}
    assert verbs(networks(wish, check_mode=True)) == planned
    assert verbs(networks(wish)) == planned
    assert verbs(networks(wish)) == []


def test_an_interface_that_is_named_otherwise_is_taken_away_again(networks: Run, box: Box) -> None:
    done = networks({**ONLY, "name": "vboxnet3"})
    assert "the next one is vboxnet0" in done.error
    assert [one.name for one in box.networkInterfaces] == ["eth0"]


WRONG = [
    ({"type": "host_only", "address": "192.168.56.0/24"}, "no host's address"),
    ({"type": "host_only", "address": "192.168.56.1"}, "with its prefix"),
    ({"type": "nat", "address": "10.0.5.1/24"}, "has host bits set"),
    ({"type": "nat", "dhcp": DHCP}, "VirtualBox chooses"),
    ({"type": "host_only", "address": "10.0.0.1/24", "dhcp": DHCP}, "not inside"),
    ({"address": "10.0.0.1/24"}, "write host_only or nat"),
]


@pytest.mark.parametrize(("wish", "says"), WRONG, ids=[says for _wish, says in WRONG])
def test_what_cannot_be_is_refused_before_anything_is_touched(
    networks: Run, box: Box, wish: dict[str, Any], says: str
) -> None:
    with pytest.raises(SpecError, match=says):
        networks({"name": "n", **wish})
    assert box.NATNetworks == []


def test_a_new_network_needs_what_it_is_made_with(networks: Run) -> None:
    assert "needs an address" in networks({"name": "n", "type": "nat"}).error
    assert "address, start and end" in networks({**ONLY, "dhcp": {"enabled": True}}).error
    networks(NAT)
    assert "cannot become host_only" in networks({**ONLY, "name": "behind"}).error
