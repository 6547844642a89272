# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cases: a guest is made, started, stopped and removed."""

from __future__ import annotations

from dataclasses import replace

from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Guest
from ansible_collections.hostforge.hypervisor.tests.contract.look import (
    again,
    assert_is,
    policy,
    predicted,
    refused,
    run,
    run_all,
    state,
    there,
    verbs,
)
from ansible_collections.hostforge.hypervisor.tests.contract.needs import UUIDS, needs
from ansible_collections.hostforge.hypervisor.tests.contract.subject import POWER, START, Subject
from ansible_collections.hostforge.hypervisor.tests.contract.wishes import OTHER_UUID, UUID

CREATE, START_IT, STOP_IT, REMOVE = "create guest", "start state", "stop state", "remove guest"


def creating_makes_what_was_wished(subject: Subject) -> None:
    done = predicted(subject, subject.base)
    assert verbs(done) == [CREATE]
    assert there(subject).state == "stopped"
    assert_is(subject, subject.base)


def creating_again_changes_nothing(subject: Subject) -> None:
    run(subject, subject.base)
    again(subject, subject.base)
    again(subject, replace(subject.base, state="stopped"))


def a_guest_of_a_name_only_can_be_made(subject: Subject) -> None:
    bare = Guest(subject.base.name, state="stopped")
    predicted(subject, bare)
    again(subject, bare)
    found = there(subject)
    assert (found.vcpus, found.description) == (1, "")
    assert not [*(found.disks or ()), *(found.nics or ()), *(found.cdroms or ())]


def a_found_guest_has_an_identity(subject: Subject) -> None:
    run(subject, subject.base)
    found = there(subject)
    assert found.uuid
    assert found == there(subject), "two drivers read the same guest differently"
    assert all(nic.mac for nic in found.nics or ())
    assert all(disk.path for disk in found.disks or ())


def reading_gives_what_was_asked_for(subject: Subject) -> None:
    first, second = subject.base, Guest("contract-2")
    run_all(subject, [first, second], policy(subject))
    driver = subject.make_driver()
    assert {first.name, second.name} <= set(driver.read(None))
    assert set(driver.read([second.name])) == {second.name}
    assert set(driver.read([first.name, "nobody"])) == {first.name}
    assert driver.read([]) == {}
    assert driver.read(None)[first.name] == driver.read([first.name])[first.name]


def two_wishes_in_one_run(subject: Subject) -> None:
    wants = [subject.base, replace(subject.base, name="contract-10", description="its own")]
    outcomes = run_all(subject, wants, policy(subject))
    assert [(outcome.name, outcome.error, verbs(outcome)) for outcome in outcomes] == [
        ("contract-1", "", [CREATE]),
        ("contract-10", "", [CREATE]),
    ]
    for want in wants:
        assert_is(subject, want)
    first, second = (there(subject, want.name) for want in wants)
    assert not {disk.path for disk in first.disks or ()} & {disk.path for disk in second.disks or ()}
    assert not {nic.mac for nic in first.nics or ()} & {nic.mac for nic in second.nics or ()}


def removing_one_leaves_the_other(subject: Subject) -> None:
    other = replace(subject.base, name="contract-10")
    run_all(subject, [subject.base, other], policy(subject))
    before = there(subject, other.name)
    predicted(subject, Guest(subject.base.name, state="absent"), delete_disks=True)
    assert there(subject, other.name) == before
    assert all(subject.has_file(disk.path or "") for disk in before.disks or ())


def removing_forgets_the_guest(subject: Subject) -> None:
    run(subject, subject.base)
    done = predicted(subject, Guest(subject.base.name, state="absent"))
    assert verbs(done) == [REMOVE]
    assert state(subject) is None
    assert subject.base.name not in subject.make_driver().read(None)


@needs(UUIDS)
def a_uuid_is_one_guests_only(subject: Subject) -> None:
    """By its uuid a hypervisor may take one guest for another."""
    run(subject, replace(subject.base, uuid=UUID))
    again(subject, replace(subject.base, uuid=UUID))
    outcome = refused(subject, Guest("contract-10", uuid=UUID))
    assert all(part in outcome.error for part in (UUID, subject.base.name))
    outcome = refused(subject, Guest(subject.base.name, "absent", uuid=OTHER_UUID), "force", delete_disks=True)
    assert all(part in outcome.error for part in (UUID, OTHER_UUID))
    run(subject, Guest(subject.base.name, "absent", uuid=UUID))


def removing_again_changes_nothing(subject: Subject) -> None:
    gone = Guest(subject.base.name, state="absent")
    again(subject, gone)
    run(subject, subject.base)
    run(subject, gone)
    again(subject, gone)
    again(subject, gone, delete_disks=True)


def a_removed_guest_can_be_made_again(subject: Subject) -> None:
    run(subject, subject.base)
    run(subject, Guest(subject.base.name, state="absent"), delete_disks=True)
    predicted(subject, subject.base)
    assert_is(subject, subject.base)
    again(subject, subject.base)


@needs(START, POWER)
def creating_a_running_guest(subject: Subject) -> None:
    want = replace(subject.base, state="running")
    done = predicted(subject, want)
    assert verbs(done) == [CREATE, START_IT]
    assert there(subject).state == "running"
    assert subject.power(want.name) is not None
    assert_is(subject, subject.base)
    assert_is(subject, subject.base, running=True)
    assert not done.pending


@needs(START, POWER)
def a_running_guest_is_left_running(subject: Subject) -> None:
    want = replace(subject.base, state="running")
    run(subject, want)
    boot = subject.power(want.name)
    for restart in ("never", "graceful", "force"):
        assert not again(subject, want, restart).pending
        again(subject, subject.base, restart)
    assert subject.power(want.name) == boot


@needs(START, POWER)
def starting_and_stopping(subject: Subject) -> None:
    run(subject, subject.base)
    on, off = (replace(subject.base, state=wished) for wished in ("running", "stopped"))
    assert verbs(predicted(subject, on)) == [START_IT]
    assert subject.power(on.name) is not None
    again(subject, on)
    assert verbs(predicted(subject, off, "force")) == [STOP_IT]
    assert subject.power(on.name) is None
    assert there(subject).live is None
    again(subject, off)
    assert_is(subject, subject.base)


@needs(START, POWER)
def removing_a_running_guest(subject: Subject) -> None:
    run(subject, replace(subject.base, state="running"))
    done = predicted(subject, Guest(subject.base.name, state="absent"), "force")
    assert verbs(done) == [STOP_IT, REMOVE]
    assert state(subject) is None
