# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cases: a wish that cannot come true stops there, says why, and leaves the others alone."""

from __future__ import annotations

from dataclasses import replace

from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Guest, Nic
from ansible_collections.hostforge.hypervisor.tests.contract.look import (
    again,
    assert_is,
    policy,
    refused,
    run,
    run_all,
    state,
    there,
    verbs,
)
from ansible_collections.hostforge.hypervisor.tests.contract.needs import needs
from ansible_collections.hostforge.hypervisor.tests.contract.subject import IGNORES, POWER, START, Subject
from ansible_collections.hostforge.hypervisor.tests.contract.wishes import MIB, only_known

NOWHERE = "no-such-network"


def an_unknown_network_is_refused(subject: Subject) -> None:
    lost = only_known(replace(subject.base, nics=(Nic(network=NOWHERE),)), subject.traits)
    assert NOWHERE in refused(subject, lost).error
    assert state(subject) is None
    run(subject, subject.base)
    assert NOWHERE in refused(subject, lost).error
    assert_is(subject, subject.base)


def a_property_that_does_not_exist_is_refused(subject: Subject) -> None:
    odd = replace(subject.base, options=(*subject.base.options, ("no_such_option", 1)))
    assert "no_such_option" in refused(subject, odd).error
    assert state(subject) is None


def one_refusal_does_not_stop_the_others(subject: Subject) -> None:
    run(subject, subject.base)
    (root, *_rest) = subject.base.disks or ()
    small = replace(subject.base, disks=(replace(root, size_bytes=MIB),))
    wants = [Guest("contract-2"), small, Guest("contract-3")]
    outcomes = run_all(subject, wants, policy(subject))
    assert [bool(outcome.error) for outcome in outcomes] == [False, True, False]
    assert [verbs(outcome) for outcome in outcomes] == [["create guest"], [], ["create guest"]]
    assert_is(subject, subject.base)
    assert {"contract-2", "contract-3"} <= set(subject.make_driver().read(None))


@needs(START, POWER, IGNORES)
def one_failure_does_not_stop_the_others(subject: Subject) -> None:
    stubborn = replace(subject.base, state="running")
    subject.obey(stubborn.name, False)
    run(subject, stubborn)
    subject.obey(stubborn.name, False)
    outcomes = run_all(subject, [Guest(stubborn.name, state="absent"), Guest("contract-2")], policy(subject))
    assert [bool(outcome.error) for outcome in outcomes] == [True, False]
    assert there(subject, stubborn.name).state == "running"
    again(subject, Guest("contract-2"))
