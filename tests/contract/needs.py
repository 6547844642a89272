# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""needs: what a subject must be able to do for a case to be run on it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Function = Callable[..., None]
# Beside the features of subject.py, those that follow from the traits and from what the subject brings.
PENDING = "pending"
NO_PENDING = "no pending"
IMAGE = "image"
GIVEN = "given"
UUIDS = "uuids"  # they can be chosen


def needs(*features: str) -> Callable[[Function], Function]:
    """Mark a case with what it needs."""

    def mark(function: Any) -> Any:
        function.needs = frozenset(features)
        return function

    return mark


def needs_of(function: Function) -> frozenset[str]:
    """What a case needs."""
    found: frozenset[str] = getattr(function, "needs", frozenset())
    return found
