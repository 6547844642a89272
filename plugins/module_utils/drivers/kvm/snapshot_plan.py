# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a wished snapshot, the one found and its guest to the changes between them. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.snapshot_allow import (
    external_reasons,
    internal_reasons,
    removal_reasons,
    revert_reasons,
    take_reasons,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.snapshot_look import View
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.snapshot_spec import Snapshot
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.change import Change
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import PlanError
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.resource import Wish

KINDS = {"internal": internal_reasons, "external": external_reasons}


def plan_snapshot(
    wish: Wish[Snapshot], have: Snapshot | None, view: View | None, known: bool, going: Collection[str] = ()
) -> Iterator[Change]:
    """Yield the changes, in order. Raises PlanError with every reason that there is.

    view: the guest, None when there is none of that name. known: whether there is a hypervisor to know it from.
    going: the guest's snapshots that the same task deletes.
    """
    want = wish.item
    if want.state == "absent":
        if have is not None and view is not None:
            refuse(removal_reasons(have, view, going))
            yield Change(want.name, "remove", "snapshot", before=have)
    elif have is None or view is None:
        yield _take(want, view, known)
    else:
        yield from _change(want, have)
        if want.state == "reverted":
            yield from _revert(wish, have, view)


def refuse(reasons: list[str]) -> None:
    """Raise PlanError when there are reasons to."""
    if reasons:
        raise PlanError("; ".join(reasons))


def _take(want: Snapshot, view: View | None, known: bool) -> Change:
    if view is None and known:
        raise PlanError(f"there is no guest {want.guest} on the host")
    if want.state == "reverted":
        names = ", ".join(sorted(view.snapshots)) if view else ""
        raise PlanError(f"guest {want.guest} has no snapshot {want.snapshot}; it has: {names or 'none'}")
    new = want if view is None else complete(want, view)
    plain = replace(new, description=new.description or "", discard_newer=None)
    return Change(want.name, "create", "snapshot", after=plain)


def complete(want: Snapshot, view: View) -> Snapshot:
    """The wish for a new snapshot, with its kind and memory. Raises PlanError where there can be none."""
    on = view.power != "stopped"
    refuse(take_reasons(want, view))
    kind = _choose(want, view)
    return replace(want, kind=kind, memory=on and kind == "internal", quiesce=True if want.quiesce and on else None)


def _choose(want: Snapshot, view: View) -> str:
    """Where the kind is left to us it is internal if that can be: such a one can be reverted to at any later time."""
    on = view.power != "stopped"
    if want.kind in KINDS:
        kinds = {want.kind: KINDS[want.kind]}
    elif want.memory:
        kinds = {"internal": internal_reasons}
    elif on and (want.quiesce or want.memory is False):
        kinds = {"external": external_reasons}
    else:
        kinds = KINDS
    reasons = {kind: against(want, view) for kind, against in kinds.items()}
    kind = next((kind for kind, found in reasons.items() if not found), None)
    if kind is None:
        raise PlanError("; ".join(dict.fromkeys(reason for found in reasons.values() for reason in found)))
    return kind


def _change(want: Snapshot, have: Snapshot) -> Iterator[Change]:
    reasons = []
    if want.kind not in (None, "auto", have.kind):
        reasons.append(f"it is {have.kind} and cannot become {want.kind}")
    if want.memory is not None and want.memory != have.memory:
        reasons.append(f"it was taken {'with' if have.memory else 'without'} memory, and that cannot be changed")
    if reasons:
        refuse([*reasons, "give the new one another name, or make this one absent first"])
    if want.description is not None and want.description != have.description:
        yield Change(want.name, "set", "description", before=have.description, after=want.description)


def _revert(wish: Wish[Snapshot], have: Snapshot, view: View) -> Iterator[Change]:
    guest, policy, on = wish.item.guest, wish.policy, view.power != "stopped"
    reasons = revert_reasons(have, view)
    if not wish.item.discard_newer:
        reasons.append(
            f"all that {guest} has written since {have.taken} would be lost: take a snapshot of its state of now, if "
            "that may be needed, and set discard_newer to true"
        )
    if on and policy.restart == "never":
        reasons.append(f"{guest} is {view.power}, and has to be off for that: set restart to graceful, or stop it")
    refuse(reasons)
    if on:
        force = policy.restart == "force"
        yield Change(
            wish.item.name, "stop", "state", "", view.power, "stopped", force=force, timeout_s=policy.shutdown_timeout_s
        )
    yield Change(wish.item.name, "revert", "content", before="as it is now", after=f"as it was at {have.taken}")
    # A snapshot with memory brings its own power.
    if on and not have.memory:
        yield Change(wish.item.name, "start", "state", before="stopped", after="running")
