# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A virtual network as a value object, the options users write it with, and the way from one to the other."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.reader import (
    BRIDGE,
    BRIDGE_SAYS,
    NAME,
    NAME_SAYS,
    Reader,
    parse_mac,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.resource import Wish
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.spec import Spec, parse_entries
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Policy

_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
DOMAIN = re.compile(rf"(?!.{{254}})(?:{_LABEL}(?:\.{_LABEL})*)?", re.ASCII)
# It becomes a line of dnsmasq's file of hosts, in which commas and line ends mean something.
HOST_NAME = re.compile(rf"(?![0-9])(?!.{{254}}){_LABEL}(?:\.{_LABEL})*", re.ASCII)
HOST_NAME_SAYS = "a host name is allowed: letters, digits, - and dots, the first of them a letter"

HOST: Spec = {
    "mac": {"type": "str", "required": True},
    "address": {"type": "str", "required": True},
    "name": {"type": "str"},
}
DHCP: Spec = {
    "enabled": {"type": "bool", "default": True},
    "start": {"type": "str"},
    "end": {"type": "str"},
    "hosts": {"type": "list", "elements": "dict", "options": HOST},
}
NETWORK: Spec = {
    "name": {"type": "str"},
    "state": {"type": "str", "choices": ["running", "stopped", "absent"], "default": "running"},
    "mode": {"type": "str", "choices": ["nat", "route", "isolated", "open", "bridge"]},
    "bridge": {"type": "str"},
    "address": {"type": "list", "elements": "str"},
    "dhcp": {"type": "dict", "options": DHCP, "required_together": [("start", "end")]},
    "domain": {"type": "str"},
    "mtu": {"type": "int"},
    "autostart": {"type": "bool"},
    "restart": {"type": "str", "choices": ["never", "force"], "default": "never"},
}


@dataclass(frozen=True)
class DhcpHost:
    """A guest that is always given the same address. mac: lower case with colons."""

    mac: str
    address: str
    name: str | None = None


@dataclass(frozen=True)
class Dhcp:
    """What a network hands out. In a wish, None is left alone; hosts is then the whole list."""

    enabled: bool = True
    start: str | None = None
    end: str | None = None
    hosts: tuple[DhcpHost, ...] | None = None


@dataclass(frozen=True)
class Network:
    """A virtual network, as wished (None: left alone) or as found.

    addresses: the host's, each with prefix length. domain: "" for none. uuid, guests (how many cards of running
    guests are plugged in), persistent (false: gone when stopped) and live belong to a state; live is what an active
    network runs with where that is not what is stored for its next start, else None.
    """

    name: str
    state: str = "running"
    mode: str | None = None
    bridge: str | None = None
    address: tuple[str, ...] | None = None
    dhcp: Dhcp | None = None
    domain: str | None = None
    mtu: int | None = None
    autostart: bool | None = None
    uuid: str | None = None
    persistent: bool | None = None
    guests: int | None = field(default=None, compare=False)
    live: Network | None = field(default=None, compare=False)


def parse_networks(params: Mapping[str, Any]) -> list[Wish[Network]]:
    """Turn a task's options into wishes."""
    return parse_entries("network", params, NETWORK, _wish)


def _wish(read: Reader) -> Wish[Network]:
    network = Network(
        name=read.text("name", NAME, NAME_SAYS) or "",
        state=read.get("state") or "running",
        mode=read.get("mode"),
        bridge=read.text("bridge", BRIDGE, BRIDGE_SAYS),
        address=read.parsed("address", parse_addresses),
        dhcp=_dhcp(read.sub("dhcp")) if read.get("dhcp") is not None else None,
        domain=read.text("domain", DOMAIN, "a DNS name is allowed, or nothing for none"),
        mtu=read.number("mtu", 68, 65535),
        autostart=read.get("autostart"),
    )
    _check_together(read, network)
    return Wish(network, Policy(restart=read.get("restart") or "never"))


def _check_together(read: Reader, network: Network) -> None:
    if network.mode == "bridge":
        for key in ("address", "dhcp", "domain", "mtu"):
            if getattr(network, key) not in (None, (), ""):
                read.wrong(
                    key, "a network of mode bridge has none of its own: guests are in the network of that bridge"
                )
        return
    dhcp = network.dhcp
    if network.address is None or dhcp is None or not dhcp.enabled:
        return
    given = [one for one in (dhcp.start, dhcp.end, *(host.address for host in dhcp.hosts or ())) if one]
    outside = [one for one in given if not is_inside(one, network.address)]
    if outside:
        read.wrong("dhcp", f"{', '.join(outside)} not inside {', '.join(network.address) or 'any address'}")


def is_inside(address: str, networks: tuple[str, ...]) -> bool:
    """Whether an address belongs to one of the networks that the host's addresses name."""
    return any(ipaddress.ip_address(address) in ipaddress.ip_interface(one).network for one in networks)


def parse_addresses(texts: list[str]) -> tuple[str, ...]:
    """Normalise addresses with prefix; IPv4 first. Raises ValueError for what is none, or names a whole network."""
    found = [_parse_interface(text.strip()) for text in texts]
    if len(set(found)) < len(found):
        raise ValueError("each address may be there once")
    return tuple(str(one) for one in sorted(found, key=lambda one: (one.version, one)))


def _parse_interface(text: str) -> ipaddress.IPv4Interface | ipaddress.IPv6Interface:
    if "/" not in text or "%" in text:
        raise ValueError(f"{text!r} lacks its prefix, as in 192.168.122.1/24")
    address = ipaddress.ip_interface(text)
    network = address.network
    if address.version == 4 and network.prefixlen < 31:
        if address.ip == network.network_address:
            raise ValueError(f"{text} is the network itself; the host needs an address in it, such as {address.ip + 1}")
        if address.ip == network.broadcast_address:
            raise ValueError(f"{text} is its network's broadcast address, which no host can have")
    if address.ip.is_multicast or address.ip.is_unspecified or address.ip.is_loopback:
        raise ValueError(f"{text} is no address that a host can have in a network")
    return address


def parse_ipv4(text: str) -> str:
    """Normalise an IPv4 address. Raises ValueError for anything else."""
    return str(ipaddress.IPv4Address(text.strip()))


def _dhcp(read: Reader) -> Dhcp:
    enabled = read.get("enabled") is not False
    start, end = read.parsed("start", parse_ipv4), read.parsed("end", parse_ipv4)
    if start and end and ipaddress.IPv4Address(start) > ipaddress.IPv4Address(end):
        read.wrong("end", f"not before start, {start}, is allowed")
    hosts = None
    if read.get("hosts") is not None:
        hosts = tuple(_host(read.sub("hosts", index)) for index in range(len(read.get("hosts"))))
        for what in ("mac", "address"):
            values = [getattr(host, what) for host in hosts if getattr(host, what)]
            for value in sorted({value for value in values if values.count(value) > 1}):
                read.wrong("hosts", f"{what} {value} may be there once")
    return Dhcp(enabled, start, end, tuple(sorted(hosts, key=lambda host: host.mac)) if hosts is not None else None)


def _host(read: Reader) -> DhcpHost:
    return DhcpHost(read.parsed("mac", parse_mac) or "", read.parsed("address", parse_ipv4) or "", _host_name(read))


def _host_name(read: Reader) -> str | None:
    return read.text("name", HOST_NAME, HOST_NAME_SAYS)
