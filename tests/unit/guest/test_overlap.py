# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes of several things at the same time: what overlaps, what waits, and what comes of failures."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest import parts
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.change import Change
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.engine import converge
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import HostError
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.overlap import overlap, waves
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.resource import Wish
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Disk, Guest, Nic
from ansible_collections.hostforge.hypervisor.tests.contract.fake import FakeDriver
from ansible_collections.hostforge.hypervisor.tests.contract.fake_hypervisor import FakeHypervisor
from ansible_collections.hostforge.hypervisor.tests.unit.guest.fake_host import FakeHost

# Long enough for any machine: a test that fails waits so long, one that passes does not wait.
PATIENCE_S = 60


def wait(barrier: threading.Barrier) -> None:
    barrier.wait(PATIENCE_S)


@pytest.mark.parametrize("workers", [1, 2, 3, 99])
def test_results_are_in_the_order_of_the_jobs(workers: int) -> None:
    jobs: list[Callable[[], int]] = [lambda number=number: number * 2 for number in range(20)]  # type: ignore[misc]
    assert overlap(jobs, workers) == [number * 2 for number in range(20)]
    assert overlap([], workers) == []


def test_jobs_run_at_the_same_time_and_no_more_than_so_many() -> None:
    together = threading.Barrier(3)
    running: set[int] = set()
    most: list[int] = []

    def job() -> None:
        running.add(threading.get_ident())
        most.append(len(running))
        wait(together)
        running.discard(threading.get_ident())

    overlap([job] * 9, 3)
    assert max(most) == 3


def test_one_job_or_one_worker_needs_no_thread() -> None:
    here = threading.get_ident()
    assert overlap([threading.get_ident], 8) == [here]
    assert overlap([threading.get_ident] * 2, 1) == [here, here]


@pytest.mark.parametrize("failure", [ValueError("a fault of ours"), KeyboardInterrupt(), SystemExit(3)], ids=repr)
def test_what_a_job_raises_is_raised_and_no_other_begins(failure: BaseException) -> None:
    begun: list[int] = []

    def job(number: int) -> None:
        begun.append(number)
        if number == 1:
            raise failure

    jobs: list[Callable[[], None]] = [lambda number=number: job(number) for number in range(500)]  # type: ignore[misc]
    with pytest.raises(type(failure)):
        overlap(jobs, 2)
    assert len(begun) < 500


def changes(*verbs: str, claim: str = "") -> list[Change]:
    return [Change("x", verb, "thing", key=claim) for verb in verbs]


def by_key(change: Change) -> Collection[str]:
    return {change.key} if change.key else set()


def test_what_only_gives_up_comes_first() -> None:
    plans = [changes("create"), changes("stop"), [], changes("stop", "start"), changes("stop", "delete", "remove")]
    assert waves(plans, by_key) == [[[1], [4]], [[0], [3]]]
    assert waves([[], []], by_key) == []


@pytest.mark.parametrize(
    ("claims", "chains"),
    [
        ("abc", [[0], [1], [2]]),
        ("aba", [[0, 2], [1]]),
        ("aaa", [[0, 1, 2]]),
        (("a", "b", "ab", "c", "b"), [[0, 1, 2, 4], [3]]),
    ],
)
def test_plans_that_claim_the_same_follow_each_other_as_the_wishes_do(
    claims: Sequence[str], chains: list[list[int]]
) -> None:
    plans = [[Change("x", "add", "thing", key=name) for name in names] for names in claims]
    (wave,) = waves(plans, by_key)
    assert sorted(wave) == chains


def test_guests_claim_the_data_and_addresses_that_come_or_go() -> None:
    driver = FakeDriver(FakeHypervisor())
    disk, nic = Disk("root", path="/d"), Nic(network="n", mac="52:54:00:00:00:01")
    guest = Guest("a", disks=(disk, Disk("new")), nics=(nic, Nic(network="n")))
    both = {"/d", "52:54:00:00:00:01"}
    assert driver.claims(Change("a", "create", "guest", after=guest)) == both
    assert driver.claims(Change("a", "remove", "guest", before=guest)) == both
    assert driver.claims(Change("a", "add", "disks", after=disk)) == {"/d"}
    assert driver.claims(Change("a", "delete", "disks", before=disk)) == {"/d"}
    assert driver.claims(Change("a", "remove", "nics", before=nic)) == {"52:54:00:00:00:01"}
    assert driver.claims(Change("a", "set", "nics.source", key="x", after=("n", None))) == set()
    assert driver.claims(Change("a", "remove", "guest", before=Guest("a"))) == set()


@dataclass
class Threaded(FakeDriver):
    """The fake driver, whose changes may be made from several threads; each calls what it is given."""

    hypervisor: FakeHypervisor = field(default_factory=FakeHypervisor)
    workers: int = 3
    meanwhile: Callable[[Change], None] = lambda _change: None
    log: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(self.hypervisor)

    def apply(self, change: Change) -> None:
        self.meanwhile(change)
        self.log.append(f"{change.verb} {change.name}")
        super().apply(change)


def wish(name: str, **more: Any) -> Wish[Guest]:
    return Wish(Guest(name, **more))


def test_guests_are_changed_at_the_same_time_and_each_fails_alone() -> None:
    together = threading.Barrier(3)

    def meanwhile(change: Change) -> None:
        wait(together)
        if change.name == "b":
            raise HostError("no room")

    driver = Threaded(meanwhile=meanwhile)
    outcomes = converge(driver, [wish(name) for name in "cba"], check_mode=False)
    assert [(outcome.name, outcome.error) for outcome in outcomes] == [
        ("c", ""),
        ("b", "create guest: no room"),
        ("a", ""),
    ]
    assert set(driver.hypervisor.machines) == {"a", "c"}


def test_what_is_freed_is_free_before_it_is_needed() -> None:
    driver = Threaded()
    converge(driver, [wish("old", state="running"), wish("older")], check_mode=False)
    driver.log.clear()
    wanted = [wish("new", state="running"), wish("old", state="stopped"), wish("older", state="absent")]
    outcomes = converge(driver, wanted, check_mode=False)
    assert [outcome.error for outcome in outcomes] == ["", "", ""]
    assert sorted(driver.log[:2]) == ["remove older", "stop old"]
    assert driver.log[2:] == ["create new", "start new"]


def test_a_part_of_another_thread_is_alive() -> None:
    host = FakeHost()
    made: list[str] = []
    barrier = threading.Barrier(2)

    def work() -> str:
        path = parts.part_of("/cache/image")
        host.files[path] = b""
        wait(barrier)
        made.extend(parts.dead_parts(host, "/cache"))
        return path

    one, other = overlap([work, work], 2)
    assert one != other
    assert made == []
