# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Guests that are not as we would have made them: renamed, doubled, saved, or without a file."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.xen.look import Look
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.xen.xl import TRIES
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Autostart, Disk, Guest, Nic
from ansible_collections.hostforge.hypervisor.tests.contract.look import (
    again,
    policy,
    predicted,
    refused,
    run,
    run_all,
    state,
    there,
    verbs,
)
from ansible_collections.hostforge.hypervisor.tests.unit.xen.one_guest import BASE, CFG, NAME, only, running
from ansible_collections.hostforge.hypervisor.tests.unit.xen.simulated_subject import (
    IMAGES,
    MIB,
    ParavirtualSubject,
    SimulatedSubject,
)


@pytest.fixture(name="subject")
def make_subject() -> ParavirtualSubject:
    return ParavirtualSubject()


def test_a_guest_that_is_gone_is_off_whatever_xl_says_of_its_devices(subject: ParavirtualSubject) -> None:
    want = running(subject)
    subject.host.xl.stubborn, subject.host.xl.halves = {NAME}, {"destroy": 1}
    predicted(subject, replace(want, state="stopped"), "force")
    run(subject, want)
    subject.host.xl.halves, subject.host.xl.deaf = {}, {"destroy"}
    outcome = run_all(subject, [replace(want, state="stopped")], policy(subject, "force"))[0]
    assert "destroy" in outcome.error


def test_a_renamed_file_is_found_by_what_is_in_it(subject: ParavirtualSubject) -> None:
    run(subject, BASE)
    subject.host.files["/etc/xen/00-other.cfg"] = subject.host.files.pop(CFG)
    again(subject, BASE)
    run(subject, replace(BASE, description="new", autostart=Autostart(True, 3)))
    assert CFG not in subject.host.files
    assert subject.host.links == {"/etc/xen/auto/0003-00-other.cfg": "/etc/xen/00-other.cfg"}
    run(subject, Guest(NAME, state="absent"))
    assert not any(path.startswith("/etc/xen/") for path in (*subject.host.files, *subject.host.links))


def test_a_file_elsewhere_is_found_by_its_link(subject: ParavirtualSubject) -> None:
    run(subject, BASE)
    subject.host.files["/srv/web"] = subject.host.files.pop(CFG)
    subject.host.links["/etc/xen/auto/web"] = "/srv/web"
    assert there(subject, NAME).autostart == Autostart(True)
    again(subject, replace(BASE, autostart=None))


def test_two_files_of_one_name_are_refused(subject: ParavirtualSubject) -> None:
    run(subject, BASE)
    subject.host.files["/etc/xen/copy.cfg"] = subject.host.files[CFG]
    for want in (BASE, Guest(NAME, state="absent")):
        assert "copy.cfg" in refused(subject, want, "force", delete_disks=True).error


def test_a_file_that_cannot_be_read_is_not_written_over(subject: ParavirtualSubject) -> None:
    subject.host.files[CFG] = b"name = 'x\n"
    assert "line 1" in refused(subject, BASE).error
    subject.host.files[CFG] = b"name = 'other'\n"
    assert CFG in refused(subject, BASE).error


def test_a_file_that_cannot_be_read_may_use_a_disk(subject: ParavirtualSubject) -> None:
    run(subject, BASE)
    path = f"{IMAGES}/{NAME}.root.qcow2"
    subject.host.files["/etc/xen/old.cfg"] = f"disk = [ '{path}',,xvda ]".encode()
    run(subject, Guest(NAME, state="absent"), delete_disks=True)
    assert subject.has_file(path)


def test_a_guest_without_a_file_gets_one(subject: ParavirtualSubject) -> None:
    want = running(subject)
    del subject.host.files[CFG]
    found = there(subject, NAME)
    assert found.live is not None
    short = Guest(NAME, vcpus=3)
    assert verbs(predicted(subject, short)) == ["set definition", "set vcpus"]
    again(subject, short)
    assert verbs(predicted(subject, Guest(NAME, state="stopped"), "force")) == ["stop state"]
    assert there(subject, NAME).disks is not None
    assert want.name in subject.make_driver().read(None)


def test_a_guest_without_a_file_is_kept_when_it_is_stopped(subject: ParavirtualSubject) -> None:
    running(subject)
    del subject.host.files[CFG]
    assert verbs(predicted(subject, Guest(NAME, state="stopped"), "force")) == ["set definition", "stop state"]
    assert there(subject, NAME).state == "stopped"
    run(subject, Guest(NAME, state="running"))


def test_a_guest_without_a_file_goes_without_getting_one(subject: ParavirtualSubject) -> None:
    running(subject)
    del subject.host.files[CFG]
    assert verbs(predicted(subject, Guest(NAME, state="absent"), "force")) == ["stop state", "remove guest"]
    assert state(subject, NAME) is None


def test_a_guest_that_was_renamed_while_it_runs_is_no_new_guest(subject: ParavirtualSubject) -> None:
    running(subject)
    domain = subject.host.xl.domains[0]
    domain.name = "renamed"
    assert domain.config is not None
    domain.config["c_info"]["name"] = "renamed"
    assert NAME in refused(subject, Guest("renamed", vcpus=3)).error
    assert "renamed" in refused(subject, Guest(NAME, state="running")).error


def test_a_saved_guest_is_not_simply_off(subject: ParavirtualSubject) -> None:
    run(subject, BASE)
    saved = f"/var/lib/xen/save/{NAME}"
    subject.host.files[saved] = b"memory"
    more = (*(BASE.disks or ()), Disk("data", MIB))
    wishes: list[tuple[Guest, dict[str, Any]]] = [
        (Guest(NAME, state="running"), {}),
        (Guest(NAME, state="absent"), {"delete_disks": True}),
        (replace(BASE, disks=more), {}),
    ]
    for want, rules in wishes:
        assert saved in refused(subject, want, "force", **rules).error
    again(subject, BASE)
    run(subject, replace(BASE, description="kept"))
    assert subject.has_file(saved)


def test_saved_guests_are_looked_for_where_xendomains_puts_them(subject: ParavirtualSubject) -> None:
    subject.host.files["/etc/default/xendomains"] = b'# comment\nXENDOMAINS_SAVE="/srv/save"\n'
    subject.host.folders["/srv/save"] = 0o700
    run(subject, BASE)
    subject.host.files[f"/srv/save/{NAME}"] = b"memory"
    assert "/srv/save" in refused(subject, Guest(NAME, state="running")).error


def test_a_crashed_guest_that_is_kept_is_not_removed(subject: ParavirtualSubject) -> None:
    running(subject)
    subject.host.xl.domains[0].flags = "---sc-"
    assert "crashed" in refused(subject, Guest(NAME, state="absent"), "force").error


def test_an_emulated_machine_that_keeps_its_processors_is_told_of() -> None:
    subject = SimulatedSubject()
    want = replace(SimulatedSubject.base, state="running")
    run(subject, want)
    subject.host.xl.ignored.add("vcpu-set")
    outcome = only(subject, replace(want, vcpus=1))
    assert "restarted" in outcome.error
    run(subject, replace(want, state="stopped", vcpus=1), "force")
    run(subject, replace(want, vcpus=1))


def test_a_full_disk_fails_the_guest_and_the_next_run_goes_on(subject: ParavirtualSubject) -> None:
    subject.host.broken.add("rename")
    assert "rename is broken" in only(subject, BASE).error
    subject.host.broken.clear()
    run(subject, BASE)
    again(subject, BASE)


@pytest.mark.parametrize(
    ("flags", "says"), [("---sc-", "crashed"), ("-----d", "not gone"), ("---ss-", "saved or moved")]
)
def test_what_came_to_another_end_is_for_somebody_to_look_at(
    subject: ParavirtualSubject, flags: str, says: str
) -> None:
    want = running(subject)
    subject.host.xl.domains[0].flags = flags
    assert says in refused(subject, want).error


def test_what_has_shut_down_and_is_still_there_starts_anew(subject: ParavirtualSubject) -> None:
    want = running(subject)
    subject.host.xl.domains[0].flags = "---s--"
    assert there(subject, NAME).state == "stopped"
    run(subject, want)
    assert [one.number for one in subject.host.xl.domains] == [2]


def test_a_paused_guest_goes_on(subject: ParavirtualSubject) -> None:
    want = running(subject)
    subject.host.xl.domains[0].flags = "--p---"
    assert there(subject, NAME).state == "paused"
    assert verbs(predicted(subject, want)) == ["start state"]
    assert subject.host.xl.domains[0].number == 1


def test_names_of_digits_are_not_taken_for_numbers(subject: ParavirtualSubject) -> None:
    running(subject)
    run(subject, Guest("1", state="running"))
    run(subject, Guest("1", state="absent"), "force")
    assert [one.name for one in subject.host.xl.domains] == [NAME]


def test_memory_that_the_host_lacks_is_refused_before_anything(subject: ParavirtualSubject) -> None:
    large = replace(BASE, state="running", memory_mib=9000, memory_max_mib=9000)
    assert "8192 MiB" in refused(subject, large).error
    half = [Guest(name, state="running", memory_mib=5000) for name in ("one", "two")]
    outcomes = run_all(subject, half, policy(subject))
    assert [bool(outcome.error) for outcome in outcomes] == [False, True]
    run_all(subject, [Guest("one", state="stopped"), replace(half[1])], policy(subject, "force"))
    assert [one.name for one in subject.host.xl.domains] == ["two"]


def test_a_hot_change_that_fails_is_stored_and_told(subject: ParavirtualSubject) -> None:
    want = replace(running(subject), memory_mib=197, vcpus=3)
    subject.host.xl.deaf.add("mem-set")
    outcome = only(subject, want)
    assert "mem-set" in outcome.error
    assert verbs(outcome) == ["set vcpus", "set memory_mib"]
    assert there(subject, NAME).memory_mib == 197
    subject.host.xl.deaf.clear()
    assert verbs(predicted(subject, want)) == ["set memory_mib"]


@pytest.mark.parametrize("command", ["block-attach", "network-attach"])
def test_what_is_plugged_in_by_half_is_unplugged_and_tried_again(subject: ParavirtualSubject, command: str) -> None:
    want = with_more(running(subject), command)
    subject.host.xl.halves[command] = TRIES
    assert "timeout" in only(subject, want).error
    assert verbs(predicted(subject, want)) == [f"add {'disks' if command == 'block-attach' else 'nics'}"]
    assert len(there(subject, NAME).live.nics or ()) == len(want.nics or ())  # type: ignore[union-attr]
    again(subject, want)


@pytest.mark.parametrize("command", ["block-attach", "network-attach"])
def test_a_host_that_is_busy_for_a_while_is_met_with_patience(subject: ParavirtualSubject, command: str) -> None:
    want = with_more(running(subject), command)
    subject.host.xl.halves[command] = TRIES - 1
    run(subject, want)
    again(subject, want)


def test_a_guest_is_started_anew_when_the_host_was_too_busy(subject: ParavirtualSubject) -> None:
    run(subject, BASE)
    subject.host.xl.slow_starts = TRIES - 1
    run(subject, replace(BASE, state="running"))
    subject.host.xl.domains.clear()
    subject.host.xl.slow_starts = TRIES
    assert "timeout" in only(subject, replace(BASE, state="running")).error
    assert subject.host.xl.domains == []


def with_more(want: Guest, command: str) -> Guest:
    """The wish, with another disk or another card."""
    if command == "block-attach":
        return replace(want, disks=(*(want.disks or ()), Disk("data", MIB)))
    return replace(want, nics=(*(want.nics or ()), Nic(bridge="xenbr1")))


def test_missing_things_are_named_before_xl_is_asked(subject: ParavirtualSubject) -> None:
    run(subject, BASE)
    for path in ("/boot/one", "/boot/first"):
        content = subject.host.files.pop(path)
        assert path in refused(subject, replace(BASE, state="running")).error
        subject.host.files[path] = content
    del subject.host.folders["/sys/class/net/xenbr0"], subject.host.folders["/sys/class/net/xenbr0/bridge"]
    assert "xenbr0" in refused(subject, replace(BASE, state="running")).error


def test_xl_is_asked_twice_however_many_guests_there_are(subject: ParavirtualSubject) -> None:
    run_all(subject, [Guest(f"g{number}", state="running", memory_mib=8) for number in range(20)], policy(subject))
    before = len(subject.host.log)
    again(subject, Guest("g7"))
    asked = [what for what in subject.host.log[before:] if what[0] == "xl"]
    assert asked == [("xl", "list"), ("xl", "list", "-l")]


def test_a_guest_that_is_as_it_should_be_is_read_once(
    subject: ParavirtualSubject, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(subject, BASE)
    read: list[str] = []
    told = Look.guest

    def counted(look: Look, name: str) -> Guest:
        read.append(name)
        return told(look, name)

    monkeypatch.setattr(Look, "guest", counted)
    again(subject, BASE)
    assert read == [NAME]


def test_a_link_of_others_is_taken_over_in_one_step(subject: ParavirtualSubject) -> None:
    run(subject, BASE)
    subject.host.links["/etc/xen/auto/10-mine"] = CFG
    assert there(subject, NAME).autostart == Autostart(True)
    again(subject, replace(BASE, autostart=Autostart(True)))
    run(subject, replace(BASE, autostart=Autostart(True, 4)))
    assert list(subject.host.links) == [f"/etc/xen/auto/0004-{NAME}.cfg"]


def test_what_is_hidden_among_the_links_starts_nothing(subject: ParavirtualSubject) -> None:
    run(subject, replace(BASE, autostart=Autostart(True)))
    subject.host.links.clear()
    subject.host.links["/etc/xen/auto/.mine"] = CFG
    assert there(subject, NAME).autostart == Autostart(False)
    run(subject, replace(BASE, autostart=Autostart(True)))
    again(subject, replace(BASE, autostart=Autostart(True)))
    run(subject, replace(BASE, autostart=Autostart(False)))
    assert list(subject.host.links) == ["/etc/xen/auto/.mine"]


def test_the_mode_and_the_owner_of_a_file_stay(subject: ParavirtualSubject) -> None:
    run(subject, BASE)
    assert subject.host.modes[CFG] == 0o600
    subject.host.modes[CFG], subject.host.owners[CFG] = 0o640, "0:44"
    run(subject, replace(BASE, description="new"))
    assert (subject.host.modes[CFG], subject.host.owners[CFG]) == (0o640, "0:44")


def test_disks_are_looked_at_without_a_process_for_each(subject: ParavirtualSubject) -> None:
    wants = [Guest(f"g{number}", memory_mib=8, disks=(Disk("root", MIB),)) for number in range(20)]
    run_all(subject, wants, policy(subject))
    before = len(subject.host.log)
    again(subject, wants[3])
    gone = [Guest(want.name, state="absent") for want in wants]
    outcomes = run_all(subject, gone, policy(subject, delete_disks=True), check=True)
    assert all(verbs(outcome) == ["delete disks", "remove guest"] for outcome in outcomes)
    assert {what[0] for what in subject.host.log[before:]} == {"xl", "readlink"}


@pytest.mark.parametrize("vdev", ["xvda", "hda"])
def test_a_disk_is_not_put_where_another_is(subject: ParavirtualSubject, vdev: str) -> None:
    run(subject, BASE)
    new = Disk("new", MIB, options=(("vdev", vdev),))
    assert "root" in refused(subject, replace(BASE, disks=(*(BASE.disks or ()), new))).error
    run(subject, replace(BASE, disks=(new,)))
