# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The honest fake driver keeps the contract, in all its kinds."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.hostforge.hypervisor.tests.contract.cases import Case, cases
from ansible_collections.hostforge.hypervisor.tests.contract.fake_subject import (
    FakeSubject,
    FrozenSubject,
    SlowSubject,
)


def by_function(kind: type[FakeSubject]) -> list[Any]:
    """The cases of a kind, those that differ only in what is edited together."""
    found: dict[str, list[Case]] = {}
    for case in cases(kind):
        found.setdefault(case.function.__name__, []).append(case)
    return [pytest.param(group, id=name) for name, group in found.items()]


@pytest.mark.parametrize("group", by_function(FakeSubject))
def test_running_guests_can_be_changed(group: list[Case]) -> None:
    run(group, FakeSubject)


@pytest.mark.parametrize("group", by_function(SlowSubject))
def test_changes_can_be_stored(group: list[Case]) -> None:
    run(group, SlowSubject)


@pytest.mark.parametrize("group", by_function(FrozenSubject))
def test_guests_that_are_off_can_be_changed(group: list[Case]) -> None:
    run(group, FrozenSubject)


def run(group: list[Case], kind: type[FakeSubject]) -> None:
    for case in group:
        try:
            case.run(kind())
        except AssertionError as error:
            error.add_note(f"in the case {case}")
            raise
