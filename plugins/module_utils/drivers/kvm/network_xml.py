# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""libvirt's XML of virtual networks: read it, write it, edit it so that what we do not know survives. Pure.

Format: https://libvirt.org/formatnetwork.html
"""

from __future__ import annotations

import ipaddress
from typing import Any
from xml.etree.ElementTree import Element, SubElement, register_namespace

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.network_spec import (
    Dhcp,
    DhcpHost,
    Network,
    is_inside,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.xml import drop, ensure, parse, render

register_namespace("dnsmasq", "http://libvirt.org/schemas/network/dnsmasq/1.0")


def read_network(xml: str) -> Network:
    """What a definition says, except for power and autostart, which are not in it."""
    root = parse(xml)
    forward, bridge, mtu = root.find("forward"), root.find("bridge"), root.find("mtu")
    domain = root.find("domain")
    addresses = [address_of(node) for node in root.findall("ip")]
    return Network(
        name=root.findtext("name") or "",
        state="stopped",
        mode="isolated" if forward is None else forward.get("mode", "nat"),
        bridge=None if bridge is None else bridge.get("name"),
        address=tuple(str(one) for one in sorted(addresses, key=lambda one: (one.version, one))),
        dhcp=_read_dhcp(root),
        domain="" if domain is None else domain.get("name", ""),
        mtu=None if mtu is None else int(mtu.get("size", "0")),
        uuid=root.findtext("uuid"),
    )


def address_of(node: Element) -> ipaddress.IPv4Interface | ipaddress.IPv6Interface:
    """The address of an <ip> element, whose network is a prefix, a mask, or left to the address's class."""
    address = node.get("address", "")
    size = node.get("prefix") or node.get("netmask")
    if size is None:
        first = int(address.split(".", maxsplit=1)[0]) if "." in address else 0
        size = "64" if ":" in address else "8" if first < 128 else "16" if first < 192 else "24"
    return ipaddress.ip_interface(f"{address}/{size}")


def dhcp_node(root: Element) -> Element | None:
    """The <dhcp> element for IPv4. libvirt allows it in one <ip> only."""
    return next((node for ip in root.findall("ip") if address_of(ip).version == 4 for node in ip.findall("dhcp")), None)


def _read_dhcp(root: Element) -> Dhcp:
    node = dhcp_node(root)
    if node is None:
        return Dhcp(enabled=False)
    span = node.find("range")
    start, end = (None, None) if span is None else (span.get("start"), span.get("end"))
    hosts = [
        DhcpHost(host.get("mac", "").lower(), host.get("ip", ""), host.get("name"))
        for host in node.findall("host")
        if host.get("mac")
    ]
    return Dhcp(True, start, end, tuple(sorted(hosts, key=lambda host: host.mac)))


def write_network(network: Network) -> str:
    """The definition of a new network."""
    root = Element("network")
    SubElement(root, "name").text = network.name
    for field in ("mode", "bridge", "mtu", "domain", "address", "dhcp"):
        value = getattr(network, field)
        if value is not None:
            _set(root, field, value)
    return render(root)


def edit_network(xml: str, field: str, key: str, value: Any) -> str:
    """A definition with one field changed and everything else as it was.

    field: a field of Network, "dhcp.range" (value: Dhcp), "dhcp.hosts" (value: DhcpHost or None to remove; key: MAC).
    """
    root = parse(xml)
    if field == "dhcp.hosts":
        _set_host(_dhcp(root), key, value)
    elif field == "dhcp.range":
        _set_range(_dhcp(root), value)
    else:
        _set(root, field, value)
    return render(root)


def _set(root: Element, field: str, value: Any) -> None:
    if field == "mode":
        _set_mode(root, value)
    elif field == "address":
        _set_addresses(root, value)
    elif field == "dhcp":
        _set_dhcp(root, value)
    elif field == "domain" and not value:
        drop(root, "domain")
    else:
        ensure(root, field).set({"bridge": "name", "domain": "name", "mtu": "size"}[field], str(value))


def _set_mode(root: Element, mode: str) -> None:
    if mode == "isolated":
        drop(root, "forward")
        return
    forward = ensure(root, "forward")
    forward.set("mode", mode)
    if mode != "nat":
        drop(forward, "nat")


def _set_addresses(root: Element, wanted: tuple[str, ...]) -> None:
    """Keep the elements of addresses that stay, and what is in them; DHCP moves along with the first address."""
    dhcp = dhcp_node(root)
    for ip in root.findall("ip"):
        if dhcp is not None and dhcp in ip.findall("dhcp"):
            ip.remove(dhcp)
        if str(address_of(ip)) not in wanted:
            root.remove(ip)
    there = [str(address_of(ip)) for ip in root.findall("ip")]
    for text in wanted:
        if text not in there:
            address = ipaddress.ip_interface(text)
            family = {"family": "ipv6"} if address.version == 6 else {}
            SubElement(root, "ip", {**family, "address": str(address.ip), "prefix": str(address.network.prefixlen)})
    target = _first_ipv4(root)
    if dhcp is not None and target is not None:
        _leave_out(dhcp, wanted)
        target.append(dhcp)


def _leave_out(dhcp: Element, networks: tuple[str, ...]) -> None:
    """Drop the ranges that lie outside the networks: libvirt refuses them."""
    for span in dhcp.findall("range"):
        start = span.get("start")
        if start and not is_inside(start, networks):
            dhcp.remove(span)


def _first_ipv4(root: Element) -> Element | None:
    return next((ip for ip in root.findall("ip") if address_of(ip).version == 4), None)


def _dhcp(root: Element) -> Element:
    found = dhcp_node(root)
    if found is not None:
        return found
    ip = _first_ipv4(root)
    return SubElement(root if ip is None else ip, "dhcp")


def _set_dhcp(root: Element, dhcp: Dhcp) -> None:
    """Switch DHCP off, or on with all that is written."""
    if not dhcp.enabled:
        for ip in root.findall("ip"):
            drop(ip, "dhcp")
        return
    node = _dhcp(root)
    if dhcp.start:
        _set_range(node, dhcp)
    for host in dhcp.hosts or ():
        _set_host(node, host.mac, host)


def _set_range(node: Element, dhcp: Dhcp) -> None:
    span = node.find("range")
    if span is None:
        span = Element("range")
        node.insert(0, span)
    span.set("start", dhcp.start or "")
    span.set("end", dhcp.end or "")


def _set_host(node: Element, mac: str, host: DhcpHost | None) -> None:
    found = next((one for one in node.findall("host") if one.get("mac", "").lower() == mac), None)
    if host is None:
        if found is not None:
            node.remove(found)
        return
    found = SubElement(node, "host") if found is None else found
    found.attrib.pop("name", None)
    found.attrib.update(host_attributes(host))


def host_attributes(host: DhcpHost) -> dict[str, str]:
    """The attributes of a <host> element."""
    return {"mac": host.mac, **({"name": host.name} if host.name else {}), "ip": host.address}
