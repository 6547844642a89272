# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""For any wish and any state of the fake hypervisor: one run is enough, and check mode tells what it does."""

from __future__ import annotations

import copy
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.change import Change
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.engine import converge
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.resource import Outcome, Wish
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Guest, Policy
from ansible_collections.hostforge.hypervisor.tests.contract.fake import FakeDriver
from ansible_collections.hostforge.hypervisor.tests.contract.fake_subject import (
    FakeSubject,
    FrozenSubject,
    SlowSubject,
)
from ansible_collections.hostforge.hypervisor.tests.contract.look import assert_untouched, mismatches
from ansible_collections.hostforge.hypervisor.tests.unit.guest.strategies import (
    NAME,
    found_guests,
    policies,
    wished_guests,
)

EXAMPLES = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
SUBJECTS = (FakeSubject, SlowSubject, FrozenSubject)
KINDS = pytest.mark.parametrize("kind", SUBJECTS)


def host_with(kind: type[FakeSubject], stored: Guest | None, running: Guest | None) -> FakeSubject:
    """A host whose one guest is defined in one way, and perhaps runs in another, as other tools may leave it."""
    subject = kind()
    if stored is None:
        return subject
    if running is not None and not kind.traits.stores_pending:
        running = stored  # such a hypervisor has one definition only
    driver = FakeDriver(subject.hypervisor, kind.traits)
    machine = {}
    for side in (running, stored):
        if side is not None:
            driver.apply(Change(NAME, "create", "guest", after=side))
            machine = subject.hypervisor.machines[NAME]
            if side is running:
                driver.apply(Change(NAME, "start", "state"))
                machine["kept"], machine["running"] = machine["running"], None
    machine["running"] = machine.pop("kept", None)
    machine["boots"] = 0 if running is None else 1
    for disk in stored.disks or ():
        path = driver._path(NAME, disk)
        subject.hypervisor.files[path]["bytes"] = max(subject.hypervisor.files[path]["bytes"], disk.size_bytes or 0)
    return subject


def run(subject: FakeSubject, want: Guest, policy: Policy, check: bool = False) -> Outcome[Guest]:
    return converge(subject.make_driver(), [Wish(want, policy)], check)[0]


@KINDS
@EXAMPLES
@given(
    stored=st.none() | found_guests(),
    running=st.none() | found_guests(),
    want=wished_guests(),
    policy=policies,
)
def test_one_run_converges_as_check_mode_foretells(
    kind: type[FakeSubject], stored: Guest | None, running: Guest | None, want: Guest, policy: Policy
) -> None:
    subject = host_with(kind, stored, running)
    before = copy.deepcopy(subject.dump())
    check = run(subject, want, policy, check=True)
    assert_untouched(before, subject.dump(), "check mode")
    done = run(subject, want, policy)
    assert (check.error, check.changes, check.pending) == (done.error, done.changes, done.pending)
    if done.error:
        assert_untouched(before, subject.dump(), "a refused run")
        return
    assert_came_true(subject, want, policy, done)


def assert_came_true(subject: FakeSubject, want: Guest, policy: Policy, done: Outcome[Guest]) -> None:
    after = subject.dump()
    again = run(subject, want, policy)
    assert (again.error, again.changes, again.pending) == ("", (), done.pending)
    assert_untouched(after, subject.dump(), "a second run")
    found = subject.make_driver().read([NAME]).get(NAME)
    if want.state == "absent":
        assert found is None
        return
    assert found is not None
    assert mismatches(want, found) == []
    assert want.state in ("present", found.state)
    if found.live is not None:
        assert bool(mismatches(want, found.live)) == done.pending
    if policy.restart == "never" and want.state != "stopped":
        assert not {change.verb for change in done.changes} & {"stop", "restart"} or want.state == "absent"


@KINDS
@EXAMPLES
@given(stored=found_guests(), running=st.none() | found_guests(), policy=policies)
def test_a_guest_is_as_it_is(kind: type[FakeSubject], stored: Guest, running: Guest | None, policy: Policy) -> None:
    """A wish for what is there, in the words in which it was read, changes nothing."""
    subject = host_with(kind, stored, running)
    found = subject.make_driver().read([NAME])[NAME]
    if running is not None:
        return
    done = run(subject, replace(found, live=None), policy)
    assert (done.error, done.changes, done.pending) == ("", (), False)
