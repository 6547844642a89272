# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts on which others have left things in our way: nothing of theirs is written over, cut off or deleted."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.xen.places import realpaths
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.change import Change
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.module_host import ModuleHost
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Autostart, Guest
from ansible_collections.hostforge.hypervisor.tests.contract.look import again, policy, refused, run, run_all, there
from ansible_collections.hostforge.hypervisor.tests.unit.xen.simulated_subject import IMAGES, ParavirtualSubject

BASE = ParavirtualSubject.base
NAME = BASE.name
CFG = f"/etc/xen/{NAME}.cfg"
AUTO = "/etc/xen/auto"
ROOT = f"{IMAGES}/{NAME}.root.qcow2"


@pytest.fixture(name="subject")
def make_subject() -> ParavirtualSubject:
    return ParavirtualSubject()


def running(subject: ParavirtualSubject) -> Guest:
    want = replace(BASE, state="running")
    run(subject, want)
    return want


@pytest.mark.parametrize("text", [b"name = 'x\n", b"name = 'other'\n", b"import os\nname = 'web'\n"])
def test_a_file_in_the_place_of_a_definition_is_not_written_over(subject: ParavirtualSubject, text: bytes) -> None:
    running(subject)
    subject.host.files[CFG] = text
    for want in (Guest(NAME, vcpus=2), Guest(NAME, state="stopped"), Guest(NAME, state="running")):
        assert CFG in refused(subject, want, "force").error
    assert subject.host.files[CFG] == text


def test_a_guest_that_xl_tells_nothing_of_is_not_taken_for_a_leftover(subject: ParavirtualSubject) -> None:
    want = running(subject)
    domain = subject.host.xl.domains[0]
    domain.config = None
    for wish in (want, replace(want, vcpus=4), Guest(NAME, description="new")):
        assert "xl list -l" in refused(subject, wish, "force").error
    assert there(subject, NAME).state == "running"
    subject.obey(NAME, False)
    run_all(subject, [Guest(NAME, state="absent")], policy(subject, delete_disks=True))
    assert subject.host.xl.domains == [domain]
    assert subject.has_file(ROOT)
    run(subject, Guest(NAME, state="absent"), "force", delete_disks=True)
    assert not subject.host.xl.domains
    assert not subject.has_file(ROOT)


def test_an_unknown_guest_that_xl_tells_nothing_of_is_no_new_one(subject: ParavirtualSubject) -> None:
    running(subject)
    subject.host.xl.domains[0].config = None
    del subject.host.files[CFG]
    assert "xl list -l" in refused(subject, replace(BASE, state="running")).error


@pytest.mark.parametrize("flags", ["---sc-", "-----d", "---sw-"])
def test_what_is_left_of_a_domain_is_not_removed_from_under_it(subject: ParavirtualSubject, flags: str) -> None:
    running(subject)
    subject.host.xl.domains[0].flags = flags
    assert "xl " in refused(subject, Guest(NAME, state="absent"), "force", delete_disks=True).error
    assert subject.has_file(ROOT)


def test_a_guest_that_is_reset_softly_is_seen(subject: ParavirtualSubject) -> None:
    want = running(subject)
    subject.host.xl.domains[0].flags = "---sS-"
    again(subject, want)


def test_what_has_shut_down_goes_with_its_guest(subject: ParavirtualSubject) -> None:
    running(subject)
    subject.host.xl.domains[0].flags = "---s--"
    run(subject, Guest(NAME, state="absent"), delete_disks=True)
    assert not subject.host.xl.domains
    assert not subject.has_file(ROOT)


def test_a_line_of_xl_that_cannot_be_read_is_no_absent_domain(subject: ParavirtualSubject) -> None:
    want = running(subject)
    subject.host.xl.domains[0].flags = "-x+---"
    with pytest.raises(Exception, match="xl list"):
        run(subject, want)


@pytest.mark.parametrize("order", [None, 4])
def test_a_link_of_another_guest_is_not_replaced(subject: ParavirtualSubject, order: int | None) -> None:
    name = f"{AUTO}/{NAME}.cfg" if order is None else f"{AUTO}/0004-{NAME}.cfg"
    subject.host.files["/srv/other.cfg"] = b"name = 'other'\n"
    subject.host.links[name] = "/srv/other.cfg"
    want = replace(BASE, autostart=Autostart(True, order))
    assert name in refused(subject, want).error
    run(subject, replace(BASE, autostart=Autostart(True, 7)))
    assert name in refused(subject, want).error
    assert subject.host.links[name] == "/srv/other.cfg"


def test_a_link_that_waits_for_a_definition_is_taken(subject: ParavirtualSubject) -> None:
    subject.host.links[f"{AUTO}/{NAME}.cfg"] = CFG
    want = replace(BASE, autostart=Autostart(True))
    run(subject, want)
    again(subject, want)


def test_a_link_that_waits_for_a_definition_goes(subject: ParavirtualSubject) -> None:
    subject.host.links[f"{AUTO}/{NAME}.cfg"] = CFG
    want = replace(BASE, autostart=Autostart(False))
    run(subject, want)
    again(subject, want)
    assert not subject.host.links


def test_names_with_line_ends_do_not_mix_up_paths(subject: ParavirtualSubject) -> None:
    run(subject, BASE)
    subject.host.links["/etc/xen/auto/a\nb"] = "/etc/xen/x\ny.cfg"
    subject.host.links["/etc/xen/0.cfg"] = "/srv/a\nb"
    again(subject, BASE)


def test_a_definition_that_was_replaced_is_not_removed(subject: ParavirtualSubject) -> None:
    run(subject, BASE)
    driver = subject.make_driver()
    driver.read([NAME])
    subject.host.files[CFG] = b"name = 'other'\n"
    with pytest.raises(Exception, match="somebody else"):
        driver.apply(Change(NAME, "remove", "guest"))
    assert subject.host.files[CFG] == b"name = 'other'\n"


def test_a_disk_that_a_file_of_another_name_uses_stays(subject: ParavirtualSubject) -> None:
    run(subject, BASE)
    subject.host.files["/etc/xen/old"] = f"name = 'old'\ndisk = [ 'tap:qcow2:{ROOT},xvda,w' ]\n".encode()
    outcome = run_all(subject, [Guest(NAME, state="absent")], policy(subject, delete_disks=True))
    assert subject.has_file(ROOT), outcome
    subject.host.files["/etc/xen/new"] = b"disk = [ '/elsewhere/given.qcow2,qcow2,xvda,w' ]\n"


def test_the_name_of_the_hosts_own_domain_is_refused(subject: ParavirtualSubject) -> None:
    assert "Domain-0" in refused(subject, replace(BASE, name="Domain-0", state="running")).error
    run(subject, Guest("Domain-0", state="absent"))


def test_a_guest_may_be_called_as_an_example_is(subject: ParavirtualSubject) -> None:
    want = replace(BASE, name="xlexample.web")
    run(subject, want)
    again(subject, want)


def test_names_that_are_no_utf8_are_kept(tmp_path: Path) -> None:
    path = os.fsdecode(os.fsencode(tmp_path) + b"/\xe4.cfg")
    found = realpaths(ModuleHost(), [path, f"{tmp_path}/../x"])
    assert found == {path: path, f"{tmp_path}/../x": f"{tmp_path.parent}/x"}
