# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action guest: picks <hypervisor>_guest, as ansible.builtin.package picks apt or dnf."""

from __future__ import annotations

import re
from typing import Any

from ansible.errors import AnsibleActionFail

from ansible_collections.hostforge.hypervisor.plugins.plugin_utils.guest_action import COLLECTION, GuestAction
from ansible_collections.hostforge.hypervisor.plugins.plugin_utils.own_options import hypervisors, options_for

WORD = re.compile(r"[a-z0-9_]{1,32}", re.ASCII)


class ActionModule(GuestAction):
    """Guests of whichever hypervisor the host has."""

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run the hypervisor's own action where there is one, else its module."""
        result = super().run(tmp, task_vars)
        variables = task_vars or {}
        args = dict(self._task.args)
        hypervisor = self._hypervisor(args.pop("hypervisor", None), variables)
        args = options_for(hypervisor, args)
        result.update(self._delegate(f"{COLLECTION}.{hypervisor}_guest", args, variables))
        return result

    def _hypervisor(self, written: Any, variables: dict[str, Any]) -> str:
        hypervisor = written or self._templar.template(variables.get("hypervisor"))
        if hypervisor not in hypervisors():
            # What stands in the wrong place may be a secret.
            given = (
                repr(hypervisor) if isinstance(hypervisor, str) and WORD.fullmatch(hypervisor) else "what is written"
            )
            raise AnsibleActionFail(
                f"hypervisor: {given} is none of {', '.join(hypervisors())}; write it in the task, or as the "
                "host's variable hypervisor"
            )
        return str(hypervisor)

    def _delegate(self, name: str, args: dict[str, Any], variables: dict[str, Any]) -> dict[str, Any]:
        if not self._shared_loader_obj.action_loader.has_plugin(name):
            return self.run_guest_module(name, args, variables)
        task = self._task.copy()
        task.args = args
        action = self._shared_loader_obj.action_loader.get(
            name,
            task=task,
            connection=self._connection,
            play_context=self._play_context,
            loader=self._loader,
            templar=self._templar,
            shared_loader_obj=self._shared_loader_obj,
        )
        outcome: dict[str, Any] = action.run(task_vars=variables)
        return outcome
