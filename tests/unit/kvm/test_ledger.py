# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ledger in a definition that somebody else may have written into."""

from __future__ import annotations

import pytest

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm import ledger, xml
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Autostart


@pytest.mark.parametrize("order", ["²", "-1", "1.5", "first", ""])
def test_an_order_that_is_no_number_is_none(order: str) -> None:
    root = xml.parse("<domain/>")
    ledger.write_autostart(root, Autostart(enabled=True, order=7, delay_s=3))
    noted = xml.ensure_own(root).find(xml.own_tag("autostart"))
    assert noted is not None
    noted.set("order", order)
    assert ledger.autostart(root, flagged=False).order is None
