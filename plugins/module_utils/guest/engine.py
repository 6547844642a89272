# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""converge(): read, plan, apply, read again, and the plan must be empty. The only place that looks at check mode."""

from __future__ import annotations

import os
import time
import traceback
from collections.abc import Collection, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Callable, Generic

from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.change import Change
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import (
    AbsentError,
    HypervisorError,
    LiveError,
    MissingImageError,
    PlanError,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.overlap import overlap, waves
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.resource import Item, Outcome, Resource, Wish

Alone = Callable[[], AbstractContextManager[object]]


@dataclass(frozen=True)
class _Plan(Generic[Item]):
    """The changes from what was found to a wish, and why they are refused."""

    wish: Wish[Item]
    have: Item | None
    changes: list[Change] = field(default_factory=list)
    refusals: list[HypervisorError] = field(default_factory=list)


def converge(
    resource: Resource[Item], wishes: Sequence[Wish[Item]], check_mode: bool, alone: Alone = nullcontext
) -> list[Outcome[Item]]:
    """Make every wish come true, or in check mode say what that would take. One outcome per wish, in their order.

    A wish that fails stops there; the others go on. Everything that is refused is refused, with all its reasons,
    before anything is touched. alone: keeps other runs out. It is entered only when there is something to change or to
    refuse, and the state is then read anew: no other run changes what the plan was made on, and none that was in the
    midst of its changes is a reason to refuse.
    """
    found, absent = _read(resource, wishes, check_mode)
    plans = [_plan(resource, wish, found.get(wish.item.name)) for wish in wishes]
    if check_mode:
        return [_foretold(_prepare(resource, plan, absent)) for plan in plans]
    if not any(plan.changes or plan.refusals for plan in plans):
        return _wait(resource, _change(resource, plans))
    with alone():
        found, _absent = _read(resource, wishes, check_mode)
        outcomes = _change(resource, [_plan(resource, wish, found.get(wish.item.name)) for wish in wishes])
    return _wait(resource, outcomes)


def _plan(resource: Resource[Item], wish: Wish[Item], have: Item | None) -> _Plan[Item]:
    plan = _Plan(wish, have)
    _gather(plan.changes, lambda: resource.plan(wish, have), plan.refusals)
    return plan


def _foretold(outcome: Outcome[Item]) -> Outcome[Item]:
    """An image that is on its way is no error of the plan: the run brings it."""
    return replace(outcome, error="", cause=None) if isinstance(outcome.cause, MissingImageError) else outcome


def _change(resource: Resource[Item], plans: Sequence[_Plan[Item]]) -> list[Outcome[Item]]:
    """Check the plans, make the changes, and look at what became of them."""
    outcomes = [_prepare(resource, plan, absent=False) for plan in plans]
    missing = [outcome.cause for outcome in outcomes if isinstance(outcome.cause, MissingImageError)]
    if missing:
        raise missing[0]
    touched = [outcome.name for outcome in outcomes if outcome.changes and not outcome.error]
    _apply_all(resource, outcomes)
    now, lost = _read_again(resource.read, touched)
    if lost:
        return [_blind(outcome, lost) if outcome.name in touched else outcome for outcome in outcomes]
    seen: dict[str, Any] = {**{plan.wish.item.name: plan.have for plan in plans}, **dict.fromkeys(touched), **now}
    return [_verify(resource, outcome, seen.get(outcome.name)) for outcome in outcomes]


def _read(resource: Resource[Item], wishes: Sequence[Wish[Item]], check_mode: bool) -> tuple[dict[str, Item], bool]:
    try:
        return dict(resource.read([wish.item.name for wish in wishes])), False
    except AbsentError:
        if not check_mode:
            raise
        # Before the host role has run for real there is nothing to ask, and so nothing there.
        return {}, True


def _read_again(
    read: Callable[[Collection[str]], dict[str, Item]], names: Collection[str]
) -> tuple[dict[str, Item], str]:
    """Read what was touched, or say why that cannot be: then there is still a report of what was done."""
    try:
        return (read(names) if names else {}), ""
    except HypervisorError as error:
        return {}, f"what became of it could not be read: {error}"


def _blind(outcome: Outcome[Item], lost: str) -> Outcome[Item]:
    return outcome if outcome.error else replace(outcome, error=lost)


def _prepare(resource: Resource[Item], plan: _Plan[Item], absent: bool) -> Outcome[Item]:
    wish, have, changes, refusals = plan.wish, plan.have, plan.changes, list(plan.refusals)
    outcome = Outcome(wish, before=have)
    if not absent:
        _gather(refusals, lambda: resource.check(wish, changes), refusals)
    # That an image is yet to be brought is a reason only where there is no other.
    final = [refusal for refusal in refusals if not isinstance(refusal, MissingImageError)]
    if final:
        return replace(outcome, error="; ".join(dict.fromkeys(str(refusal) for refusal in final)), cause=final[0])
    # Whatever stops a guest brings its stored definition into force.
    cycled = any(change.verb in ("restart", "stop") for change in changes)
    outcome = replace(outcome, changes=tuple(changes), pending=resource.pending(wish, have) and not cycled)
    if refusals:
        return replace(outcome, error=str(refusals[0]), cause=refusals[0])
    return outcome if absent else replace(outcome, notes=resource.notes(wish, have))


def _gather(found: list[Any], look: Callable[[], Iterator[Any]], refusals: list[HypervisorError]) -> None:
    """Note all that comes, and what ends it."""
    try:
        found.extend(look())
    except HypervisorError as error:
        refusals.append(error)


def _apply_all(resource: Resource[Item], outcomes: list[Outcome[Item]]) -> None:
    """Make the changes of all, and note in the list what became of them."""

    def carry_out(chain: Sequence[int]) -> None:
        for index in chain:
            outcomes[index] = _apply(resource, outcomes[index])

    plans = [() if outcome.error else outcome.changes for outcome in outcomes]
    for wave in waves(plans, resource.claims):
        overlap([partial(carry_out, chain) for chain in wave], resource.workers)


def _apply(resource: Resource[Item], outcome: Outcome[Item]) -> Outcome[Item]:
    done: list[Change] = []
    for change in outcome.changes:
        try:
            resource.apply(change)
        except LiveError as error:
            outcome = _failed(outcome, change, error)
        except HypervisorError as error:
            return replace(_failed(outcome, change, error), changes=tuple(done))
        except Exception as error:  # noqa: BLE001 - it fails this one, and the task; the others' report is not lost
            outcome = _failed(outcome, change, _fault(error))
            return replace(outcome, changes=tuple(done), trace=traceback.format_exc())
        done.append(change)
    return outcome


def _failed(outcome: Outcome[Item], change: Change, error: HypervisorError) -> Outcome[Item]:
    what = " ".join(part for part in (change.verb, change.field, change.key) if part)
    said = [text for text in (outcome.error, f"{what}: {error}") if text]
    return replace(outcome, error="; ".join(said), cause=error)


def _fault(error: Exception) -> HypervisorError:
    place = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{os.path.basename(place.filename)}, line {place.lineno}"
    return HypervisorError(f"{type(error).__name__}: {error} (a fault of the collection, in {where}; please report it)")


def _verify(resource: Resource[Item], outcome: Outcome[Item], have: Item | None) -> Outcome[Item]:
    """Plan again on what is there now: a change that does not hold is an error, not a change."""
    outcome = replace(outcome, after=have)
    if outcome.error or not outcome.changes:
        return outcome
    try:
        left = list(resource.plan(outcome.wish, have))
    except PlanError as error:
        return replace(outcome, error=f"after the run: {error}", cause=error)
    if left:
        what = "; ".join(f"{c.verb} {c.field} {c.key}: found {c.before!r}, wished {c.after!r}" for c in left)
        return replace(outcome, error=f"the host did not keep what was set: {what}")
    return replace(outcome, pending=resource.pending(outcome.wish, have), notes=resource.notes(outcome.wish, have))


def _wait(resource: Resource[Item], outcomes: list[Outcome[Item]]) -> list[Outcome[Item]]:
    """Wait for all that is to be waited for at once, each with its own time limit, counted from here.

    Nobody is late who was not looked at in particular: the read after the changes may not have looked as far.
    """
    begin = time.monotonic()
    pause_s = 0
    while True:
        waiting = [o for o in outcomes if not o.error and not resource.is_ready(o.wish, o.after)]
        gone = time.monotonic() - begin
        late = [o.name for o in waiting if pause_s and gone >= o.wish.policy.wait_timeout_s]
        outcomes = [_late(outcome) if outcome.name in late else outcome for outcome in outcomes]
        rest = [outcome.name for outcome in waiting if outcome.name not in late]
        if not rest:
            return outcomes
        time.sleep(pause_s)
        pause_s = 1
        now, lost = _read_again(resource.look_again, rest)
        if lost:
            return [_blind(outcome, lost) if outcome.name in rest else outcome for outcome in outcomes]
        outcomes = [replace(o, after=now.get(o.name)) if o.name in rest else o for o in outcomes]


def _late(outcome: Outcome[Item]) -> Outcome[Item]:
    policy = outcome.wish.policy
    return replace(
        outcome,
        error=f"no {policy.wait_for} after {policy.wait_timeout_s} s; look at its console, or set wait_timeout",
    )
