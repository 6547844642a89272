# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What others do with xl and an editor is seen and mended, on the simulator."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ansible_collections.hostforge.hypervisor.tests.unit.xen.other_clients import CASES
from ansible_collections.hostforge.hypervisor.tests.unit.xen.simulated_subject import ParavirtualSubject


@pytest.mark.parametrize("case", CASES)
def test_other_clients(case: Callable[[ParavirtualSubject], None]) -> None:
    case(ParavirtualSubject())
