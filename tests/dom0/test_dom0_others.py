# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What others do with xl and an editor is seen and mended, on a real dom0, of which every guest is ended."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ansible_collections.hostforge.hypervisor.tests.dom0.dom0_subject import Dom0Subject
from ansible_collections.hostforge.hypervisor.tests.unit.xen.other_clients import CASES


@pytest.mark.parametrize("case", CASES)
def test_dom0_others(case: Callable[[Dom0Subject], None]) -> None:
    subject = Dom0Subject()
    try:
        case(subject)
    finally:
        subject.clean()
