# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cases: a running guest is changed at once where it can be, and restarted only where that is allowed."""

from __future__ import annotations

from dataclasses import replace

from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Guest
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.traits import HOT
from ansible_collections.hostforge.hypervisor.tests.contract.look import (
    after_edit,
    again,
    assert_is,
    assert_untouched,
    before_edit,
    mismatches,
    policy,
    predicted,
    refused,
    run,
    run_all,
    there,
    verbs,
)
from ansible_collections.hostforge.hypervisor.tests.contract.needs import NO_PENDING, PENDING, needs
from ansible_collections.hostforge.hypervisor.tests.contract.subject import (
    IGNORES,
    OBEYS,
    POWER,
    START,
    Edit,
    Subject,
)


@needs(START, POWER, PENDING)
def a_running_guest_is_edited_without_a_restart(subject: Subject, live: Edit) -> None:
    boot = _started(subject, live)
    want = after_edit(subject, live, state="running")
    done = predicted(subject, want)
    assert subject.power(want.name) == boot, "a restart that nobody allowed"
    assert done.changes
    assert_is(subject, want)
    running = there(subject).live
    assert running is not None
    assert bool(mismatches(want, running)) == done.pending, "restart_required is not what the running guest shows"
    if not done.pending:
        assert_is(subject, want, running=True)
    rule = subject.traits.fields[live.field]
    if rule.when == HOT and not rule.limit and not rule.only and not live.also:
        assert not done.pending, "the traits say that this takes effect at once"


@needs(START, POWER, PENDING)
def restart_required_is_told_until_the_restart(subject: Subject, live: Edit) -> None:
    boot = _started(subject, live)
    want = after_edit(subject, live, state="running")
    done = run(subject, want)
    assert again(subject, want).pending == done.pending
    assert again(subject, replace(want, state="present")).pending == done.pending
    assert subject.power(want.name) == boot
    if not done.pending:
        assert not again(subject, want, "force").pending
        return
    restarted = predicted(subject, want, "force")
    assert verbs(restarted) == ["restart state"]
    assert not restarted.pending
    assert subject.power(want.name) not in (None, boot)
    assert_is(subject, want, running=True)
    assert not again(subject, want).pending


@needs(START, POWER, PENDING)
def an_edit_and_its_restart_in_one_run(subject: Subject, live: Edit) -> None:
    boot = _started(subject, live)
    want = after_edit(subject, live, state="running")
    done = predicted(subject, want, "force")
    assert not done.pending
    assert ("restart state" in verbs(done)) == (subject.power(want.name) != boot)
    assert_is(subject, want)
    assert_is(subject, want, running=True)
    again(subject, want, "force")


@needs(START, POWER, NO_PENDING)
def an_edit_that_needs_the_guest_off_is_refused(subject: Subject, live: Edit) -> None:
    boot = _started(subject, live)
    want = after_edit(subject, live, state="running")
    # Where the traits say that it depends on the entry, the driver is asked, and a refusal says what would help.
    some = bool(subject.traits.fields[live.field].only)
    can = some and not run_all(subject, [want], policy(subject), check=True)[0].error
    if can or (_is_hot(subject, live) and not some):
        predicted(subject, want)
    else:
        assert "restart" in refused(subject, want).error
    assert subject.power(want.name) == boot


@needs(START, POWER, NO_PENDING)
def an_edit_goes_with_a_power_cycle(subject: Subject, live: Edit) -> None:
    boot = _started(subject, live)
    want = after_edit(subject, live, state="running")
    done = predicted(subject, want, "force")
    assert ("stop state" in verbs(done)) == (subject.power(want.name) != boot)
    assert there(subject).state == "running"
    assert_is(subject, want)
    assert_is(subject, want, running=True)
    again(subject, want)


@needs(START, POWER)
def stopping_brings_what_was_edited(subject: Subject, live: Edit) -> None:
    """A wish to be off and different needs no permission to restart."""
    _started(subject, live)
    want = after_edit(subject, live, state="stopped")
    done = predicted(subject, want, "force")
    assert verbs(done)[0] == "stop state"
    assert subject.power(want.name) is None
    assert_is(subject, want)
    again(subject, want)


@needs(START, POWER, IGNORES)
def a_guest_that_ignores_shutdown_keeps_running(subject: Subject) -> None:
    want = _stubborn(subject)
    boot = subject.power(want.name)
    for wished, restart in (("stopped", "never"), ("stopped", "graceful"), ("absent", "graceful")):
        outcome = run_all(subject, [replace(want, state=wished)], policy(subject, restart))[0]
        assert outcome.error
        assert not outcome.changes
        assert subject.power(want.name) == boot, "power was cut without being allowed"
        assert there(subject).state == "running"


@needs(START, POWER, IGNORES, PENDING)
def a_restart_that_fails_keeps_what_is_stored(subject: Subject) -> None:
    want = replace(_stubborn(subject), vcpus_max=6)
    boot = subject.power(want.name)
    outcome = run_all(subject, [want], policy(subject, "graceful"))[0]
    assert "restart" in outcome.error
    assert subject.power(want.name) == boot
    assert_is(subject, want)
    assert not run(subject, want, "force").pending


@needs(START, POWER, IGNORES)
def force_cuts_the_power(subject: Subject) -> None:
    want = _stubborn(subject)
    run(subject, replace(want, state="stopped"), "force")
    assert subject.power(want.name) is None


@needs(START, POWER, OBEYS)
def a_graceful_stop_is_enough_for_a_guest_that_obeys(subject: Subject) -> None:
    subject.obey(subject.base.name, True)
    want = replace(subject.base, state="running")
    run(subject, want)
    run(subject, replace(want, state="stopped"), "graceful")
    assert subject.power(want.name) is None
    again(subject, replace(want, state="stopped"), "graceful")


@needs(START, POWER)
def others_run_on(subject: Subject) -> None:
    other = Guest("contract-10", state="running")
    run_all(subject, [replace(subject.base, state="running"), other], policy(subject))
    boot, before = subject.power(other.name), subject.dump()
    run(subject, Guest(subject.base.name, state="absent"), "force", delete_disks=True)
    assert subject.power(other.name) == boot
    theirs = {key: value for key, value in subject.dump().items() if other.name in key}
    assert_untouched({key: value for key, value in before.items() if key in theirs}, theirs, "removing another guest")


def _started(subject: Subject, edit: Edit) -> object:
    run(subject, before_edit(subject, edit, state="running"))
    boot = subject.power(subject.base.name)
    assert boot is not None
    return boot


def _stubborn(subject: Subject) -> Guest:
    want = replace(subject.base, state="running")
    subject.obey(want.name, False)
    run(subject, want)
    subject.obey(want.name, False)
    return want


def _is_hot(subject: Subject, edit: Edit) -> bool:
    return subject.traits.fields[edit.field].when == HOT
