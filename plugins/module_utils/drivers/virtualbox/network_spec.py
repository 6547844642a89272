# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A user's network as a value object, the options it is written with, and the way from one to the other."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.change import Change
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import PlanError
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.reader import PLACE, PLACE_SAYS, Reader
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.resource import Wish
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.spec import Spec, parse_entries

HOST_ONLY, NAT = "host_only", "nat"
DHCP: Spec = {
    "enabled": {"type": "bool", "default": True},
    "address": {"type": "str"},
    "start": {"type": "str"},
    "end": {"type": "str"},
}
NETWORK: Spec = {
    "name": {"type": "str"},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "type": {"type": "str", "choices": [HOST_ONLY, NAT]},
    "address": {"type": "str"},
    "dhcp": {"type": "dict", "options": DHCP, "required_together": [("address", "start", "end")]},
}
# Entries of a list take their defaults from the task.
ENTRY: Spec = {
    **{key: {word: value for word, value in rule.items() if word != "default"} for key, rule in NETWORK.items()},
    "name": {"type": "str", "required": True},
}


@dataclass(frozen=True)
class Dhcp:
    """What hands out addresses. Of a network of type nat only enabled is ever set: VirtualBox chooses the rest."""

    enabled: bool = True
    address: str | None = None
    start: str | None = None
    end: str | None = None


@dataclass(frozen=True)
class Network:
    """A network, as wished (None: left alone) or as found.

    address: of the host with prefix where type is host_only, of the whole network where it is nat.
    """

    name: str
    state: str = "present"
    type: str | None = None
    address: str | None = None
    dhcp: Dhcp | None = None


def parse_networks(params: Mapping[str, Any]) -> list[Wish[Network]]:
    """Turn a task's options into wishes."""
    return parse_entries("network", params, NETWORK, _wish)


def _wish(read: Reader) -> Wish[Network]:
    kind = read.get("type")
    parse = parse_network if kind == NAT else parse_interface
    network = Network(
        name=read.text("name", PLACE, PLACE_SAYS) or "",
        state=read.get("state") or "present",
        type=kind,
        address=read.parsed("address", parse),
        dhcp=_dhcp(read.sub("dhcp")) if read.get("dhcp") is not None else None,
    )
    if kind is None and network.state != "absent":
        read.wrong("type", f"write {HOST_ONLY} or {NAT}")
    _check_dhcp(read, network)
    return Wish(network)


def parse_interface(text: str) -> str:
    """The host's address with its prefix. Raises ValueError."""
    found = _with_prefix(ipaddress.IPv4Interface, text, "192.168.56.1/24")
    if found.network.prefixlen < 31 and found.ip in (found.network.network_address, found.network.broadcast_address):
        raise ValueError(f"{text} is no host's address in its network")
    return str(found)


def parse_network(text: str) -> str:
    """A network with its prefix. Raises ValueError."""
    return str(_with_prefix(ipaddress.IPv4Network, text, "10.0.2.0/24"))


def _with_prefix(kind: Any, text: str, example: str) -> Any:
    if "/" not in text:
        raise ValueError(f"an IPv4 address with its prefix is allowed, such as {example}")
    return kind(text.strip())


def _dhcp(read: Reader) -> Dhcp:
    one = {key: read.parsed(key, lambda text: str(ipaddress.IPv4Address(text))) for key in ("address", "start", "end")}
    return Dhcp(bool(read.get("enabled") is not False), one["address"], one["start"], one["end"])


def _check_dhcp(read: Reader, network: Network) -> None:
    dhcp = network.dhcp
    if dhcp is None or not dhcp.enabled:
        return
    given = [one for one in (dhcp.address, dhcp.start, dhcp.end) if one]
    if network.type == NAT and given:
        read.wrong("dhcp", "a network of type nat hands out addresses that VirtualBox chooses; write enabled alone")
    elif network.address:
        inside = ipaddress.IPv4Interface(network.address).network
        outside = [one for one in given if ipaddress.IPv4Address(one) not in inside]
        if outside:
            read.wrong("dhcp", f"{', '.join(outside)} not inside {network.address}")


def plan_network(want: Network, have: Network | None) -> Iterator[Change]:
    """Yield the changes, in order. Raises PlanError for what cannot be."""
    if want.state == "absent":
        if have is not None:
            yield Change(have.name, "remove", "network", before=have)
    elif have is None:
        _refuse_half(want)
        yield Change(want.name, "create", "network", after=want)
    elif want.type != have.type:
        raise PlanError(f"there is a network {have.name} of type {have.type}, which cannot become {want.type}")
    else:
        yield from _differences(want, have)


def _refuse_half(want: Network) -> None:
    if want.address is None:
        raise PlanError("a new network needs an address")
    if want.type == HOST_ONLY and want.dhcp is not None and want.dhcp.enabled and want.dhcp.start is None:
        raise PlanError("dhcp: a new network of type host_only needs address, start and end")


def _differences(want: Network, have: Network) -> Iterator[Change]:
    if want.address is not None and want.address != have.address:
        yield Change(want.name, "set", "address", before=have.address, after=want.address, hot=True)
    wanted, found = want.dhcp, have.dhcp or Dhcp(enabled=False)
    if wanted is None:
        return
    if wanted.enabled and wanted.start is None:
        wanted = Dhcp(True, found.address, found.start, found.end)
        if want.type == HOST_ONLY and wanted.start is None:
            raise PlanError("dhcp: there is none yet, so write address, start and end")
    if (wanted if wanted.enabled else Dhcp(enabled=False)) != (found if found.enabled else Dhcp(enabled=False)):
        yield Change(want.name, "set", "dhcp", before=found, after=wanted)
