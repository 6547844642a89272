# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A libvirt of pools and networks that lives in memory: what the drivers call, and a list of what they wrote."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from dataclasses import dataclass, field
from typing import Any


class Camel:
    """Answers to the names that the bindings use, listAllNetworks for list_all_networks."""

    def __getattr__(self, name: str) -> Any:
        own = re.sub("(?<=[a-z])(?=[A-Z])", "_", name).lower()
        if own == name:
            raise AttributeError(name)
        return getattr(self, own)


@dataclass
class Fake(Camel):
    """The connection."""

    pools: dict[str, FakePool] = field(default_factory=dict)
    networks: dict[str, FakeNetwork] = field(default_factory=dict)
    domains: list[str] = field(default_factory=list)
    writes: list[str] = field(default_factory=list)

    def list_all_storage_pools(self) -> list[FakePool]:
        return list(self.pools.values())

    def list_all_networks(self) -> list[FakeNetwork]:
        return list(self.networks.values())

    def list_all_domains(self, flags: int) -> list[FakeDomain]:
        assert flags == 1
        return [FakeDomain(xml) for xml in self.domains]

    def storage_pool_lookup_by_name(self, name: str) -> FakePool:
        return self.pools[name]

    def network_lookup_by_name(self, name: str) -> FakeNetwork:
        return self.networks[name]

    def storage_pool_define_xml(self, xml: str, flags: int) -> FakePool:
        name = ET.fromstring(xml).findtext("name")
        self.writes.append(f"define {name}")
        return _define(self, self.pools, FakePool, name, xml)

    def network_define_xml(self, xml: str) -> FakeNetwork:
        name = ET.fromstring(xml).findtext("name")
        self.writes.append(f"define {name}")
        return _define(self, self.networks, FakeNetwork, name, xml)


def _define(connection: Fake, table: dict[str, Any], kind: type[Any], name: str, xml: str) -> Any:
    thing = table.setdefault(name, kind(connection, name, ""))
    root = ET.fromstring(xml)
    if root.find("uuid") is None:
        ET.SubElement(root, "uuid").text = f"uuid-of-{name}"
    thing.stored, thing.persistent = ET.tostring(root, encoding="unicode"), True
    return thing


@dataclass
class FakeDomain(Camel):
    xml: str

    def xmldesc(self) -> str:
        return self.xml


@dataclass
class FakeThing(Camel):
    """What pools and networks have in common."""

    connection: Fake
    label: str
    stored: str
    live: str | None = None
    persistent: bool = True
    starts: bool = False

    def name(self) -> str:
        return self.label

    def is_active(self) -> int:
        return int(self.live is not None)

    def is_persistent(self) -> int:
        return int(self.persistent)

    def autostart(self) -> int:
        return int(self.starts)

    def set_autostart(self, value: int) -> None:
        self.note("autostart")
        self.starts = bool(value)

    def create(self, flags: int = 0) -> None:
        self.note("create")
        self.live = self.stored

    def destroy(self) -> None:
        self.note("destroy")
        self.live = None
        if not self.persistent:
            self.forget()

    def undefine(self) -> None:
        self.note("undefine")
        self.forget()

    def xmldesc(self, flags: int) -> str:
        return self.live if flags == 0 and self.live else self.stored

    def note(self, what: str) -> None:
        self.connection.writes.append(f"{what} {self.label}")


@dataclass
class FakePool(FakeThing):
    volumes: int = 0
    built: list[str] = field(default_factory=list)

    def num_of_volumes(self) -> int:
        assert self.live
        return self.volumes

    def build(self, flags: int) -> None:
        assert flags == 0, "anything else would format"
        assert not self.live, "libvirt refuses to build an active pool"
        self.note("build")

    def forget(self) -> None:
        del self.connection.pools[self.label]


@dataclass
class FakeNetwork(FakeThing):
    def bridge_name(self) -> str:
        return ET.fromstring(self.live or self.stored).find("bridge").get("name")

    def forget(self) -> None:
        del self.connection.networks[self.label]

    def update(self, command: int, section: int, parent: int, xml: str, flags: int) -> None:
        """virNetworkUpdate of DHCP's range (5) and hosts (4) in the active network."""
        assert (parent, flags) == (-1, 1)
        self.note("update")
        root, new = ET.fromstring(self.live), ET.fromstring(xml)
        assert new.tag == {4: "host", 5: "range"}[section]
        dhcp = root.find("ip/dhcp")
        same = [one for one in dhcp if one.tag == new.tag and (section == 5 or one.get("mac") == new.get("mac"))]
        if command in (1, 2):
            assert same, "libvirt refuses to change what is not there"
            dhcp.remove(same[0])
        elif section == 4:
            assert not same, "libvirt refuses a second host with the same MAC"
            assert new.get("ip") not in [one.get("ip") for one in dhcp], "libvirt refuses an address twice"
        if command in (1, 3):
            dhcp.append(new)
        self.live = ET.tostring(root, encoding="unicode")
