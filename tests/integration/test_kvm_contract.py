# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The KVM driver keeps the contract, on a real libvirt."""

from __future__ import annotations

from collections.abc import Iterator

import libvirt
import pytest

from ansible_collections.hostforge.hypervisor.tests.contract.cases import Case, cases
from ansible_collections.hostforge.hypervisor.tests.integration.kvm_subject import KvmSubject


@pytest.fixture
def subject(host: libvirt.virConnect) -> Iterator[KvmSubject]:
    found = KvmSubject(host)
    yield found
    found.clean()


@pytest.mark.parametrize("case", cases(KvmSubject), ids=str)
def test_contract(case: Case, subject: KvmSubject) -> None:
    case.run(subject)
