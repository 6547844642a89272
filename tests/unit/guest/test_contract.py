# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The honest fake driver keeps the contract, in both kinds."""

from __future__ import annotations

import pytest

from ansible_collections.hostforge.hypervisor.tests.contract.cases import Case, cases
from ansible_collections.hostforge.hypervisor.tests.contract.fake_subject import FakeSubject, FrozenSubject


@pytest.mark.parametrize("case", cases(FakeSubject), ids=str)
def test_a_hypervisor_that_changes_running_guests(case: Case) -> None:
    case.run(FakeSubject())


@pytest.mark.parametrize("case", cases(FrozenSubject), ids=str)
def test_a_hypervisor_that_only_changes_guests_that_are_off(case: Case) -> None:
    case.run(FrozenSubject())
