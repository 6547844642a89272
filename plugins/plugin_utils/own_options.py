# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which hypervisors there are modules for, and what of a specification is for one of them."""

from __future__ import annotations

import os
from collections.abc import Container
from typing import Any

MODULES = os.path.join(os.path.dirname(os.path.dirname(__file__)), "modules")
SUFFIX = "_guest.py"


def hypervisors() -> list[str]:
    """The hypervisors that there is a module for: whoever adds one need not be told of here."""
    return sorted(name[: -len(SUFFIX)] for name in os.listdir(MODULES) if name.endswith(SUFFIX))


def options_for(hypervisor: str, options: Any) -> Any:
    """The options of a task without those that only other hypervisors have; so in its guests, and in their lists."""
    return _without(set(hypervisors()) - {hypervisor}, options)


def _without(others: Container[str], options: Any) -> Any:
    if isinstance(options, list):
        return [_without(others, entry) for entry in options]
    if not isinstance(options, dict):
        return options
    kept = {key: value for key, value in options.items() if key not in others}
    return {key: _without(others, value) if isinstance(value, list) else value for key, value in kept.items()}
