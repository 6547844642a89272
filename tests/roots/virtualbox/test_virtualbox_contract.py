# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The VirtualBox driver keeps the contract, on the real VirtualBox."""

from __future__ import annotations

import pytest

from ansible_collections.hostforge.hypervisor.tests.contract.cases import Case, cases
from ansible_collections.hostforge.hypervisor.tests.roots.virtualbox.virtualbox_subject import VirtualBoxSubject


@pytest.mark.parametrize("case", cases(VirtualBoxSubject), ids=str)
def test_contract(case: Case, subject: VirtualBoxSubject) -> None:
    case.run(subject)
