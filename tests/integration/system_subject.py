# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The KVM driver with guests that run a system: for the little that takes a guest to cooperate, as they boot slowly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm import power
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.traits import TRAITS
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.change import Change
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Disk, Image
from ansible_collections.hostforge.hypervisor.tests.contract.cases import Case, cases
from ansible_collections.hostforge.hypervisor.tests.contract.subject import OBEYS, POWER, START, Edit
from ansible_collections.hostforge.hypervisor.tests.contract.wishes import MAC, MIB, base_wish
from ansible_collections.hostforge.hypervisor.tests.integration.console import Console
from ansible_collections.hostforge.hypervisor.tests.integration.guest_image import image_path
from ansible_collections.hostforge.hypervisor.tests.integration.kvm_subject import (
    PLACE,
    EmulatedKvmDriver,
    KvmSubject,
)
from ansible_collections.hostforge.hypervisor.tests.integration.runs import stored

BALLOON_S = 60
ROOT = Disk("root", 1027 * MIB, pool="default", format="qcow2", bus="virtio", image=Image(str(image_path())))
BASE = base_wish(PLACE, TRAITS, disks=(ROOT,), memory_mib=203, memory_max_mib=263)
(CARD, *_MORE) = BASE.nics or ()
DATA, LOGS = (Disk(name, 33 * MIB) for name in ("data", "logs"))
# With a system, a guest lets go of devices, moves its balloon, and shuts down.
EDITS = (
    Edit("disk exchanged", "disks", {"disks": (ROOT, LOGS)}, {"disks": (ROOT, DATA)}),
    Edit("card exchanged", "nics", {"nics": (replace(CARD, mac=MAC),)}),
    Edit("all cards removed", "nics", {"nics": ()}),
    Edit("memory more", "memory_mib", {"memory_mib": 241}),
    Edit("memory less", "memory_mib", {"memory_mib": 181}),
    Edit("vcpus more", "vcpus", {"vcpus": 3}),
)
CASES = (
    "a_running_guest_is_edited_without_a_restart",
    "a_graceful_stop_is_enough_for_a_guest_that_obeys",
    "a_disk_in_use_is_deleted_after_the_restart",
)


class PatientKvmDriver(EmulatedKvmDriver):
    """A driver whose user waits until a guest has booted, and its balloon has moved to where it is to be."""

    def apply(self, change: Change) -> None:
        super().apply(change)
        if change.verb in ("start", "restart"):
            domain = self._connection.lookupByName(change.name)
            with Console(domain):
                pass
            # Its balloon driver says nothing when it is ready, and gets no turn for seconds where others are at work.
            told_kib = int(stored(change.name).findtext("currentMemory", "0"))
            power.wait_until(lambda: domain.info()[2] == told_kib, BALLOON_S, f"it has not got to {told_kib} KiB")


class SystemSubject(KvmSubject):
    """Guests from the minimal test guest's image."""

    features = frozenset({START, OBEYS, POWER})
    base = BASE
    edits = EDITS
    cold_only: ClassVar[Mapping[str, str]] = {}
    shutdown_timeout_s = 60
    kind = PatientKvmDriver
    has_system = True


def system_cases() -> list[Case]:
    """What takes a guest to cooperate."""
    return [case for case in cases(SystemSubject) if case.function.__name__ in CASES]
