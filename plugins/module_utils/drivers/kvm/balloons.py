# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The memory that running guests have, which their balloon drivers take and give back at a pace of their own."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.connect import libvirt
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Guest

STANDS_S = 1.0  # a balloon that has not moved for so long has stopped
SETTLES_S = 30


def settled(found: Mapping[str, Guest], domains: Mapping[str, libvirt.virDomain]) -> tuple[dict[str, Guest], set[str]]:
    """Guests with the memory that the running ones get to, and the names of those that have not taken theirs.

    All are waited for at the same time. Where no balloon driver has taken yet what a guest was told to have, that is
    what counts.
    """
    live = {name: guest.live for name, guest in found.items() if guest.live is not None}
    moving = {name for name, running in live.items() if running.memory_mib != found[name].memory_mib}
    silent = {name for name in moving if is_mute(domains[name])}
    told = {name: min(found[name].memory_mib or 0, live[name].memory_mib or 0) for name in silent}
    reached = settled_memory_kib({name: domains[name] for name in sorted(moving - silent)})
    memory = {**told, **{name: kib // 1024 for name, kib in reached.items()}}
    guests = {
        name: replace(guest, live=replace(live[name], memory_mib=memory[name])) if name in memory else guest
        for name, guest in found.items()
    }
    return guests, {name for name in silent if told[name] != live[name].memory_mib}


def is_mute(domain: libvirt.virDomain) -> bool:
    """Whether no balloon driver in this running guest has spoken up: it has none, or has not loaded it yet.

    Such a guest has all of its maximum, whatever it was told to have, and no restart changes that. One that has
    spoken has told its statistics, or has been given less than its maximum at some time.
    """
    _state, most, now = domain.info()[:3]
    if now != most:
        return False
    try:
        return domain.memoryStats().get("last_update", 0) <= 0
    except libvirt.libvirtError:
        return True  # it has no balloon at all


def settled_memory_kib(domains: Mapping[str, libvirt.virDomain]) -> dict[str, int]:
    """The memory that running guests have, by their names, once their balloons have stopped moving."""
    end = time.monotonic() + SETTLES_S
    before: dict[str, int] = {}
    now = {name: domain.info()[2] for name, domain in domains.items()}
    while now != before and time.monotonic() < end:
        time.sleep(STANDS_S)
        # One that stands is not asked again, so that it does not wait for others that move for ever.
        moving = [name for name in domains if now[name] != before.get(name)]
        before, now = now, {**now, **{name: domains[name].info()[2] for name in moving}}
    return now
