# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The VirtualBox driver keeps the contract, on the simulator."""

from __future__ import annotations

import pytest

from ansible_collections.hostforge.hypervisor.tests.contract.cases import Case, cases
from ansible_collections.hostforge.hypervisor.tests.unit.virtualbox.simulated_subject import SimulatedSubject


@pytest.mark.parametrize("case", cases(SimulatedSubject), ids=str)
def test_contract(case: Case) -> None:
    case.run(SimulatedSubject())
