# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What kvm_guest_info tells of a guest beyond its options: the addresses of its cards, and what it uses."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm import edit_devices, statistics
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.addresses import Address, Card
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.look import Look


def complete(told: dict[str, Any], seen: Look, record: statistics.Record | None) -> dict[str, Any]:
    """What is told of a guest, with its interfaces and, where there is a record of it, its statistics."""
    name: str = told["name"]
    told = {**told, "interfaces": [_card(card) for card in seen.cards.get(name, ())]}
    return told if record is None else {**told, "statistics": _use(record, seen, name)}


def _card(card: Card) -> dict[str, Any]:
    return {"mac": card.mac, "addresses": [_address(one) for one in card.addresses]}


def _address(address: Address) -> dict[str, Any]:
    prefix = {} if address.prefix is None else {"prefix": address.prefix}
    return {"address": address.address, **prefix, "source": address.source}


def _use(record: statistics.Record, seen: Look, name: str) -> dict[str, Any]:
    stored, live = seen.definitions(name)
    use = statistics.describe_record(
        record, stored if live is None else live, lambda disk: edit_devices.disk_name(stored, disk)
    )
    since = None if live is None else seen.started_ns(name)
    if since is not None:
        use["started"] = datetime.fromtimestamp(since // 10**9, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    return use
