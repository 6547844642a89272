# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The guest after its power button was pressed."""

from __future__ import annotations

import re
from collections.abc import Callable


def test_it_has_powered_itself_off(guest: Callable[[str], dict[str, str]], told: Callable[..., re.Match[str]]) -> None:
    assert guest("edit1")["VMState"] == "poweroff"
    told("edit1", "reboot: Power down", 5)
