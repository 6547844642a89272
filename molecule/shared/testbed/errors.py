# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one exception of the test bed: its message says what went wrong and what to do."""

from __future__ import annotations


class TestbedError(Exception):
    """Anything the user of the test bed has to know; printed without a traceback."""

    __test__ = False  # pytest takes classes named Test* for tests
