# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lamps: the simplest things that the engine can bring in line, with switches for everything that can go wrong."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.change import Change
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import (
    HypervisorError,
    PlanError,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.resource import Outcome, Resource, Wish
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Policy


@dataclass(frozen=True)
class Lamp:
    """The simplest thing that can be wished for."""

    name: str
    colour: str = ""
    ready: bool = True


@dataclass
class Lamps(Resource[Lamp]):
    """Lamps in memory, with switches for everything that can go wrong."""

    there: dict[str, Lamp] = field(default_factory=dict)
    log: list[str] = field(default_factory=list)
    errors: dict[str, HypervisorError] = field(default_factory=dict)
    refusals: dict[str, list[PlanError]] = field(default_factory=dict)
    stuck: set[str] = field(default_factory=set)
    reads: int = 0
    seen_again: set[str] = field(default_factory=set)

    def _step(self, what: str) -> None:
        self.log.append(what)
        if what in self.errors:
            raise self.errors[what]

    def read(self, names: Collection[str] | None) -> dict[str, Lamp]:
        self.reads += 1
        self._step(f"read {self.reads}")
        return {name: lamp for name, lamp in self.there.items() if names is None or name in names}

    def plan(self, wish: Wish[Lamp], have: Lamp | None) -> Iterator[Change]:
        if f"plan {wish.item.name}" in self.errors:
            raise self.errors[f"plan {wish.item.name}"]
        found = have.colour if have else None
        if found != wish.item.colour:
            yield Change(wish.item.name, "set", "colour", "", found, wish.item.colour)

    def check(self, wish: Wish[Lamp], changes: Sequence[Change]) -> Iterator[PlanError]:
        self._step(f"check {wish.item.name}")
        yield from self.refusals.get(wish.item.name, ())

    def apply(self, change: Change) -> None:
        self._step(f"apply {change.name}")
        if change.name not in self.stuck:
            self.there[change.name] = Lamp(change.name, change.after)

    def look_again(self, names: Collection[str]) -> dict[str, Lamp]:
        found = self.read(names)
        self.log[-1] = f"look again at {' '.join(names)}"
        return {name: Lamp(name, lamp.colour, lamp.ready or name in self.seen_again) for name, lamp in found.items()}

    def is_ready(self, wish: Wish[Lamp], have: Lamp | None) -> bool:
        return wish.policy.wait_for == "none" or (have is not None and have.ready)


def wishes(*names: str, policy: Policy | None = None) -> list[Wish[Lamp]]:
    return [Wish(Lamp(name, "red"), policy or Policy()) for name in names]


def errors(outcomes: list[Outcome[Lamp]]) -> list[str]:
    return [outcome.error for outcome in outcomes]
