# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The contract that every driver keeps, written once: see subject.py for what a driver's test module brings along."""

from __future__ import annotations

import pytest

# Without this, a failing assertion of the contract would not show its values.
CASES = ("edits", "faults", "lifecycle", "look", "running", "storage", "survival")
pytest.register_assert_rewrite(*(f"{__name__}.{module}" for module in CASES))
