# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A network card as xl.cfg writes it: key=value, with commas. Source: xl-network-configuration(5)."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Nic

# What a guest sees that has a driver of Xen's own for it; every other model is one that the device model emulates.
NETFRONT = "netfront"
EMULATED = "rtl8139"  # what an emulated card is where nothing is written
OPEN_VSWITCH = "vif-openvswitch"
DEFAULT_BRIDGE = "xenbr0"


@dataclass(frozen=True)
class NicSpec:
    """What is written of a card, in its order: pairs of a key and its value; a word without a value has None."""

    pairs: tuple[tuple[str, str | None], ...] = ()

    def get(self, key: str) -> str | None:
        """The value of a key, None when it is not written."""
        return dict(self.pairs).get(key)

    def put(self, key: str, value: str | None) -> NicSpec:
        """The spec with another value of a key, in its place; None takes it away."""
        if value is None:
            return replace(self, pairs=tuple(pair for pair in self.pairs if pair[0] != key))
        if key not in dict(self.pairs):
            return replace(self, pairs=(*self.pairs, (key, value)))
        return replace(self, pairs=tuple((name, value if name == key else old) for name, old in self.pairs))

    @property
    def words(self) -> list[str]:
        """The spec in the words that xl takes one by one."""
        return [key if value is None else f"{key}={value}" for key, value in self.pairs]

    def written(self) -> str:
        """The spec as one entry of the list."""
        return ",".join(self.words)


def parse_nic(text: str) -> NicSpec:
    """Read a spec."""
    pairs: list[tuple[str, str | None]] = []
    for word in filter(None, (part.strip() for part in text.split(","))):
        key, equals, value = word.partition("=")
        pairs.append((key.strip(), value.strip() if equals else None))
    return NicSpec(tuple(pairs))


def to_nic(spec: NicSpec, kind: str, bridge: str = DEFAULT_BRIDGE) -> Nic:
    """The card in the words of the core. kind: the guest's type. bridge: the host's default."""
    name, vlan = spec.get("bridge") or bridge, spec.get("vlan") or "0"
    if (spec.get("script") or "").endswith(OPEN_VSWITCH):
        name, vlan = _split(name)
    model = NETFRONT
    if kind == "hvm" and spec.get("type") != "vif":
        model = spec.get("model") or EMULATED
    mac = (spec.get("mac") or "").lower() or None
    return Nic(bridge=name, mac=mac, vlan=int(vlan) if vlan.isdecimal() else 0, model=model)


def _split(name: str) -> tuple[str, str]:
    """A bridge of Open vSwitch and the tag of the card, which its hotplug script takes in one word."""
    bridge, _dot, tag = name.partition(":")[0].partition(".")
    return bridge, tag or "0"


def plugged(spec: NicSpec, bridge: str, vlan: int, switch: bool) -> NicSpec:
    """The spec on a bridge, with a tag. switch: the bridge is one of Open vSwitch, which takes a script of its own."""
    if switch:
        name = f"{bridge}.{vlan}" if vlan else bridge
        return spec.put("vlan", None).put("bridge", name).put("script", OPEN_VSWITCH)
    if (spec.get("script") or "").endswith(OPEN_VSWITCH):
        spec = spec.put("script", None)
    return spec.put("bridge", bridge).put("vlan", str(vlan) if vlan else None)


def modelled(spec: NicSpec, model: str, kind: str) -> NicSpec:
    """The spec with another model."""
    if kind != "hvm":
        return spec
    if model == NETFRONT:
        return spec.put("model", None).put("type", "vif")
    return spec.put("type", "ioemu").put("model", model)


def from_nic(nic: Nic, kind: str, switch: bool) -> NicSpec:
    """The spec of a new card, which has its address."""
    spec = NicSpec((("mac", nic.mac or ""),))
    return modelled(plugged(spec, nic.bridge or "", nic.vlan or 0, switch), nic.model or NETFRONT, kind)
