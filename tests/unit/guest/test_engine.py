# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""converge(): check mode, failures that stay with their own, and looking again."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.change import Change
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.engine import converge
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import (
    AbsentError,
    HostError,
    LiveError,
    MissingImageError,
    PlanError,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.resource import Wish
from ansible_collections.hostforge.hypervisor.tests.unit.guest.lamps import Lamp, Lamps, errors, wishes


def test_everything_is_read_planned_and_checked_before_anything_is_touched() -> None:
    lamps = Lamps()
    outcomes = converge(lamps, wishes("a", "b"), check_mode=False)
    assert lamps.log == ["read 1", "read 2", "check a", "check b", "apply a", "apply b", "read 3"]
    assert [outcome.after for outcome in outcomes] == [Lamp("a", "red"), Lamp("b", "red")]
    assert [outcome.before for outcome in outcomes] == [None, None]


def test_check_mode_applies_nothing() -> None:
    lamps = Lamps()
    predicted = converge(lamps, wishes("a", "b"), check_mode=True)
    assert lamps.log == ["read 1", "check a", "check b"]
    done = converge(lamps, wishes("a", "b"), check_mode=False)
    assert [outcome.changes for outcome in predicted] == [outcome.changes for outcome in done]


def test_nothing_to_do_reads_once() -> None:
    lamps = Lamps({"a": Lamp("a", "red")})
    (outcome,) = converge(lamps, wishes("a"), check_mode=False)
    assert lamps.log == ["read 1", "check a"]
    assert (outcome.changes, outcome.before, outcome.after) == ((), Lamp("a", "red"), Lamp("a", "red"))


@pytest.mark.parametrize("check_mode", [True, False])
def test_where_nothing_is_to_do_it_is_planned_once(check_mode: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    lamps = Lamps({"a": Lamp("a", "red"), "b": Lamp("b", "red")})
    plan, planned = lamps.plan, []

    def counted(wish: Wish[Lamp], have: Lamp | None) -> Iterator[Change]:
        planned.append(wish.item.name)
        return plan(wish, have)

    monkeypatch.setattr(lamps, "plan", counted)
    converge(lamps, wishes("a", "b"), check_mode)
    assert planned == ["a", "b"]


@pytest.mark.parametrize("check_mode", [True, False])
def test_a_refused_plan_stops_only_its_own(check_mode: bool) -> None:
    lamps = Lamps(errors={"plan a": PlanError("no red for a"), "check b": PlanError("no socket for b")})
    outcomes = converge(lamps, wishes("a", "b", "c"), check_mode)
    assert errors(outcomes) == ["no red for a", "no socket for b", ""]
    assert [len(outcome.changes) for outcome in outcomes] == [0, 0, 1]
    assert set(lamps.there) == (set() if check_mode else {"c"})


def test_every_refusal_of_every_wish_is_told_and_what_is_refused_is_not_touched() -> None:
    twice = [PlanError("no socket"), PlanError("no bulb"), PlanError("no socket")]
    lamps = Lamps(refusals={"a": twice, "c": [PlanError("no wire")]}, errors={"check d": HostError("dark")})
    for check_mode in (True, False):
        outcomes = converge(lamps, wishes("a", "b", "c", "d"), check_mode)
        assert errors(outcomes) == ["no socket; no bulb", "", "no wire", "dark"]
    assert set(lamps.there) == {"b"}


def test_a_plan_that_is_refused_is_checked_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    lamps = Lamps(refusals={"a": [PlanError("no bulb")]})

    def refused(wish: Wish[Lamp], _have: Lamp | None) -> Iterator[Change]:
        yield Change(wish.item.name, "set", "colour")
        raise PlanError("no red for a")

    monkeypatch.setattr(lamps, "plan", refused)
    (outcome,) = converge(lamps, wishes("a"), check_mode=False)
    assert (outcome.error, outcome.changes) == ("no red for a; no bulb", ())
    assert lamps.there == {}


def test_a_wish_that_no_plan_can_be_made_of_is_refused_and_no_more_is_asked() -> None:
    lamps = Lamps(errors={"plan a": PlanError("there are no such lamps")})
    lamps.pending = lambda wish, have: pytest.fail("of a refused wish nothing is pending")  # type: ignore[method-assign]
    assert errors(converge(lamps, wishes("a"), check_mode=False)) == ["there are no such lamps"]


def test_an_image_is_not_brought_for_what_is_refused() -> None:
    missing = MissingImageError("no image", "/ctl/b.img")
    lamps = Lamps(refusals={"a": [missing, PlanError("no bulb")]})
    for check_mode in (True, False):
        assert errors(converge(lamps, wishes("a"), check_mode)) == ["no bulb"]


def test_a_failed_change_stops_only_its_own_and_is_named() -> None:
    lamps = Lamps(errors={"apply a": HostError("the fuse is gone")})
    outcomes = converge(lamps, wishes("a", "b"), check_mode=False)
    assert errors(outcomes) == ["set colour: the fuse is gone", ""]
    assert outcomes[0].changes == ()
    assert outcomes[1].after == Lamp("b", "red")


def test_after_what_a_running_guest_did_not_take_the_rest_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    lamps = Lamps()
    monkeypatch.setattr(lamps, "plan", lambda wish, _have: [Change(wish.item.name, verb) for verb in ("add", "set")])

    def refuses(change: Change) -> None:
        lamps.log.append(change.verb)
        raise LiveError("not now")

    monkeypatch.setattr(lamps, "apply", refuses)
    (outcome,) = converge(lamps, wishes("a"), check_mode=False)
    assert [change.verb for change in outcome.changes] == ["add", "set"]
    assert outcome.error == "add: not now; set: not now"


def test_a_fault_of_ours_fails_its_own_and_the_others_are_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    lamps = Lamps({"a": Lamp("a", "blue")})
    monkeypatch.setattr(lamps, "errors", {"apply a": ZeroDivisionError("no colour left")})
    monkeypatch.setattr(lamps, "workers", 2)
    outcomes = converge(lamps, wishes("a", "b"), check_mode=False)
    said = "set colour: ZeroDivisionError: no colour left (a fault of the collection, in lamps.py, line "
    assert errors(outcomes)[0].startswith(said)
    assert errors(outcomes)[1] == ""
    assert (outcomes[0].changes, outcomes[0].after) == ((), Lamp("a", "blue"))
    assert "in apply" in outcomes[0].trace
    assert "ZeroDivisionError" in outcomes[0].trace
    assert outcomes[1].after == Lamp("b", "red")


def test_a_run_that_is_interrupted_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    lamps = Lamps()
    monkeypatch.setattr(lamps, "errors", {"apply a": KeyboardInterrupt()})
    with pytest.raises(KeyboardInterrupt):
        converge(lamps, wishes("a", "b"), check_mode=False)


def test_after_a_failure_the_state_is_looked_at_again(monkeypatch: pytest.MonkeyPatch) -> None:
    lamps = Lamps({"a": Lamp("a", "blue")})

    def half(change: Change) -> None:
        lamps.there["a"] = Lamp("a", "violet")
        raise HostError("half way")

    monkeypatch.setattr(lamps, "apply", half)
    (outcome,) = converge(lamps, wishes("a"), check_mode=False)
    assert (outcome.before, outcome.after) == (Lamp("a", "blue"), Lamp("a", "violet"))


def test_a_change_that_does_not_hold_is_an_error() -> None:
    lamps = Lamps(stuck={"a"})
    outcomes = converge(lamps, wishes("a", "b"), check_mode=False)
    assert "did not keep" in outcomes[0].error
    assert "colour" in outcomes[0].error
    assert outcomes[1].error == ""


def test_a_refusal_after_the_run_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    lamps = Lamps()
    plan = lamps.plan

    def once(wish: Wish[Lamp], have: Lamp | None) -> Iterator[Change]:
        if have is not None:
            raise PlanError("not like this")
        return plan(wish, have)

    monkeypatch.setattr(lamps, "plan", once)
    (outcome,) = converge(lamps, wishes("a"), check_mode=False)
    assert outcome.error == "after the run: not like this"


def test_a_host_that_falls_silent_after_the_run_leaves_a_report() -> None:
    lamps = Lamps({"c": Lamp("c", "red")}, errors={"read 3": HostError("gone"), "apply b": HostError("no")})
    outcomes = converge(lamps, wishes("a", "b", "c"), check_mode=False)
    assert "could not be read: gone" in outcomes[0].error
    assert outcomes[1].error == "set colour: no"
    assert outcomes[2].error == ""
    assert len(outcomes[0].changes) == 1


def test_no_hypervisor_is_an_error_of_the_run() -> None:
    lamps = Lamps(errors={"read 1": AbsentError("not installed")})
    with pytest.raises(AbsentError):
        converge(lamps, wishes("a"), check_mode=False)


def test_no_hypervisor_in_check_mode_means_that_nothing_is_there() -> None:
    lamps = Lamps(errors={"read 1": AbsentError("not installed"), "check a": PlanError("nobody to ask")})
    (outcome,) = converge(lamps, wishes("a"), check_mode=True)
    assert outcome.error == ""
    assert [change.before for change in outcome.changes] == [None]


def test_other_errors_of_reading_are_errors_in_check_mode_too() -> None:
    lamps = Lamps(errors={"read 1": HostError("broken")})
    with pytest.raises(HostError):
        converge(lamps, wishes("a"), check_mode=True)


def test_a_missing_image_is_asked_for_before_anything_is_touched() -> None:
    lamps = Lamps(errors={"check b": MissingImageError("no image", "/ctl/b.img")})
    with pytest.raises(MissingImageError) as caught:
        converge(lamps, wishes("a", "b"), check_mode=False)
    assert caught.value.source == "/ctl/b.img"
    assert lamps.there == {}


def test_a_missing_image_is_no_error_of_a_check_run() -> None:
    lamps = Lamps(errors={"check b": MissingImageError("no image", "/ctl/b.img"), "check c": PlanError("no")})
    outcomes = converge(lamps, wishes("a", "b", "c"), check_mode=True)
    assert errors(outcomes) == ["", "", "no"]
    assert [len(outcome.changes) for outcome in outcomes] == [1, 1, 0]
