# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How many examples Hypothesis makes up: a share in every run, and 100,000 of bad input when that is asked for."""

from __future__ import annotations

from hypothesis import settings

# The share is the same in every run, so that a run tells of the change and not of luck.
# bin/test fuzz: seven tests of 14,300 examples each. None has a time limit, which a busy machine would not keep.
settings.register_profile("share", max_examples=100, derandomize=True, deadline=None)
settings.register_profile("long", max_examples=14_300, deadline=None)
settings.load_profile("share")
