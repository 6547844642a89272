# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The place of guests in the host's start order and the pause after them, on the simulator."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.xen.ledger import LINE
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.report import describe_guest
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.start_order import STARTER
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Autostart, Guest
from ansible_collections.hostforge.hypervisor.tests.contract.look import again, refused, run, there, verbs
from ansible_collections.hostforge.hypervisor.tests.unit.xen.simulated_subject import ParavirtualSubject

NAME = "web1"
CFG = f"/etc/xen/{NAME}.cfg"
BASE = Guest(NAME, memory_mib=64)
FORMS = {
    "off": Autostart(False),
    "plain": Autostart(True),
    "order": Autostart(True, 12),
    "delay": Autostart(True, None, 5),
    "none": Autostart(True, None, 0),
    "both": Autostart(True, 3, 30),
}


@pytest.fixture
def subject() -> ParavirtualSubject:
    return ParavirtualSubject()


def noted(subject: ParavirtualSubject) -> str:
    match = LINE.search(subject.text(CFG))
    return match[1] if match else ""


@pytest.mark.parametrize("second", FORMS)
@pytest.mark.parametrize("first", FORMS)
def test_from_each_form_to_each(subject: ParavirtualSubject, first: str, second: str) -> None:
    run(subject, replace(BASE, autostart=FORMS[first]))
    assert there(subject, NAME).autostart == FORMS[first]
    want = replace(BASE, autostart=FORMS[second])
    assert verbs(run(subject, want)) == ([] if first == second else ["set autostart"])
    assert there(subject, NAME).autostart == FORMS[second]
    again(subject, want)


def test_a_link_has_the_order_and_the_file_the_delay(subject: ParavirtualSubject) -> None:
    run(subject, replace(BASE, autostart=FORMS["both"]))
    assert subject.host.links == {f"/etc/xen/auto/0003-{NAME}.cfg": CFG}
    assert '"delay": 30' in noted(subject)
    run(subject, replace(BASE, autostart=FORMS["plain"]))
    assert list(subject.host.links) == [f"/etc/xen/auto/{NAME}.cfg"]
    assert noted(subject) == "{}"


def test_a_new_delay_is_a_change_of_the_file_alone(subject: ParavirtualSubject) -> None:
    running = replace(BASE, state="running", autostart=FORMS["both"])
    run(subject, running)
    before, power, links = len(subject.host.log), subject.power(NAME), dict(subject.host.links)
    assert verbs(run(subject, replace(running, autostart=Autostart(True, 3, 31)))) == ["set autostart"]
    assert {what[1] for what in subject.host.log[before:] if what[0] == "xl"} == {"list"}
    assert (subject.power(NAME), subject.host.links) == (power, links)


def test_a_link_that_is_gone_takes_the_delay_with_it_and_comes_back_whole(subject: ParavirtualSubject) -> None:
    want = replace(BASE, autostart=FORMS["both"])
    run(subject, want)
    subject.host.links.clear()
    assert there(subject, NAME).autostart == Autostart(False)
    assert verbs(run(subject, want)) == ["set autostart"]
    again(subject, want)


def test_a_delay_that_nobody_keeps_is_refused_and_an_order_is_not(subject: ParavirtualSubject) -> None:
    del subject.host.files[STARTER]
    said = refused(subject, replace(BASE, autostart=FORMS["both"])).error
    assert "hostforge-guests.service, which is not enabled" in said
    assert "xen_host_ordered_autostart" in said
    run(subject, replace(BASE, autostart=FORMS["order"]))
    assert "run the role xen_host" in refused(subject, replace(BASE, autostart=FORMS["delay"])).error
    assert there(subject, NAME).autostart == FORMS["order"]
    run(subject, replace(BASE, autostart=FORMS["plain"]))
    run(subject, replace(BASE, autostart=FORMS["off"]))


def test_who_has_a_delay_is_told_when_nobody_keeps_it_any_more(subject: ParavirtualSubject) -> None:
    want = replace(BASE, autostart=FORMS["delay"])
    assert run(subject, want).notes == ()
    del subject.host.files[STARTER]
    outcome = run(subject, want)
    assert verbs(outcome) == []
    assert "hostforge-guests.service" in str(outcome.notes)


@pytest.mark.parametrize("delay", ['"5"', "true", "-1", "1.5", "null"])
def test_what_somebody_else_wrote_in_place_of_a_delay_is_none(subject: ParavirtualSubject, delay: str) -> None:
    run(subject, replace(BASE, autostart=FORMS["both"]))
    subject.write(CFG, subject.text(CFG).replace('"delay": 30', f'"delay": {delay}'))
    assert there(subject, NAME).autostart == Autostart(True, 3)
    want = replace(BASE, autostart=FORMS["both"])
    run(subject, want)
    again(subject, want)


def test_the_place_is_told_in_the_words_of_the_options(subject: ParavirtualSubject) -> None:
    run(subject, replace(BASE, autostart=FORMS["both"]))
    assert describe_guest(there(subject, NAME))["autostart"] == {"enabled": True, "order": 3, "delay": 30}
