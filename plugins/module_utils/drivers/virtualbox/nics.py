# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Network cards: from VirtualBox's adapters to ours and back.

A card's network is C(nat), the name of a NAT network or of a host-only one, or C(internal:NAME).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.virtualbox.connection import Api
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.virtualbox.words import (
    DEFAULT_MODEL,
    MODELS,
    ours,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import PlanError
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Nic

NAT = "nat"
INTERNAL = "internal:"
_ADDRESS = r"(?:[0-9]{1,3}(?:\.[0-9]{1,3}){3})?"
_FORWARD = re.compile(
    rf"([A-Za-z0-9_.-]{{1,64}}),(tcp|udp),({_ADDRESS}),([0-9]{{1,5}}),({_ADDRESS}),([0-9]{{1,5}})", re.I
)
PROTOCOLS = ("udp", "tcp")
FORWARD_SAYS = "NAME,tcp|udp,HOST ADDRESS,PORT,GUEST ADDRESS,PORT is allowed, the addresses may be left empty"


def adapters(api: Api, machine: Any) -> Iterator[Any]:
    """The adapters of a machine, used or not, in their order."""
    properties = api.box.getPlatformProperties(machine.platform.architecture)
    for slot in range(properties.getMaxNetworkAdapters(machine.platform.chipsetType)):
        yield machine.getNetworkAdapter(slot)


def nics_of(api: Api, machine: Any) -> tuple[Nic, ...]:
    """The cards of a machine."""
    return tuple(to_nic(api, one) for one in adapters(api, machine) if one.enabled)


def to_nic(api: Api, adapter: Any) -> Nic:
    """A card in our words."""
    kind = api.word("NetworkAttachmentType", adapter.attachmentType)
    return Nic(
        network=_network(kind, adapter),
        bridge=adapter.bridgedInterface if kind == "Bridged" else None,
        mac=written_mac(adapter.MACAddress),
        model=ours(MODELS, api.word("NetworkAdapterType", adapter.adapterType)),
        link="up" if adapter.cableConnected else "down",
        options=(("forwards", forwards_of(api, adapter)),),
    )


def _network(kind: str, adapter: Any) -> str | None:
    if kind == "NAT":
        return NAT
    if kind == "Internal":
        return f"{INTERNAL}{adapter.internalNetwork}"
    attribute = {"HostOnly": "hostOnlyInterface", "HostOnlyNetwork": "hostOnlyNetwork", "NATNetwork": "NATNetwork"}
    return str(getattr(adapter, attribute[kind])) if kind in attribute else None


def written_mac(digits: str) -> str:
    """An address as we write it; VirtualBox has it without colons."""
    return ":".join(re.findall("..?", digits)).lower()


def forwards_of(api: Api, adapter: Any) -> list[str]:
    """The forwarded ports of a card on NAT, sorted."""
    rules = (rule.split(",") for rule in api.list_of(adapter.NATEngine, "redirects"))
    return sorted(",".join((rule[0], PROTOCOLS[int(rule[1])], *rule[2:])) for rule in rules)


def forward(text: str) -> str:
    """A forwarded port in normal form. PlanError with what is allowed."""
    match = _FORWARD.fullmatch(text)
    if match is None or not all(0 < int(match[part]) < 65536 for part in (4, 6)):
        raise PlanError(f"nics: forwards: {text[:100]!r}: {FORWARD_SAYS}")
    return ",".join((match[1], match[2].lower(), match[3], str(int(match[4])), match[5], str(int(match[6]))))


def networks(api: Api) -> dict[str, str]:
    """The networks that a card can be on by their names, each with what a card's attachment to it is called."""
    host_only = api.number("HostNetworkInterfaceType", "HostOnly")
    found = {
        one.name: "HostOnly" for one in api.list_of(api.box.host, "networkInterfaces") if one.interfaceType == host_only
    }
    found.update({one.networkName: "NATNetwork" for one in api.list_of(api.box, "NATNetworks")})
    return {**found, NAT: "NAT"}


def interfaces(api: Api) -> set[str]:
    """The interfaces of the host that a card can be bridged to."""
    bridged = api.number("HostNetworkInterfaceType", "Bridged")
    return {one.name for one in api.list_of(api.box.host, "networkInterfaces") if one.interfaceType == bridged}


def kind_of(api: Api, nic: Nic) -> str | None:
    """What a card's attachment is called, None when its network is not there."""
    name = nic.network or ""
    if nic.bridge is not None:
        return "Bridged"
    if name.startswith(INTERNAL) and len(name) > len(INTERNAL):
        return "Internal"
    return networks(api).get(name)


def plug(api: Api, adapter: Any, nic: Nic) -> None:
    """Plug a card in where it belongs."""
    kind = kind_of(api, nic)
    if kind is None:
        raise PlanError(f"nics: there is no network {nic.network}")
    name = nic.bridge or nic.network or ""
    if kind == "Bridged":
        adapter.bridgedInterface = name
    elif kind == "Internal":
        adapter.internalNetwork = name.removeprefix(INTERNAL)
    elif kind == "HostOnly":
        adapter.hostOnlyInterface = name
    elif kind == "NATNetwork":
        adapter.NATNetwork = name
    adapter.attachmentType = api.number("NetworkAttachmentType", kind)


def put_forwards(api: Api, adapter: Any, wished: list[str]) -> None:
    """Forward these ports and no others."""
    engine = adapter.NATEngine
    there = forwards_of(api, adapter)
    for rule in there:
        if rule not in wished:
            engine.removeRedirect(rule.split(",", 1)[0])
    for rule in wished:
        if rule not in there:
            name, protocol, host, host_port, guest, guest_port = rule.split(",")
            number = api.number("NATProtocol", protocol.upper())
            engine.addRedirect(name, number, host, int(host_port), guest, int(guest_port))


def put_model(api: Api, adapter: Any, model: str) -> None:
    """Make a card one of another model."""
    adapter.adapterType = api.number("NetworkAdapterType", MODELS[model])


def add(api: Api, machine: Any, nic: Nic) -> None:
    """Add a card, in the first slot that is free."""
    adapter = next((one for one in adapters(api, machine) if not one.enabled), None)
    if adapter is None:
        raise PlanError("nics: every slot for a card is taken")
    adapter.enabled = True
    # An empty text has VirtualBox make up an address.
    adapter.MACAddress = (nic.mac or "").replace(":", "").upper()
    put_model(api, adapter, nic.model or DEFAULT_MODEL)
    plug(api, adapter, nic)
    adapter.cableConnected = nic.link != "down"
    put_forwards(api, adapter, nic.option("forwards") or [])


def find(api: Api, machine: Any, mac: str) -> Any:
    """The adapter of a card by its address, None when it is not there."""
    return next((one for one in adapters(api, machine) if one.enabled and written_mac(one.MACAddress) == mac), None)
