# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a wished snapshot, the one found and its guest to the changes between them. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Generic, Protocol, TypeVar

from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.change import Change
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import PlanError
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.resource import Wish
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.snapshots import Snapshot


class Seen(Protocol):
    """A guest as its snapshots need it. power: running | paused | stopped. snapshots: by name."""

    @property
    def guest(self) -> str:
        """The guest's name."""

    @property
    def power(self) -> str:
        """What it is doing."""

    @property
    def snapshots(self) -> Mapping[str, Snapshot]:
        """What it has."""


View = TypeVar("View", bound=Seen)


@dataclass(frozen=True)
class Rules(Generic[View]):
    """What one hypervisor's snapshots can and cannot do. The reasons are none when it may be.

    complete: the wish for a new snapshot with all that is left open; PlanError where there can be none. revert,
    removal: reasons against going back to a snapshot, and against deleting it while others of the guest are to be
    deleted as well. wakes: a guest that goes back to its memory runs then by itself.
    """

    complete: Callable[[Snapshot, View], Snapshot]
    revert: Callable[[Snapshot, View], list[str]]
    removal: Callable[[Snapshot, View, Collection[str]], list[str]]
    wakes: bool = True


def plan_snapshot(
    rules: Rules[View],
    wish: Wish[Snapshot],
    have: Snapshot | None,
    view: View | None,
    known: bool,
    going: Collection[str] = (),
) -> Iterator[Change]:
    """Yield the changes, in order. Raises PlanError with every reason that there is.

    view: the guest, None when there is none of that name. known: whether there is a hypervisor to know it from.
    going: the guest's snapshots that the same task deletes.
    """
    want = wish.item
    if want.state == "absent":
        if have is not None and view is not None:
            refuse(rules.removal(have, view, going))
            yield Change(want.name, "remove", "snapshot", before=have)
    elif have is None or view is None:
        yield _take(rules, want, view, known)
    else:
        yield from _change(want, have)
        if want.state == "reverted":
            yield from _revert(rules, wish, have, view)


def refuse(reasons: list[str]) -> None:
    """Raise PlanError when there are reasons to."""
    if reasons:
        raise PlanError("; ".join(reasons))


def _take(rules: Rules[View], want: Snapshot, view: View | None, known: bool) -> Change:
    if view is None and known:
        raise PlanError(f"there is no guest {want.guest} on the host")
    if want.state == "reverted":
        names = ", ".join(sorted(view.snapshots)) if view else ""
        raise PlanError(f"guest {want.guest} has no snapshot {want.snapshot}; it has: {names or 'none'}")
    new = want if view is None else rules.complete(want, view)
    plain = replace(new, description=new.description or "", discard_newer=None)
    return Change(want.name, "create", "snapshot", after=plain)


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


def _revert(rules: Rules[View], wish: Wish[Snapshot], have: Snapshot, view: View) -> Iterator[Change]:
    guest, policy, on = wish.item.guest, wish.policy, view.power != "stopped"
    reasons = rules.revert(have, view)
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
    # A snapshot with memory brings its own power, here or by itself.
    if (on and not have.memory) or (have.memory and not rules.wakes):
        yield Change(wish.item.name, "start", "state", before="stopped", after="running")
