# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Domains that xl has not made all of: those that nobody makes any more go, and those that another xl makes stay."""

from __future__ import annotations

import os
import time
from dataclasses import replace

import pytest

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.xen import power
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Guest
from ansible_collections.hostforge.hypervisor.tests.contract.look import again, predicted, run, there, verbs
from ansible_collections.hostforge.hypervisor.tests.unit.xen.one_guest import BASE, CFG, NAME, only, running
from ansible_collections.hostforge.hypervisor.tests.unit.xen.simulated_subject import ParavirtualSubject
from ansible_collections.hostforge.hypervisor.tests.unit.xen.simulated_xl import SimulatedDomain


@pytest.fixture(name="subject")
def make_subject() -> ParavirtualSubject:
    return ParavirtualSubject()


def half_made(subject: ParavirtualSubject) -> SimulatedDomain:
    """The domain of the guest, as xl leaves it when it is killed while it makes it."""
    domain: SimulatedDomain = subject.host.xl.domains[0]
    domain.config, domain.flags = None, "--p---"
    return domain


def another_xl(
    subject: ParavirtualSubject, words: str = "create\0/etc/xen/x.cfg", parent: str = "55", session: str = "55"
) -> None:
    """Another xl is there as the process 77, told to do what the words say."""
    subject.host.folders["/proc/77"] = 0o555
    subject.host.files["/proc/77/cmdline"] = f"/usr/sbin/xl\0{words}\0".encode()
    subject.host.files["/proc/77/stat"] = f"77 (xl) S {parent} 77 {session}".encode()


def test_a_half_made_domain_is_taken_away_before_a_start(subject: ParavirtualSubject) -> None:
    want = running(subject)
    domain = half_made(subject)
    assert there(subject, NAME).state == "stopped"
    assert verbs(predicted(subject, want)) == ["start state"]
    assert there(subject, NAME).state == "running"
    assert [one.number for one in subject.host.xl.domains] == [domain.number + 1]


@pytest.mark.parametrize("defined", [True, False])
def test_what_is_left_of_a_domain_goes_with_the_guest(subject: ParavirtualSubject, defined: bool) -> None:
    running(subject)
    half_made(subject)
    if not defined:
        del subject.host.files[CFG]
    done = predicted(subject, Guest(NAME, state="absent"))
    assert verbs(done)[:2] == ["remove domain", "remove guest" if defined else "delete seeds"]
    assert subject.host.xl.domains == []
    again(subject, Guest(NAME, state="absent"))


def test_what_a_failed_start_leaves_is_taken_away(subject: ParavirtualSubject) -> None:
    run(subject, BASE)
    subject.host.xl.deaf, subject.host.xl.leaves_half_made = {"create"}, True
    outcome = only(subject, replace(BASE, state="running"))
    assert "it cannot be started" in outcome.error
    assert subject.host.xl.domains == []
    subject.host.xl.deaf.clear()
    run(subject, replace(BASE, state="running"))


@pytest.mark.parametrize("words", ["create\0/etc/xen/x.cfg", "-v\0create\0x.cfg", "migrate-receive"])
def test_what_another_xl_makes_is_not_taken_away(subject: ParavirtualSubject, words: str) -> None:
    run(subject, BASE)
    subject.host.xl.deaf, subject.host.xl.leaves_half_made = {"create"}, True
    another_xl(subject, words=words)
    assert only(subject, replace(BASE, state="running")).error
    assert len(subject.host.xl.domains) == 1


def test_what_this_run_makes_of_other_guests_stops_nobody(subject: ParavirtualSubject) -> None:
    want = running(subject)
    half_made(subject)
    another_xl(subject, parent=str(os.getpid()))
    run(subject, want)


@pytest.mark.parametrize(
    ("parent", "session"), [("55", "55"), ("1", "55")], ids=["of another's", "left behind by a killed run"]
)
def test_a_domain_that_xl_is_making_is_left_alone(
    subject: ParavirtualSubject, monkeypatch: pytest.MonkeyPatch, parent: str, session: str
) -> None:
    monkeypatch.setattr(power, "OTHERS_S", 0)
    want = running(subject)
    domain = half_made(subject)
    another_xl(subject, parent=parent, session=session)
    assert "77" in only(subject, want).error
    assert subject.host.xl.domains == [domain]


def test_one_that_watches_over_a_guest_makes_none(subject: ParavirtualSubject) -> None:
    want = running(subject)
    domain = half_made(subject)
    another_xl(subject, parent="1", session="77")
    run(subject, want)
    assert domain not in subject.host.xl.domains


def test_a_domain_that_a_killed_run_still_makes_is_waited_for(
    subject: ParavirtualSubject, monkeypatch: pytest.MonkeyPatch
) -> None:
    want = running(subject)
    (domain,) = subject.host.xl.domains
    whole = domain.config, domain.flags
    half_made(subject)
    another_xl(subject, parent="1", session="55")

    class Clock:
        monotonic = staticmethod(time.monotonic)

        @staticmethod
        def sleep(_seconds: float) -> None:
            domain.config, domain.flags = whole
            subject.host.files["/proc/77/stat"] = b"77 (xl) S 1 77 77"

    monkeypatch.setattr(power, "time", Clock)
    run(subject, want)
    assert subject.host.xl.domains == [domain]
    again(subject, want)
