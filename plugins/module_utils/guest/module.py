# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From an Ansible module's parameters to its result: the only file of the core that knows AnsibleModule."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Callable

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.errors import MutuallyExclusiveError, RequiredOneOfError

from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.collector import without_collector
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.driver import Driver
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.engine import converge
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import (
    HypervisorError,
    MissingImageError,
    SpecError,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.hidden import scrub, shown
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.host import Host
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.module_host import ModuleHost
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.packaged import Packaged
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.report import (
    action,
    describe,
    diff,
    kept_disks,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.resource import Outcome, Resource, Wish
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.shape import shape_errors
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.spec import (
    Forms,
    Spec,
    guest_argument_spec,
    parse_wishes,
)

if TYPE_CHECKING:
    # Modules of guests have no use for it.
    from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.snapshot_resource import SnapshotResource

    MakeSnapshots = Callable[[dict[str, Any], Host], SnapshotResource[Any]]

MakeDriver = Callable[[dict[str, Any], Host], Driver]
MakeResource = Callable[[dict[str, Any], Host], Resource[Any]]
MakeWishes = Callable[[dict[str, Any]], list[Wish[Any]]]

TOGETHER = (MutuallyExclusiveError, RequiredOneOfError)

# Another run may be fetching an image, or waiting for guests to shut down.
LOCK_S = 1800


class Module(AnsibleModule):  # type: ignore[misc]  # ansible-core ships no types
    """AnsibleModule that names every error of a task at once, and shows no secret however it ends.

    AnsibleModule itself stops at the first option of a wrong type, and does not say which entry of a list it is in.
    """

    def __init__(self, key: str, make_wishes: MakeWishes, options: Spec, **arguments: Any) -> None:
        self.key = key
        self.make_wishes = make_wishes
        self._entry_options = options
        self._written: dict[str, Any] = {}
        self.params: dict[str, Any] = {}
        one_or_many = [("name", key)]
        super().__init__(
            mutually_exclusive=one_or_many, required_one_of=one_or_many, supports_check_mode=True, **arguments
        )
        self._forget_values()
        self._take_written()

    def _load_params(self) -> None:
        """Keep the options of entries from AnsibleModule, which makes a text of a mapping, and stumbles over others."""
        super()._load_params()
        names = (*self._entry_options, self.key)
        self._written = {name: self.params.pop(name) for name in names if name in self.params}
        # All that it has to know is whether these are written.
        self.params.update(dict.fromkeys({"name", self.key} & set(self._written)))

    def _log_invocation(self) -> None:
        """Log what is shown, too; AnsibleModule stumbles over halves of characters, which are refused later."""
        self._take_written()
        params = self.params
        told = self.invocation()["module_args"].items()
        self.params = {name: _encodable(value) if isinstance(value, str) else value for name, value in told}
        super()._log_invocation()
        self.params = params

    def _take_written(self) -> None:
        """Go by what is written."""
        self.params.update(self._written)

    def _forget_values(self) -> None:
        """Hide by place, not by value: a guest's name is often in its user data, and must be seen all the same."""
        task = {name: rule for name, rule in self.argument_spec.items() if name not in self._entry_options}
        names = [name for name, rule in task.items() if rule.get("no_log") and name != self.key]
        self.no_log_values = {str(self.params[name]) for name in names if self.params.get(name)}

    def fail_json(self, msg: str, **result: Any) -> None:
        """End the task with an error."""
        validated = getattr(self, "validation_result", None)
        if validated is not None and validated.error_messages and "errors" not in result:
            self._take_written()
            errors = self._errors() or [msg]
            msg, result["errors"] = "\n".join(errors), [self.scrubbed(error) for error in errors]
        self._forget_values()
        result.setdefault("invocation", self.invocation())
        super().fail_json(self.scrubbed(msg), **result)

    def invocation(self) -> dict[str, Any]:
        """What the task was called with, as far as it is shown."""
        return {"module_args": shown(self.params, self.argument_spec, self.key)}

    def scrubbed(self, message: str) -> str:
        """A message without the task's secrets."""
        return scrub(message, self.params, self.argument_spec)

    def _errors(self) -> list[str]:
        """All that is wrong with the options."""
        task = {name: value for name, value in self.params.items() if name not in (*self._entry_options, self.key)}
        loose = {name: {**rule, "required": False} for name, rule in self.argument_spec.items()}
        together = [one for one in self.validation_result.errors if isinstance(one, TOGETHER)]
        found = [*shape_errors(loose, task), *(str(one) for one in together)]
        try:
            self.make_wishes(self.params)
        except SpecError as error:
            found += error.errors
        return found


def _encodable(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


def run_guest_module(
    hypervisor: str, own: Spec, task: Spec, make_driver: MakeDriver, forms: Forms | None = None
) -> None:
    """Run a <hypervisor>_guest module.

    own: the options that only this hypervisor has, of each guest. task: the options of the task as a whole.
    make_driver: gets the module's parameters and the host. forms: for parse_wishes.
    """
    spec = guest_argument_spec(hypervisor, own)
    options = {name: rule for name, rule in spec.items() if name != "guests"}
    module = Module(
        "guests", lambda params: parse_wishes(params, hypervisor, own, forms), options, argument_spec={**spec, **task}
    )
    run(module, hypervisor, lambda params, host: Packaged(make_driver(params, host), host))


def run_info_module(task: Spec, make_driver: MakeDriver) -> None:
    """Run a <hypervisor>_guest_info module: tell about guests, change nothing. task: its options other than names."""
    names: Spec = {"names": {"type": "list", "elements": "str"}}
    module = AnsibleModule(argument_spec={**names, **task}, supports_check_mode=True)
    try:
        guests = make_driver(module.params, ModuleHost()).tell(module.params["names"], module.params)
    except HypervisorError as error:
        module.fail_json(msg=str(error))
    else:
        module.exit_json(changed=False, guests=guests)


def run_snapshot_info_module(task: Spec, make_driver: MakeSnapshots) -> None:
    """Run a <hypervisor>_snapshot_info module. task: its options other than guests."""
    guests: Spec = {"guests": {"type": "list", "elements": "str"}}
    module = AnsibleModule(argument_spec={**guests, **task}, supports_check_mode=True)
    try:
        found = make_driver(module.params, ModuleHost()).of_guests(module.params["guests"])
    except HypervisorError as error:
        module.fail_json(msg=str(error))
    else:
        module.exit_json(changed=False, snapshots=[describe(one) for one in found])


def run(module: Module, hypervisor: str, make_resource: MakeResource) -> None:
    """Run any module of the collection that converges a list of things.

    On one host, one run at a time changes things of one hypervisor; others wait for it.
    """
    with without_collector():
        _run(module, hypervisor, make_resource)


def _run(module: Module, hypervisor: str, make_resource: MakeResource) -> None:
    host = ModuleHost()
    key = module.key
    outcomes: list[Outcome[Any]] = []
    try:
        wishes = module.make_wishes(module.params)
        resource = make_resource(module.params, host)
        outcomes = converge(resource, wishes, module.check_mode, lambda: host.lock(hypervisor, LOCK_S))
    except SpecError as error:
        module.fail_json(msg=str(error), errors=[module.scrubbed(one) for one in error.errors])
    except MissingImageError as error:
        module.fail_json(msg=str(error), missing_image=error.source)
    except HypervisorError as error:
        module.fail_json(msg=str(error))
    outcomes = [replace(one, error=module.scrubbed(one.error)) if one.error else one for one in outcomes]
    result = {**report(key, outcomes), "invocation": module.invocation()}
    for note in dict.fromkeys(note for outcome in outcomes for note in outcome.notes):
        module.warn(note)
    failed = [outcome for outcome in outcomes if outcome.error]
    if failed:
        message = "\n".join(f"{key[:-1]} {outcome.name}: {outcome.error}" for outcome in failed)
        traces = [module.scrubbed(outcome.trace) for outcome in failed if outcome.trace]
        module.fail_json(msg=message, **result, **({"exception": "\n".join(traces)} if traces else {}))
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
