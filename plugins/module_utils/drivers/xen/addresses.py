# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The addresses of running guests, as far as the host has seen them lately: Xen itself knows of none."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Mapping, Sequence

from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import HostError
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.host import Host

GONE = {"FAILED", "INCOMPLETE"}


def seen(host: Host) -> Mapping[str, Sequence[str]]:
    """MAC to addresses, out of the host's ARP and neighbour tables, in one command. Without that table: none."""
    try:
        entries = json.loads(host.run(["ip", "-json", "neigh", "show"]) or "[]")
    except (HostError, ValueError):
        return {}
    found: dict[str, list[str]] = {}
    for entry in entries:
        mac, address = str(entry.get("lladdr", "")).lower(), str(entry.get("dst", ""))
        if mac and not GONE & set(entry.get("state", ())) and not ipaddress.ip_address(address).is_link_local:
            found.setdefault(mac, []).append(address)
    return {mac: sorted(addresses) for mac, addresses in found.items()}
