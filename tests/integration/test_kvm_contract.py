# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The KVM driver keeps the contract, on a real libvirt."""

from __future__ import annotations

import libvirt
import pytest

from ansible_collections.hostforge.hypervisor.tests.contract.cases import Case, cases
from ansible_collections.hostforge.hypervisor.tests.integration.kvm_subject import KvmSubject
from ansible_collections.hostforge.hypervisor.tests.integration.system_subject import SystemSubject, system_cases

# Without a system, no guest lets go of the disk that this is about.
NOT_BLANK = ("a_disk_in_use_is_deleted_after_the_restart",)


@pytest.mark.parametrize("case", [c for c in cases(KvmSubject) if c.function.__name__ not in NOT_BLANK], ids=str)
def test_guests_without_a_system(case: Case, host: libvirt.virConnect) -> None:
    run(case, KvmSubject(host))


@pytest.mark.parametrize("case", system_cases(), ids=str)
def test_guests_with_a_system(case: Case, host: libvirt.virConnect) -> None:
    run(case, SystemSubject(host))


def run(case: Case, subject: KvmSubject) -> None:
    try:
        case.run(subject)
    finally:
        subject.clean()
