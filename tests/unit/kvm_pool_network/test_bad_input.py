# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is refused of pools and networks as it is written, where it stands and all of it at once."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.network_spec import parse_networks
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.pool_driver import find_id
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.pool_spec import parse_pools
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import SpecError
from ansible_collections.hostforge.hypervisor.tests.unit.guest.bad_input import NAMES

A, B = "52:54:00:00:00:0a", "52:54:00:00:00:0b"


def host(**options: Any) -> dict[str, Any]:
    return {"address": ["10.9.0.1/24"], "dhcp": {"hosts": [{"mac": A, "address": "10.9.0.5", **options}]}}


NETWORKS: list[tuple[dict[str, Any], str, str]] = [
    ({"colour": "red"}, "colour", "no such option"),
    ({"dhcp": {"colour": 1}}, "dhcp.colour", "no such option"),
    (host(colour=1), "dhcp.hosts[0].colour", "no such option"),
    ({"dhcp": {"hosts": [{"mac": A}]}}, "dhcp.hosts[0].address", "is needed"),
    ({"dhcp": "on"}, "dhcp", "a mapping is allowed"),
    ({"dhcp": {"hosts": {"mac": A}}}, "dhcp.hosts", "a list is allowed"),
    ({"dhcp": {"enabled": "maybe"}}, "dhcp.enabled", "true or false"),
    ({"state": "present"}, "state", "running, stopped, absent"),
    ({"mode": "natted"}, "mode", "nat, route, isolated, open, bridge"),
    ({"mtu": "large"}, "mtu", "a whole number"),
    ({"mtu": 10**9}, "mtu", "from 68 to 65535"),
    ({"autostart": 2}, "autostart", "true or false"),
    *(({"bridge": name}, "bridge", "1 to 15") for name in ("..", "-b", "a/b", "b r", "br\u043e0", "x" * 16, "a:b", "")),
    *(({"domain": name}, "domain", "DNS name")
      for name in ("a..b", "-a", "a_b", "a\u0435", "x" * 64, "a." * 127 + "aa")),
    *((host(name=name), "dhcp.hosts[0].name", "host name")
      for name in ("a,b", "a b", "5a", "a_b", "-a", "w\u0435b", "a,1.2.3.4", "x" * 64, "")),
    (host(name="a\nb"), "dhcp.hosts[0].name", "host name"),
    (host(name="a\x00b"), "dhcp.hosts[0].name", "control characters"),
    (host(address="10.9.0"), "dhcp.hosts[0].address", "4 octets"),
    (host(address="\uff11.2.3.4"), "dhcp.hosts[0].address", "decimal digits"),
    (host(address="fd00::1"), "dhcp.hosts[0].address", "fd00::1"),
    (host(mac="x"), "dhcp.hosts[0].mac", "six pairs"),
    *(({"address": [address]}, "address", says) for address, says in [
        ("10.9.0.1", "lacks its prefix"), ("10.9.0.0/24", "the network itself"), ("10.9.0.255/24", "broadcast"),
        ("224.0.0.1/8", "no address that a host"), ("127.0.0.1/8", "no address that a host"), ("::/64", "no address"),
        ("fe80::1%lo/64", "prefix"), ("10.9.0.1/33", "does not appear"), ("10.9.0.1/24\n", "there once"),
    ] if not address.endswith("\n")),
    ({"address": ["10.9.0.1/24", " 10.9.0.1/24"]}, "address", "there once"),
    ({"address": {"a": 1}}, "address", "a list is allowed"),
    ({"address": [["10.9.0.1/24"]]}, "address[0]", "a text is allowed"),
]  # fmt: skip

POOLS: list[tuple[dict[str, Any], str, str]] = [
    ({"colour": "red"}, "colour", "no such option"),
    ({"source": {"colour": 1}}, "source.colour", "no such option"),
    ({"source": "nas"}, "source", "a mapping is allowed"),
    ({"type": "nfs"}, "type", "dir, fs, netfs"),
    ({"state": 5}, "state", "running, stopped, absent"),
    *(({"path": path}, "path", "absolute path") for path in ("a", "../a", "/a/../b", "/a\nb", "/a\x00b", "-a", "")),
    *(({"path": path}, "path", "root of all files") for path in ("/", "//", "/./")),
    *(({"source": {"host": name}}, "source.host", "no - in front") for name in ("-oexec", "a\nb", "", "x" * 1025)),
    ({"source": {"name": "a\x00"}}, "source.name", "control characters"),
    *(({"owner": name}, "owner", "a name or a number") for name in ("a b", "a:b", "-a", "\u00b2", "\u0661", "")),
    ({"group": "a/b"}, "group", "a name or a number"),
    ({"owner": {"a": 1}}, "owner", "a text is allowed"),
    *(({"mode": mode}, "mode", "three octal digits")
      for mode in ("755 ", "8", "rwx", "01777", 493, "\uff17\uff15\uff15")),
    ({"autostart": "maybe"}, "autostart", "true or false"),
]  # fmt: skip


def network_errors(*entries: Any, **task: Any) -> list[str]:
    with pytest.raises(SpecError) as caught:
        parse_networks({**task, "networks": list(entries)})
    return list(caught.value.errors)


def pool_errors(*entries: Any, **task: Any) -> list[str]:
    with pytest.raises(SpecError) as caught:
        parse_pools({**task, "pools": list(entries)}, find_id)
    return list(caught.value.errors)


@pytest.mark.parametrize("case", NETWORKS, ids=str)
def test_a_network_that_cannot_be_is_refused_where_it_stands(case: tuple[dict[str, Any], str, str]) -> None:
    options, where, says = case
    (message,) = network_errors({"name": "n", **options})
    assert message.startswith(f"network n: {where}: "), message
    assert says in message


@pytest.mark.parametrize("case", POOLS, ids=str)
def test_a_pool_that_cannot_be_is_refused_where_it_stands(case: tuple[dict[str, Any], str, str]) -> None:
    options, where, says = case
    (message,) = pool_errors({"name": "p", **options})
    assert message.startswith(f"pool p: {where}: "), message
    assert says in message


@pytest.mark.parametrize("name", NAMES)
def test_hostile_names(name: Any) -> None:
    assert network_errors({"name": name})[0].startswith("network number 1: name: ")
    assert pool_errors({"name": name})[0].startswith("pool number 1: name: ")


def test_all_errors_are_told_at_once() -> None:
    messages = network_errors({"name": "a", "mtu": 1, "mode": "x"}, "b", {"name": "a", "bridge": "-"}, {})
    assert [": ".join(message.split(": ")[:2]) for message in messages] == [
        "network a: mode",
        "network a: mtu",
        "network number 2: a mapping is allowed (given",
        "network a: bridge",
        "network number 4: name",
        "network a: is listed more than once; each name may be there once",
    ]


def test_the_range_is_given_whole() -> None:
    (message,) = network_errors({"name": "n", "dhcp": {"start": "10.9.0.5"}})
    assert "required together" in message


def test_a_folder_is_known_by_one_path() -> None:
    (wish,) = parse_pools({"name": "p", "path": "//srv//./guests/"}, find_id)
    assert wish.item.path == "/srv/guests"
