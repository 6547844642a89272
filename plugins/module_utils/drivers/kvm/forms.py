# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options under C(kvm:) that are more than a word: from what users write to the form that a state has."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Callable

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm import passthrough
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.fragment_form import fragments_of
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.reader import VCPUS_LARGEST

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]{0,63}", re.ASCII)
WATCHDOGS = ("i6300esb", "ib700", "diag288")
WATCHDOG_ACTIONS = ("reset", "shutdown", "poweroff", "pause", "none", "dump", "inject-nmi")
NO_WATCHDOG = "none"


@dataclass(frozen=True)
class Topology:
    """How a guest's vcpus, all that it may have, are laid out."""

    sockets: int = 1
    dies: int = 1
    cores: int = 1
    threads: int = 1

    @property
    def vcpus(self) -> int:
        """How many there are."""
        return self.sockets * self.dies * self.cores * self.threads


@dataclass(frozen=True)
class Watchdog:
    """A device that does something to a guest whose system no longer speaks to it."""

    model: str = WATCHDOGS[0]
    action: str = WATCHDOG_ACTIONS[0]


def topology(value: Any) -> Topology:
    """The layout of vcpus; what is not written is 1."""
    given = _mapping(value, ("sockets", "dies", "cores", "threads"))
    for number in given.values():
        if isinstance(number, bool) or not isinstance(number, int) or not 1 <= number <= VCPUS_LARGEST:
            raise ValueError(f"whole numbers from 1 to {VCPUS_LARGEST} are allowed")
    return Topology(**given)


def watchdog(value: Any) -> Watchdog | str:
    """A watchdog, or the word for none."""
    if value == NO_WATCHDOG:
        return NO_WATCHDOG
    found = Watchdog(**_mapping(value, ("model", "action")))
    for chosen, known in ((found.model, WATCHDOGS), (found.action, WATCHDOG_ACTIONS)):
        if chosen not in known:
            raise ValueError(f"{', '.join(known)} are allowed")
    return found


def name(value: str) -> str:
    """A machine's or a processor's name. Whether the host has it is for the host to say."""
    if not NAME.fullmatch(value):
        raise ValueError("1 to 64 letters, digits and _ . + - are allowed, the first of them a letter or a digit")
    return value


def _mapping(value: Any, keys: Sequence[str]) -> dict[str, Any]:
    given = {key: one for key, one in value.items() if one is not None} if isinstance(value, Mapping) else {}
    if not given or not set(given) <= set(keys):
        raise ValueError(f"a mapping with {', '.join(keys)} is allowed")
    return given


FORMS: dict[str, Callable[[Any], Any]] = {
    "topology": topology,
    "machine": name,
    "cpu_model": name,
    "watchdog": watchdog,
    "pci_devices": passthrough.addresses(passthrough.pci_address),
    "usb_devices": passthrough.addresses(passthrough.usb_device),
    "xml": fragments_of,
}
