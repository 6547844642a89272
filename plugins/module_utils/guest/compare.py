# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Wish against state, option by option: every difference, with the change that mends it. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.entries import (
    compare_cdroms,
    compare_disks,
    compare_nics,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.judge import Differences, Judge
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Guest, Policy
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.traits import Traits

SCALARS = (
    "uuid",
    "description",
    "firmware",
    "secure_boot",
    "tpm",
    "boot_order",
    "vcpus_max",
    "vcpus",
    "memory_max_mib",
    "memory_mib",
    "cloud_init",
    "autostart",
)
MAXIMA = {"vcpus": "vcpus_max", "memory_mib": "memory_max_mib"}


def compare(want: Guest, have: Guest, traits: Traits, policy: Policy) -> Differences:
    """Yield every difference between a wish and the state of a guest that exists, in the order to mend them."""
    judge = Judge(_with_room(want, have, traits), have, traits)
    for name in _ordered(judge.want, have):
        yield from _value(judge, name, getattr(judge.want, name), getattr(have, name), getattr(have.live, name, None))
    for name, wanted in want.options:
        yield from _value(judge, name, wanted, have.option(name), have.live.option(name) if have.live else None)
    yield from compare_disks(judge, policy.delete_disks)
    yield from compare_cdroms(judge)
    yield from compare_nics(judge)


def _value(judge: Judge, name: str, wanted: Any, stored: Any, live: Any) -> Differences:
    if wanted is not None:
        yield from judge.value(judge.change("set", name, after=wanted), stored, live, judge.have.live is not None)


def _with_room(want: Guest, have: Guest, traits: Traits) -> Guest:
    """Wish for a maximum that goes with the value, or a value that goes with the maximum, where one is not written.

    A maximum grows when the value needs the room. It shrinks with the value only where there was no room to spare,
    and not under a running guest, whose value can go down at once while its maximum cannot.
    """
    for name, largest in MAXIMA.items():
        wanted, found, room = getattr(want, name), getattr(have, name), getattr(have, largest)
        limit = getattr(want, largest)
        if found is None or room is None or largest not in traits.fields:
            continue
        if wanted is None and limit is not None and limit < found:
            want = replace(want, **{name: limit})
        elif wanted is None or limit is not None:
            continue
        elif wanted > room or (wanted < found == room and have.live is None):
            want = replace(want, **{largest: wanted})
    return want


def _ordered(want: Guest, have: Guest) -> list[str]:
    """A maximum is raised before the value that needs the room, and lowered after the value that leaves it."""
    names = list(SCALARS)
    for name, largest in MAXIMA.items():
        wanted, found = getattr(want, largest), getattr(have, largest)
        if wanted is not None and found is not None and wanted < found:
            names.remove(name)
            names.insert(names.index(largest), name)
    return names
