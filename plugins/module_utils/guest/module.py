# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From an Ansible module's parameters to its result: the only file of the core that knows AnsibleModule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Callable

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.engine import (
    Outcome,
    Resource,
    Wish,
    converge,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import (
    HypervisorError,
    MissingImageError,
    SpecError,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.host import Host
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.module_host import ModuleHost
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.report import (
    action,
    describe,
    diff,
    kept_disks,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.spec import (
    Spec,
    guest_argument_spec,
    parse_wishes,
    secrets_of,
)

MakeResource = Callable[[dict[str, Any], Host], Resource[Any]]
MakeWishes = Callable[[dict[str, Any]], list[Wish[Any]]]

HIDDEN = "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"
# Shorter texts are words such as a user's name, which also stand where they are no secret; hiding those would only
# spoil the result, in which nothing of cloud_init is ever put.
SECRET_LENGTH = 8
# Another run may be fetching an image, or waiting for guests to shut down.
LOCK_S = 1800


class GuestModule(AnsibleModule):  # type: ignore[misc]  # ansible-core ships no types
    """AnsibleModule that shows no secret either when it fails at once, for options of a wrong type."""

    def fail_json(self, msg: str, **result: Any) -> None:
        """End the task with an error."""
        result.setdefault("invocation", {"module_args": _shown(self.params, self.argument_spec, "guests")})
        super().fail_json(msg, **result)


def run_guest_module(hypervisor: str, own: Spec, task: Spec, make_driver: MakeResource) -> None:
    """Run a <hypervisor>_guest module.

    own: the options that only this hypervisor has, of each guest. task: the options of the task as a whole.
    make_driver: gets the module's parameters and the host.
    """
    module = GuestModule(
        argument_spec={**guest_argument_spec(hypervisor, own), **task},
        mutually_exclusive=[("name", "guests")],
        required_one_of=[("name", "guests")],
        supports_check_mode=True,
    )
    seeds = {text for text in secrets_of(module.params) if len(text) >= SECRET_LENGTH}
    passwords = {str(module.params[name]) for name, rule in task.items() if rule.get("no_log") and module.params[name]}
    module.no_log_values = seeds | passwords
    run(module, hypervisor, "guests", lambda params: parse_wishes(params, hypervisor, own), make_driver)


def run_info_module(task: Spec, make_driver: MakeResource) -> None:
    """Run a <hypervisor>_guest_info module: tell about guests, change nothing. task: as for run_guest_module."""
    names: Spec = {"names": {"type": "list", "elements": "str"}}
    module = AnsibleModule(argument_spec={**names, **task}, supports_check_mode=True)
    try:
        found = make_driver(module.params, ModuleHost()).read(module.params["names"])
    except HypervisorError as error:
        module.fail_json(msg=str(error))
    else:
        module.exit_json(changed=False, guests=[describe(found[name]) for name in sorted(found)])


def run(module: AnsibleModule, hypervisor: str, key: str, make_wishes: MakeWishes, make_resource: MakeResource) -> None:
    """Run any module of the collection that converges a list of things; key is the list's name, in the plural.

    On one host, one run at a time changes things of one hypervisor; others wait for it.
    """
    host = ModuleHost()
    shown = {"invocation": {"module_args": _shown(module.params, module.argument_spec, key)}}
    outcomes: list[Outcome[Any]] = []
    try:
        wishes = make_wishes(module.params)
        resource = make_resource(module.params, host)
        outcomes = converge(resource, wishes, module.check_mode, lambda: host.lock(hypervisor, LOCK_S))
    except SpecError as error:
        module.fail_json(msg="\n".join(error.errors), errors=list(error.errors), **shown)
    except MissingImageError as error:
        module.fail_json(msg=str(error), missing_image=error.source, **shown)
    except HypervisorError as error:
        module.fail_json(msg=str(error), **shown)
    result = {**report(key, outcomes), **shown}
    for note in dict.fromkeys(note for outcome in outcomes for note in outcome.notes):
        module.warn(note)
    failed = [outcome for outcome in outcomes if outcome.error]
    if failed:
        message = "\n".join(f"{key[:-1]} {outcome.name}: {outcome.error}" for outcome in failed)
        module.fail_json(msg=message, **result)
    module.exit_json(**result)


def report(key: str, outcomes: Sequence[Outcome[Any]]) -> dict[str, Any]:
    """The module's result: changed, diff, restart_required, and an entry for each thing under key."""
    entries = [_entry(key[:-1], outcome) for outcome in outcomes]
    return {
        "changed": any(entry["changed"] for entry in entries),
        "diff": diff(outcomes),
        "restart_required": any(outcome.pending for outcome in outcomes),
        key: entries,
    }


def _entry(singular: str, outcome: Outcome[Any]) -> dict[str, Any]:
    found = outcome.after if outcome.after is not None else outcome.before
    gone = outcome.wish.item.state == "absent" and outcome.changes and not outcome.error
    entry = {
        "name": outcome.name,
        "changed": bool(outcome.changes),
        "actions": [action(change) for change in outcome.changes],
        "restart_required": outcome.pending,
        singular: {"name": outcome.name, "state": "absent"} if found is None or gone else describe(found),
    }
    extra = {"error": outcome.error, "kept_disks": kept_disks(outcome)}
    return {**entry, **{name: value for name, value in extra.items() if value}}


def _shown(given: Mapping[str, Any], spec: Mapping[str, Any], key: str = "") -> dict[str, Any]:
    """The parameters without secrets, and without what stands where nobody looks for secrets.

    key: the list whose entries take the same options as the task. It is no_log as a whole, for AnsibleModule would log
    all of it, and is shown here as far as it holds no secret. A value under a name that is no option is not shown: it
    may be user data that is not indented as far as it should be.
    """
    return {name: _shown_value(name, value, spec, key) for name, value in given.items()}


def _shown_value(name: str, value: Any, spec: Mapping[str, Any], key: str) -> Any:
    rule = spec.get(name)
    inner = rule.get("options") if rule else None
    if rule is not None and name == key and inner is None:
        inner = {other: one for other, one in spec.items() if other != key}
    elif value and (rule is None or rule.get("no_log")):
        return HIDDEN
    if inner is None or not isinstance(value, (dict, list)):
        return value
    entries = value if isinstance(value, list) else [value]
    shown = [_shown(one, inner) if isinstance(one, dict) else HIDDEN for one in entries]
    return shown if isinstance(value, list) else shown[0]
