# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The contract's cases: which of them a subject gets, and how one is run."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from ansible_collections.hostforge.hypervisor.tests.contract import (
    edits,
    faults,
    lifecycle,
    running,
    storage,
    survival,
)
from ansible_collections.hostforge.hypervisor.tests.contract.needs import GIVEN, UUIDS, needs_of
from ansible_collections.hostforge.hypervisor.tests.contract.subject import Edit, Subject

MODULES = (lifecycle, edits, running, storage, survival, faults)


@dataclass(frozen=True)
class Case:
    """One case of the contract; edit: the property that it is about, for a case that is run for each of them."""

    function: Callable[..., None]
    edit: Edit | None = None

    def __str__(self) -> str:
        name = self.function.__name__
        return name if self.edit is None else f"{name}[{self.edit}]"

    def run(self, subject: Subject) -> None:
        """Run it on a subject without guests. Raises AssertionError for a broken contract."""
        self.function(subject, *(() if self.edit is None else (self.edit,)))


def cases(kind: type[Subject]) -> list[Case]:
    """All cases for a kind of subject, by its traits, edits and features."""
    return [case for module in MODULES for function in _functions(module) for case in _cases(kind, function)]


def _functions(module: ModuleType) -> Iterator[Callable[..., None]]:
    for name, value in vars(module).items():
        if inspect.isfunction(value) and value.__module__ == module.__name__ and not name.startswith("_"):
            yield value


def _cases(kind: type[Subject], function: Any) -> Iterator[Case]:
    if not needs_of(function) <= _features(kind):
        return
    parameters = list(inspect.signature(function).parameters)[1:]
    if parameters:
        yield from (Case(function, edit) for edit in _edits(kind, parameters[0]))
    else:
        yield Case(function)


def _features(kind: type[Subject]) -> frozenset[str]:
    own = {"pending" if kind.traits.stores_pending else "no pending", *(["image"] if kind.image else [])}
    own |= {UUIDS} if "uuid" in kind.traits.fields else set()
    own |= {GIVEN} if kind.given else set()
    return kind.features | own


def _edits(kind: type[Subject], parameter: str) -> Iterator[Edit]:
    """The edits that the name of a case's parameter asks for: edit, fixed or live."""
    for edit in kind.edits:
        fixed = kind.traits.is_fixed(edit.field)
        if (parameter == "fixed") == fixed and not (parameter == "live" and edit.name in kind.cold_only):
            yield edit
