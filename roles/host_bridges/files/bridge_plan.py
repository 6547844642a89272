# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads how this host's network is set up and prints, as JSON, what the wished bridges would change; changes nothing.

Run on the host as ``python3 - '<JSON list of bridges>'``; the role host_bridges reads the answer, bridge_apply.py
carries it out. The answer: ``{"stack", "error", "bridges"}``, each bridge with its ``name``, ``changed``, ``files`` (a
list of ``path`` and ``after``), the commands ``before``, ``after``, ``undo_before`` and ``undo_after``, and what to
``expect``.
"""

from __future__ import annotations

import glob
import ipaddress
import json
import os
import re
import subprocess
import sys
from typing import Any

INTERFACES = "/etc/network/interfaces"
NETWORKD = "/etc/systemd/network"
MARK = "# hostforge: "
# interfaces(5): the words that begin a stanza, so that a stanza ends where one of them stands.
STANZA = re.compile(
    r"^\s*(iface|auto|allow-\S+|no-auto-down|no-scripts|mapping|rename|template|source|source-directory)\s"
)


class Refused(Exception):
    """The wish cannot be carried out safely; the message says why and what to do."""


# --- what the host has ---


def read_text(path: str) -> str | None:
    """The text of a file, or None when there is none."""
    try:
        with open(path, encoding="utf-8") as handle:
            return handle.read()
    except OSError:
        return None


def run(*argv: str) -> str:
    """The output of a command that only looks; empty when it fails or is not there."""
    try:
        done = subprocess.run(argv, capture_output=True, text=True, check=False, env={**os.environ, "LC_ALL": "C"})
    except OSError:
        return ""
    return done.stdout


def find_stack() -> str:
    """The name of the service that owns the network; Refused for those this role does not drive."""
    if glob.glob("/etc/netplan/*.yaml") or glob.glob("/run/netplan/*.yaml"):
        raise Refused(
            "netplan writes this host's network configuration; describe the bridges in /etc/netplan yourself, "
            "and leave the role's list of bridges empty"
        )
    names = ("NetworkManager.service", "systemd-networkd.service", "networking.service")
    states = dict(zip(names, run("systemctl", "is-active", *names).split()))
    if states.get("NetworkManager.service") == "active":
        raise Refused(
            "NetworkManager runs this host's network; make bridges with nmcli, and leave the list of bridges empty"
        )
    if states.get("networking.service") == "active" and os.path.exists(INTERFACES):
        return "ifupdown"
    if states.get("systemd-networkd.service") == "active":
        return "systemd-networkd"
    raise Refused(
        "neither ifupdown (networking.service) nor systemd-networkd runs on this host, and no other is known here"
    )


def addresses_of(device: str) -> list[str]:
    """The global IPv4 addresses of a device, with prefix."""
    links = json.loads(run("ip", "-json", "-4", "address", "show", "dev", device, "scope", "global") or "[]")
    return [f"{info['local']}/{info['prefixlen']}" for link in links for info in link.get("addr_info", [])]


def gateway_of(device: str) -> str | None:
    """The default gateway that is reached through a device."""
    routes = json.loads(run("ip", "-json", "-4", "route", "show", "default", "dev", device) or "[]")
    return next((route["gateway"] for route in routes if "gateway" in route), None)


def look(bridge: dict[str, Any]) -> dict[str, Any]:
    """What one wished bridge and its port are at the moment."""
    name, port = bridge["name"], bridge.get("port")
    state: dict[str, Any] = {
        "exists": os.path.isdir(f"/sys/class/net/{name}/bridge"),
        "joined": True,
        "mac": None,
        "addresses": [],
        "gateway": None,
    }
    if os.path.exists(f"/sys/class/net/{name}") and not state["exists"]:
        raise Refused(f"{name} exists and is no bridge; choose another name")
    if port:
        if not os.path.exists(f"/sys/class/net/{port}"):
            raise Refused(
                f"the port {port} of {name} does not exist; the host has {' '.join(os.listdir('/sys/class/net'))}"
            )
        master = f"/sys/class/net/{port}/master"
        owner = os.path.basename(os.readlink(master)) if os.path.islink(master) else None
        if owner not in (None, name):
            raise Refused(f"the port {port} of {name} belongs to {owner} already")
        state["joined"] = owner == name
        state["mac"] = (read_text(f"/sys/class/net/{port}/address") or "").strip()
        state["addresses"] = addresses_of(port)
        state["gateway"] = gateway_of(port)
    return state


def lease_identity(port: str) -> str:
    """The lines that make a bridge ask DHCP under the identity of its port, so that it is given the same address.

    systemd-networkd forms its client identifier (RFC 4361) from a number that comes from the device's name.
    """
    index = (read_text(f"/sys/class/net/{port}/ifindex") or "").strip()
    found = re.search(r"^CLIENTID=(\w+)$", read_text(f"/run/systemd/netif/leases/{index}") or "", re.MULTILINE)
    if not found:
        return ""
    return (
        f"\n[DHCPv4]\nIAID={int(found[1][2:10], 16)}\n"
        if found[1].startswith("ff")
        else "\n[DHCPv4]\nClientIdentifier=mac\n"
    )


# --- what is to be: pure, except for plan() and main() ---


def networkd_files(bridge: dict[str, Any], mac: str | None, identity: str) -> dict[str, str]:
    """The files of systemd.netdev(5) and systemd.network(5) for one bridge; 05- wins over the usual 10- and later."""
    name, port, address = bridge["name"], bridge.get("port"), bridge.get("address") or "none"
    head = "# Written by the role hostforge.hypervisor.host_bridges\n"
    netdev = (
        f"{head}[NetDev]\nName={name}\nKind=bridge\n" + (f"MACAddress={mac}\n" if mac else "") + "\n[Bridge]\nSTP=no\n"
    )
    online = "yes" if port and address != "none" else "no"
    network = f"{head}[Match]\nName={name}\n\n[Link]\nRequiredForOnline={online}\n\n[Network]\n"
    if address == "none":
        network += "LinkLocalAddressing=no\nIPv6AcceptRA=no\n"
    elif address == "dhcp":
        network += "DHCP=ipv4\n"
    else:
        network += f"Address={address}\n" + (f"Gateway={bridge['gateway']}\n" if bridge.get("gateway") else "")
    network += "".join(f"DNS={server}\n" for server in bridge.get("dns") or [])
    if not port:
        network += "ConfigureWithoutCarrier=yes\n"
    files = {
        f"{NETWORKD}/05-hostforge-{name}.netdev": netdev,
        f"{NETWORKD}/05-hostforge-{name}.network": network + (identity if address == "dhcp" else ""),
    }
    if port:
        files[f"{NETWORKD}/05-hostforge-{name}-port.network"] = (
            f"{head}[Match]\nName={port}\n\n[Network]\nBridge={name}\nLinkLocalAddressing=no\nIPv6AcceptRA=no\n"
        )
    return files


def without_port(text: str, port: str) -> str:
    """An interfaces(5) file in which every stanza of one device is a comment; all else is as it was."""
    lines, hiding = [], False
    for line in text.splitlines(keepends=True):
        words = line.split()
        if STANZA.match(line):
            hiding = words[0] == "iface" and words[1] == port
        if words and port in words[1:] and (words[0] == "auto" or words[0].startswith("allow-")):
            rest = [word for word in words if word != port]
            lines += [MARK + line, *([" ".join(rest) + "\n"] if len(rest) > 1 else [])]
        elif hiding and words and not words[0].startswith("#"):
            lines.append(MARK + line)
        else:
            lines.append(line)
    return "".join(lines)


def ifupdown_file(bridge: dict[str, Any], mac: str | None) -> str:
    """The stanza of interfaces(5) and bridge-utils-interfaces(5) for one bridge."""
    name, port, address = bridge["name"], bridge.get("port"), bridge.get("address") or "none"
    method = {"none": "manual", "dhcp": "dhcp"}.get(address, "static")
    options = [f"address {address}"] if method == "static" else []
    options += [f"gateway {bridge['gateway']}"] if method == "static" and bridge.get("gateway") else []
    options += [f"dns-nameservers {' '.join(bridge['dns'])}"] if bridge.get("dns") else []
    options += [f"bridge_ports {port or 'none'}", "bridge_stp off", "bridge_fd 0"]
    options += [f"bridge_hw {mac}"] if mac else []
    body = "".join(f"    {option}\n" for option in options)
    return f"# Written by the role hostforge.hypervisor.host_bridges\nauto {name}\niface {name} inet {method}\n{body}"


def ifupdown_files(bridge: dict[str, Any], mac: str | None, present: dict[str, str]) -> dict[str, str]:
    """What the interfaces files become; ``present`` is what they hold now, by path."""
    own = f"{INTERFACES}.d/hostforge-{bridge['name']}"
    files = {
        path: without_port(text, bridge["port"]) if bridge.get("port") else text
        for path, text in present.items()
        if path != own
    }
    main = files.get(INTERFACES, "")
    if not re.search(r"^\s*source(-directory)?\s+(/etc/network/)?interfaces\.d", main, re.MULTILINE):
        files[INTERFACES] = main + f"source {INTERFACES}.d/*\n"
    files[own] = ifupdown_file(bridge, mac)
    return files


def commands(stack: str, bridge: dict[str, Any], exists: bool) -> dict[str, list[list[str]]]:
    """What is run around the exchange of the files, and what undoes it. ifdown must see the old files, ifup the new."""
    name, port = bridge["name"], bridge.get("port")
    ports = [port] if port else []
    remove = [] if exists else [["ip", "link", "delete", name]]
    if stack == "ifupdown":
        return {
            "before": [["ifdown", "--force", device] for device in [*ports, *([name] if exists else [])]]
            + [["ip", "address", "flush", "dev", device] for device in ports],
            "after": [["ifup", "--force", name]],
            "undo_before": [["ifdown", "--force", name]],
            "undo_after": [*remove, *[["ifup", "--force", device] for device in ([name] if exists else ports)]],
        }
    return {
        "before": [],
        "after": [
            ["networkctl", "reload"],
            *[["networkctl", "reconfigure", device] for device in [*ports, *([name] if exists else [])]],
        ],
        "undo_before": [],
        "undo_after": [*remove, ["networkctl", "reload"], *[["networkctl", "reconfigure", device] for device in ports]],
    }


def check(bridge: dict[str, Any], state: dict[str, Any]) -> None:
    """Refuses what would be wrong or would cut the host off."""
    address = bridge.get("address") or "none"
    if address not in ("none", "dhcp"):
        try:
            ipaddress.ip_interface(address)
        except ValueError as error:
            raise Refused(
                f"the address of {bridge['name']} must be dhcp, none, or an address with prefix: {error}"
            ) from error
    if address == "none" and state["addresses"]:
        raise Refused(
            f"{bridge['port']} carries {', '.join(state['addresses'])}, which the host would lose with address: none; "
            "write address: dhcp or that address, or take it off the card first"
        )


def expectation(bridge: dict[str, Any], state: dict[str, Any]) -> dict[str, Any]:
    """What must hold on the bridge for the change to stay."""
    address = bridge.get("address") or "none"
    wanted = [] if address == "none" else state["addresses"] if address == "dhcp" else [address]
    return {
        "device": bridge["name"],
        "port": bridge.get("port"),
        "any_address": address == "dhcp" and bool(bridge.get("port")),
        "addresses": wanted,
        "gateway": bridge.get("gateway") or state["gateway"],
    }


def plan(stack: str, bridge: dict[str, Any]) -> dict[str, Any]:
    """What one bridge needs: reads, checks, and hands the rest to the pure part."""
    state = look(bridge)
    check(bridge, state)
    if stack == "ifupdown":
        paths = [INTERFACES, *sorted(glob.glob(f"{INTERFACES}.d/*"))]
        files = ifupdown_files(bridge, state["mac"], {path: read_text(path) or "" for path in paths})
    else:
        old = read_text(f"{NETWORKD}/05-hostforge-{bridge['name']}.network") or ""
        kept = re.search(r"\n\[DHCPv4\]\n.*\n", old)
        files = networkd_files(
            bridge, state["mac"], kept[0] if kept else lease_identity(bridge["port"]) if bridge.get("port") else ""
        )
    changed = {path: text for path, text in files.items() if read_text(path) != text}
    return {
        "name": bridge["name"],
        "changed": bool(changed) or not state["exists"] or not state["joined"],
        "files": [{"path": path, "after": text} for path, text in sorted(changed.items())],
        **commands(stack, bridge, state["exists"]),
        "expect": expectation(bridge, state),
    }


def main() -> None:
    """Prints the plan of every bridge, or the reason why there is none."""
    answer: dict[str, Any] = {"stack": None, "error": "", "bridges": []}
    try:
        answer["stack"] = find_stack()
        answer["bridges"] = [plan(answer["stack"], bridge) for bridge in json.loads(sys.argv[1])]
    except Refused as refusal:
        answer["error"] = str(refusal)
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
