# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What converge() waits for: other runs that change the host, and what the policy says."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager

import pytest

from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest import engine
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.engine import converge
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import (
    HostError,
    PlanError,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.resource import Wish
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Guest, Policy
from ansible_collections.hostforge.hypervisor.tests.contract.fake import FakeDriver
from ansible_collections.hostforge.hypervisor.tests.contract.fake_hypervisor import FakeHypervisor
from ansible_collections.hostforge.hypervisor.tests.unit.guest.lamps import Lamp, Lamps, errors, wishes


@contextmanager
def another_run(lamps: Lamps, colour: str = "") -> Iterator[None]:
    """The lock, which another run held that changed a lamp."""
    lamps.log.append("lock")
    if colour:
        lamps.there["a"] = Lamp("a", colour)
    yield
    lamps.log.append("unlock")


def test_other_runs_are_kept_out_while_things_change_and_no_longer(clock: Clock) -> None:
    lamps = Lamps()
    waiting(lamps, {"a": 2}, clock)
    converge(lamps, wishes("a", policy=Policy(wait_for="address")), False, lambda: another_run(lamps))
    assert lamps.log == ["read 1", "lock", "read 2", "check a", "apply a", "read 3", "unlock"] + 3 * ["look again at a"]


def test_what_another_run_did_meanwhile_is_seen() -> None:
    lamps = Lamps()
    (outcome,) = converge(lamps, wishes("a"), False, lambda: another_run(lamps, "red"))
    assert (outcome.error, outcome.changes) == ("", ())
    lamps = Lamps()
    (outcome,) = converge(lamps, wishes("a"), False, lambda: another_run(lamps, "blue"))
    assert [(change.before, change.after) for change in outcome.changes] == [("blue", "red")]


@pytest.mark.parametrize("check_mode", [True, False])
def test_who_changes_nothing_waits_for_nobody(check_mode: bool) -> None:
    lamps = Lamps({} if check_mode else {"a": Lamp("a", "red")})
    converge(lamps, wishes("a"), check_mode, lambda: another_run(lamps))
    assert "lock" not in lamps.log


@pytest.mark.parametrize("left", ["", "blue", "red"])
def test_what_is_half_done_by_another_run_is_no_error(left: str) -> None:
    lamps = Lamps(errors={"plan a": PlanError("half of it is gone")})

    @contextmanager
    def ends() -> Iterator[None]:
        with another_run(lamps, left):
            lamps.errors.clear()
            yield

    (outcome,) = converge(lamps, wishes("a"), False, ends)
    assert (outcome.error, lamps.there["a"].colour) == ("", "red")


class Clock:
    """Time that passes only by sleeping."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(engine, "time", clock)
    return clock


def waiting(lamps: Lamps, ready_after: dict[str, int], clock: Clock) -> None:
    """Make lamps ready after some seconds; those not named never are."""
    read = lamps.read

    def later(names: Collection[str] | None) -> dict[str, Lamp]:
        found = read(names)
        return {
            name: Lamp(name, lamp.colour, clock.now >= ready_after.get(name, 10**9)) for name, lamp in found.items()
        }

    lamps.read = later


def test_waiting_is_for_all_at_once(clock: Clock) -> None:
    lamps = Lamps()
    waiting(lamps, {"a": 5, "b": 7}, clock)
    outcomes = converge(lamps, wishes("a", "b", policy=Policy(wait_for="address")), check_mode=False)
    assert errors(outcomes) == ["", ""]
    assert [outcome.after.ready for outcome in outcomes if outcome.after] == [True, True]
    assert clock.now == 7


def test_waiting_ends_at_each_ones_own_limit(clock: Clock) -> None:
    lamps = Lamps()
    waiting(lamps, {"c": 8}, clock)
    limits = {"a": 3, "b": 6, "c": 9}
    all_wishes = [Wish(Lamp(name, "red"), Policy(wait_for="address", wait_timeout_s=limits[name])) for name in limits]
    outcomes = converge(lamps, all_wishes, check_mode=False)
    assert ["no address after 3 s" in outcomes[0].error, "no address after 6 s" in outcomes[1].error] == [True, True]
    assert outcomes[2].error == ""
    assert clock.now == 8


def test_no_time_to_wait_is_no_endless_wait(clock: Clock) -> None:
    lamps = Lamps()
    waiting(lamps, {}, clock)
    (outcome,) = converge(lamps, wishes("a", policy=Policy(wait_for="address", wait_timeout_s=0)), check_mode=False)
    assert "no address" in outcome.error
    assert clock.now == 0
    assert lamps.log[-1] == "look again at a"


def test_no_time_to_wait_is_one_look(clock: Clock) -> None:
    """The read after the changes need not look as far as one for what is waited for."""
    lamps = Lamps({"b": Lamp("b", "red", ready=False)})
    waiting(lamps, {}, clock)
    lamps.seen_again = {"a"}
    outcomes = converge(lamps, wishes("a", "b", policy=Policy(wait_for="address", wait_timeout_s=0)), check_mode=False)
    assert ["no address" in error for error in errors(outcomes)] == [False, True]
    assert clock.now == 0


def test_only_what_is_waited_for_is_looked_at_again(clock: Clock) -> None:
    lamps = Lamps()
    waiting(lamps, {"a": 0, "b": 1, "c": 2}, clock)
    converge(lamps, wishes("a", "b", "c", policy=Policy(wait_for="address")), check_mode=False)
    assert lamps.log[-3:] == ["look again at b c", "look again at b c", "look again at c"]


def test_a_host_that_falls_silent_while_waiting_leaves_a_report(clock: Clock) -> None:
    lamps = Lamps({"b": Lamp("b", "red")}, errors={"read 4": HostError("gone")})
    waiting(lamps, {"b": 0}, clock)
    outcomes = converge(lamps, wishes("a", "b", policy=Policy(wait_for="address")), check_mode=False)
    assert "could not be read: gone" in outcomes[0].error
    assert outcomes[1].error == ""


def test_check_mode_does_not_wait(clock: Clock) -> None:
    converge(Lamps(), wishes("a", policy=Policy(wait_for="address")), check_mode=True)
    assert clock.now == 0


def test_a_guest_that_went_down_by_itself_is_not_ready() -> None:
    driver = FakeDriver(FakeHypervisor())
    policy = Policy(wait_for="address")
    off = Guest("a", state="stopped")
    up = Guest("a", state="running", live=Guest("a"), addresses=("192.0.2.1",))
    assert not driver.is_ready(Wish(Guest("a", state="running"), policy), off)
    assert not driver.is_ready(Wish(Guest("a", state="running"), policy), Guest("a", live=Guest("a")))
    assert driver.is_ready(Wish(Guest("a", state="running"), policy), up)
    assert driver.is_ready(Wish(Guest("a", state="present"), policy), off)
    assert driver.is_ready(Wish(Guest("a", state="absent"), policy), None)
    assert driver.is_ready(Wish(Guest("a", state="running")), off)
