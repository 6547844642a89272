# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What this host has only so much of: memory, processors, and addresses that are nobody else's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from xml.etree.ElementTree import Element

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm import xml
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.abilities import Facts
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.memory import check_memory
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.change import Change
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import PlanError
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Guest, Nic


def looks(change: Change, want: Guest, facts: Facts) -> Iterator[Callable[[], None]]:
    """What there is to look at for a change."""
    if (change.verb, change.field) == ("create", "guest"):
        new: Guest = change.after
        yield partial(_check_memory, max(new.memory_mib or 0, new.memory_max_mib or 0), facts)
        yield partial(_check_vcpus, new, facts)
        for nic in new.nics or ():
            yield partial(_check_address, nic, want.name, facts)
    elif (change.verb, change.field) == ("add", "nics"):
        yield partial(_check_address, change.after, want.name, facts)
    elif change.verb == "set" and change.field in ("memory_mib", "memory_max_mib"):
        yield partial(_check_memory, change.after, facts)
    elif change.verb == "set" and change.field in ("vcpus", "vcpus_max"):
        yield partial(_check_more_vcpus, change, facts)


def _check_memory(most_mib: int, facts: Facts) -> None:
    check_memory(most_mib, facts.memory)


def _check_vcpus(new: Guest, facts: Facts) -> None:
    _refuse_vcpus(max(new.vcpus or 0, new.vcpus_max or 0), facts.abilities(new))


def _check_more_vcpus(change: Change, facts: Facts) -> None:
    if change.after > change.before:
        _refuse_vcpus(change.after, facts.abilities_of(change.name))


def _refuse_vcpus(wished: int, abilities: Element) -> None:
    most = int(xml.attribute(abilities, "vcpu", "max") or 0)
    if most and wished > most:
        raise PlanError(f"vcpus: {wished} are more than the {most} that this host allows to a guest")


def _check_address(nic: Nic, guest: str, facts: Facts) -> None:
    """Refuse an address that another guest's card has: of two such cards, both lose packets."""
    others = sorted(facts.macs.get(nic.mac, set()) - {guest}) if nic.mac else []
    if others:
        raise PlanError(f"nics: mac {nic.mac} is {', '.join(others)}'s")
