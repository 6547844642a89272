# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Resource: the contract of everything that the engine brings in line, with what is wished and what becomes of it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.change import Change
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import HypervisorError, PlanError
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Policy


class Named(Protocol):
    """Anything that a host has several of, each known by its name."""

    @property
    def name(self) -> str:
        """The name, unique on the host."""


Item = TypeVar("Item", bound=Named)


@dataclass(frozen=True)
class Wish(Generic[Item]):
    """What the user wants of one thing, and what a run may do to get there."""

    item: Item
    policy: Policy = field(default_factory=Policy)


@dataclass(frozen=True)
class Outcome(Generic[Item]):
    """What became of one wish.

    changes: those made, or in check mode those that a run would make. before, after: the states found; in check
    mode after is None. error: empty when all went well. pending: a restart is needed to bring all of it about.
    trace: where a fault of the collection itself, or of what it is built on, stopped it.
    """

    wish: Wish[Item]
    changes: tuple[Change, ...] = ()
    before: Item | None = None
    after: Item | None = None
    error: str = ""
    cause: HypervisorError | None = None
    trace: str = ""
    pending: bool = False
    notes: tuple[str, ...] = field(default=())

    @property
    def name(self) -> str:
        """The name of what was wished for."""
        return self.wish.item.name


class Resource(ABC, Generic[Item]):
    """A kind of thing that a host has: guests, storage pools, networks. The contract of every driver.

    All methods raise HypervisorError (or one of its kinds) with a message for the user. workers: from how many threads
    at the same time apply() may be called, each for another thing; the rest is only called from one.
    """

    workers: int = 1

    @abstractmethod
    def read(self, names: Collection[str] | None) -> dict[str, Item]:
        """Read the states of the named things (None: of all) in one batch. Changes nothing.

        Names that do not exist are not in the answer. Raises AbsentError when there is no hypervisor to ask.
        """

    @abstractmethod
    def plan(self, wish: Wish[Item], have: Item | None) -> Iterator[Change]:
        """Yield the changes from state to wish, in order. Pure. Raises PlanError, after changes or in their place."""

    def check(self, wish: Wish[Item], changes: Sequence[Change]) -> Iterator[PlanError]:
        """Yield every reason why this host cannot do it, by looking only. Called before anything is touched."""
        return iter(())

    @abstractmethod
    def apply(self, change: Change) -> None:
        """Carry out one change and return when it holds. Doing it twice, or after half of it, does no harm."""

    def claims(self, change: Change) -> Collection[str]:
        """Names of what a change takes or gives up, and another thing might want: then one waits for the other."""
        return ()

    def pending(self, wish: Wish[Item], have: Item | None) -> bool:
        """Whether something of the wish only comes about with a restart."""
        return False

    def look_again(self, names: Collection[str]) -> dict[str, Item]:
        """Read those again that a run waits for. What is_ready() goes by must be as new as in read()."""
        return self.read(names)

    def notes(self, wish: Wish[Item], have: Item | None) -> tuple[str, ...]:
        """What the user should know about this wish on this host, beside the result."""
        return ()

    def is_ready(self, wish: Wish[Item], have: Item | None) -> bool:
        """Whether what the policy says to wait for has come about."""
        return True
