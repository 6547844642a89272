# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role's bridge planner makes of a wish, for ifupdown and for systemd-networkd, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.hostforge.hypervisor.tests.unit.kvm_pool_network.role_files import load

bridge_plan = load("bridge_plan")
MAC = "52:54:00:12:34:56"
INTERFACES = """source /etc/network/interfaces.d/*

auto lo
iface lo inet loopback

# the uplink
auto eth0 eth1
allow-hotplug eth0
iface eth0 inet static
    address 192.0.2.5/24
    # a remark
    gateway 192.0.2.1

iface eth0 inet6 auto
iface eth1 inet manual
"""


def test_the_port_s_stanzas_become_comments_and_all_else_stays() -> None:
    text = bridge_plan.without_port(INTERFACES, "eth0")
    assert text.splitlines() == [
        "source /etc/network/interfaces.d/*",
        "",
        "auto lo",
        "iface lo inet loopback",
        "",
        "# the uplink",
        "# hostforge: auto eth0 eth1",
        "auto eth1",
        "# hostforge: allow-hotplug eth0",
        "# hostforge: iface eth0 inet static",
        "# hostforge:     address 192.0.2.5/24",
        "    # a remark",
        "# hostforge:     gateway 192.0.2.1",
        "",
        "# hostforge: iface eth0 inet6 auto",
        "iface eth1 inet manual",
    ]
    assert bridge_plan.without_port(text, "eth0") == text


def test_a_file_that_does_not_name_the_port_is_not_touched() -> None:
    assert bridge_plan.without_port(INTERFACES, "eth7") == INTERFACES
    assert bridge_plan.without_port("auto eth1", "eth7") == "auto eth1"
    assert bridge_plan.without_port("", "eth7") == ""


def test_ifupdown_gets_a_file_of_its_own_and_a_line_that_reads_it() -> None:
    wish = {"name": "br0", "port": "eth0", "address": "192.0.2.5/24", "gateway": "192.0.2.1", "dns": ["192.0.2.2"]}
    files = bridge_plan.ifupdown_files(wish, MAC, {"/etc/network/interfaces": "auto lo\n"})
    assert files["/etc/network/interfaces"] == "auto lo\nsource /etc/network/interfaces.d/*\n"
    assert files["/etc/network/interfaces.d/hostforge-br0"].splitlines()[1:] == [
        "auto br0",
        "iface br0 inet static",
        "    address 192.0.2.5/24",
        "    gateway 192.0.2.1",
        "    dns-nameservers 192.0.2.2",
        "    bridge_ports eth0",
        "    bridge_stp off",
        "    bridge_fd 0",
        f"    bridge_hw {MAC}",
    ]


def test_planning_again_on_what_was_written_gives_the_same() -> None:
    wish = {"name": "br0", "port": "eth0", "address": "dhcp"}
    once = bridge_plan.ifupdown_files(wish, MAC, {"/etc/network/interfaces": INTERFACES})
    assert bridge_plan.ifupdown_files(wish, MAC, once) == once


def test_networkd_gets_the_bridge_with_the_port_s_address_and_identity() -> None:
    wish = {"name": "br0", "port": "eth0", "address": "dhcp"}
    files = bridge_plan.networkd_files(wish, MAC, "\n[DHCPv4]\nIAID=7\n")
    assert sorted(path.rpartition("/")[2] for path in files) == [
        "05-hostforge-br0-port.network",
        "05-hostforge-br0.netdev",
        "05-hostforge-br0.network",
    ]
    folder = "/etc/systemd/network/05-hostforge-br0"
    assert f"MACAddress={MAC}" in files[f"{folder}.netdev"]
    assert "DHCP=ipv4" in files[f"{folder}.network"]
    assert files[f"{folder}.network"].endswith("[DHCPv4]\nIAID=7\n")
    assert "Bridge=br0" in files[f"{folder}-port.network"]


def test_networkd_brings_up_a_bridge_without_a_port() -> None:
    files = bridge_plan.networkd_files({"name": "br0"}, None, "")
    assert "ConfigureWithoutCarrier=yes" in files["/etc/systemd/network/05-hostforge-br0.network"]
    assert len(files) == 2


@pytest.mark.parametrize(
    ("lease", "lines"),
    [
        ("CLIENTID=ffb6220feb00020000ab11\n", "\n[DHCPv4]\nIAID=3055685611\n"),
        ("CLIENTID=01525400123456\n", "\n[DHCPv4]\nClientIdentifier=mac\n"),
        ("ADDRESS=192.0.2.5\n", ""),
    ],
)
def test_the_identity_comes_from_the_lease(lease: str, lines: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bridge_plan, "read_text", lambda path: "2\n" if path.endswith("ifindex") else lease)
    assert bridge_plan.lease_identity("eth0") == lines


CARRIES = {"exists": False, "joined": False, "mac": MAC, "addresses": ["192.0.2.5/24"], "gateway": "192.0.2.1"}


def test_a_bridge_that_would_take_the_host_s_address_away_is_refused() -> None:
    with pytest.raises(bridge_plan.Refused, match=r"eth0 carries 192\.0\.2\.5/24"):
        bridge_plan.check({"name": "br0", "port": "eth0", "address": "none"}, CARRIES)
    with pytest.raises(bridge_plan.Refused, match="dhcp, none, or an address"):
        bridge_plan.check({"name": "br0", "port": "eth0", "address": "192.0.2.300/24"}, CARRIES)


def test_the_port_s_addresses_and_gateway_must_be_back_on_the_bridge() -> None:
    expected = bridge_plan.expectation({"name": "br0", "port": "eth0", "address": "dhcp"}, CARRIES)
    assert (expected["addresses"], expected["gateway"]) == (["192.0.2.5/24"], "192.0.2.1")
    expected = bridge_plan.expectation({"name": "br0", "port": "eth0", "address": "192.0.2.9/24"}, CARRIES)
    assert expected["addresses"] == ["192.0.2.9/24"]


@pytest.mark.parametrize("stack", ["ifupdown", "systemd-networkd"])
@pytest.mark.parametrize("exists", [True, False])
def test_a_new_bridge_is_deleted_on_the_way_back_and_an_old_one_is_not(stack: str, exists: bool) -> None:
    steps = bridge_plan.commands(stack, {"name": "br0", "port": "eth0"}, exists)
    assert (["ip", "link", "delete", "br0"] in steps["undo_after"]) is not exists


@pytest.mark.parametrize(
    ("paths", "states", "found"),
    [
        ((), ["inactive", "inactive", "active"], "ifupdown"),
        ((), ["inactive", "active", "inactive"], "systemd-networkd"),
        (("/etc/netplan/50-cloud-init.yaml",), ["inactive", "active", "inactive"], "netplan"),
        ((), ["active", "inactive", "inactive"], "NetworkManager"),
        ((), ["inactive", "inactive", "inactive"], "neither"),
    ],
)
def test_the_stack_is_the_service_that_runs(
    paths: tuple[str, ...], states: list[str], found: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        bridge_plan.glob, "glob", lambda pattern: [one for one in paths if one.startswith(pattern[:12])]
    )
    monkeypatch.setattr(bridge_plan.os.path, "exists", lambda _path: True)
    monkeypatch.setattr(bridge_plan, "run", lambda *_: "\n".join(states))
    if found in ("ifupdown", "systemd-networkd"):
        assert bridge_plan.find_stack() == found
    else:
        with pytest.raises(bridge_plan.Refused, match=found):
            bridge_plan.find_stack()


def test_a_host_without_a_known_stack_says_so_in_the_answer(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse() -> str:
        raise bridge_plan.Refused("no stack")

    monkeypatch.setattr(bridge_plan, "find_stack", refuse)
    monkeypatch.setattr(bridge_plan.sys, "argv", ["-", '[{"name": "br0"}]'])
    bridge_plan.main()
    assert json.loads(capsys.readouterr().out) == {"stack": None, "error": "no stack", "bridges": []}


def test_a_plan_says_whether_anything_is_to_be_done(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    state: dict[str, Any] = {"exists": True, "joined": True, "mac": None, "addresses": [], "gateway": None}
    monkeypatch.setattr(bridge_plan, "NETWORKD", str(tmp_path))
    monkeypatch.setattr(bridge_plan, "look", lambda _bridge: state)
    first = bridge_plan.plan("systemd-networkd", {"name": "br0"})
    assert first["changed"]
    for file in first["files"]:
        Path(file["path"]).write_text(file["after"])
    assert not bridge_plan.plan("systemd-networkd", {"name": "br0"})["changed"]
    state["joined"] = False
    assert bridge_plan.plan("systemd-networkd", {"name": "br0"})["changed"]
