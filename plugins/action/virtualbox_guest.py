# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action virtualbox_guest: runs the module, and brings it images from the controller."""

from __future__ import annotations

from typing import Any

from ansible_collections.hostforge.hypervisor.plugins.plugin_utils.guest_action import COLLECTION, GuestAction


class ActionModule(GuestAction):
    """virtualbox_guest with images from the controller."""

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run the module."""
        result = super().run(tmp, task_vars)
        result.update(self.run_guest_module(f"{COLLECTION}.virtualbox_guest", self._task.args, task_vars or {}))
        return result
