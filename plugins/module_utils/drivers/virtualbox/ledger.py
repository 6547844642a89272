# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ledger of a guest, in the guest's own settings, as extra data."""

from __future__ import annotations

from typing import Any

from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.ledger import Ledger, from_text, to_text

KEY = "hostforge/guest"


def read(machine: Any) -> Ledger:
    """What is noted of a machine."""
    return from_text(machine.getExtraData(KEY))


def write(machine: Any, ledger: Ledger) -> None:
    """Note all of it, at once. A machine that nothing is noted of gets no note."""
    text = to_text(ledger)
    if text or machine.getExtraData(KEY):
        machine.setExtraData(KEY, text or "{}")
