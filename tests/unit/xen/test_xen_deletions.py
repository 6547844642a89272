# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The last look before data is deleted: how often it is taken, and what it sees, on the simulator."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.xen import now
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.engine import Outcome
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Disk, Guest
from ansible_collections.hostforge.hypervisor.tests.contract.look import again, policy, run, run_all, there, verbs
from ansible_collections.hostforge.hypervisor.tests.contract.wishes import MIB
from ansible_collections.hostforge.hypervisor.tests.unit.xen.simulated_host import SimulatedXenHost
from ansible_collections.hostforge.hypervisor.tests.unit.xen.simulated_subject import ParavirtualSubject

NAME = "web1"
IMAGES = "/var/lib/xen/images"
GONE = Guest(NAME, "absent")
LOOK = ("xl", "list", "-l")


def guest(disks: int, name: str = NAME, state: str = "stopped") -> Guest:
    return Guest(name, state, memory_mib=8, disks=tuple(Disk(f"d{number}", MIB) for number in range(disks)))


def path(number: int, name: str = NAME) -> str:
    return f"{IMAGES}/{name}.d{number}.qcow2"


class WatchedHost(SimulatedXenHost):
    """A host on which something happens right after the first disk was deleted."""

    happens: Callable[[], None] | None = None

    def remove(self, path: str) -> None:
        super().remove(path)
        if self.happens is not None and path.endswith(".qcow2"):
            happens, self.happens = self.happens, None
            happens()


class WatchedSubject(ParavirtualSubject):
    """Guests on such a host."""

    def __init__(self) -> None:
        self.watched = WatchedHost()
        super().__init__(self.watched)

    def looks(self, *wants: Guest) -> int:
        """How often xl is asked for all that runs, in a run that deletes."""
        before = len(self.host.log)
        outcomes = run_all(self, list(wants), policy(self, "force", delete_disks=True))
        assert not any(outcome.error for outcome in outcomes)
        return self.host.log[before:].count(LOOK)


@pytest.fixture
def subject(monkeypatch: pytest.MonkeyPatch) -> WatchedSubject:
    # However slow the machine is.
    monkeypatch.setattr(now, "FRESH_S", 3600.0)
    # xl is only asked with what domains run where there are some.
    found = WatchedSubject()
    run(found, Guest("other", "running", memory_mib=8))
    return found


@pytest.mark.parametrize("left", [0, 1, None], ids=["none", "one", "gone"])
def test_disks_are_deleted_by_one_look_however_many_they_are(subject: WatchedSubject, left: int | None) -> None:
    counts = []
    for disks in (2, 9):
        run(subject, guest(disks))
        counts.append(subject.looks(GONE if left is None else guest(left)))
        assert [path for path in subject.host.files if path.startswith(f"{IMAGES}/{NAME}")] == [path(0)] * (left or 0)
        subject.looks(GONE)
    assert counts[0] == counts[1]


def test_guests_that_go_together_share_the_look(subject: WatchedSubject) -> None:
    counts = []
    for number in (1, 8):
        names = [f"g{one}" for one in range(number)]
        run_all(subject, [guest(2, name) for name in names], policy(subject))
        counts.append(subject.looks(*(Guest(name, "absent") for name in names)))
    assert counts[0] == counts[1]


def test_what_runs_is_looked_at_after_it_was_stopped_or_let_go(subject: WatchedSubject) -> None:
    run(subject, guest(4, state="running"))
    outcome = run(subject, guest(2, state="running"), delete_disks=True)
    assert verbs(outcome) == ["remove disks", "remove disks"]
    assert len(there(subject, NAME).disks or ()) == 2
    assert subject.looks(GONE) <= 5


def deleted(subject: WatchedSubject, happens: Callable[[], None]) -> Outcome[Guest]:
    """A run that deletes three disks, in the middle of which something happens."""
    run(subject, guest(3))
    subject.watched.happens = happens
    (outcome,) = run_all(subject, [GONE], policy(subject, "force", delete_disks=True))
    assert subject.watched.happens is None
    return outcome


def their_file(subject: WatchedSubject) -> str:
    return f'name = "theirs"\nmemory = 8\nmaxmem = 8\nkernel = "/boot/one"\ndisk = [ "{path(2)},qcow2,xvda,rw" ]\n'


@pytest.mark.parametrize("place", ["/etc/xen/theirs.cfg", "/etc/xen/without-suffix", "/etc/xen/other.cfg"])
def test_who_comes_to_use_a_disk_meanwhile_is_seen(subject: WatchedSubject, place: str) -> None:
    outcome = deleted(subject, lambda: subject.write(place, their_file(subject)))
    assert "is used by" in outcome.error
    assert subject.has_file(path(2))
    assert not subject.has_file(path(1)), "the order of the deletions is another"


@pytest.mark.parametrize(("link", "who"), [("theirs", "theirs"), (".theirs", "the file /srv/theirs.cfg")])
def test_a_link_to_a_file_elsewhere_that_comes_meanwhile_is_seen(subject: WatchedSubject, link: str, who: str) -> None:
    subject.write("/srv/theirs.cfg", their_file(subject))
    outcome = deleted(subject, lambda: subject.host.links.update({f"/etc/xen/auto/{link}": "/srv/theirs.cfg"}))
    assert f"is used by {who}" in outcome.error
    assert subject.has_file(path(2))


def test_a_guest_that_is_started_meanwhile_from_elsewhere_is_seen(subject: WatchedSubject) -> None:
    subject.write("/srv/theirs.cfg", their_file(subject))

    def start() -> None:
        subject.host.xl.run(["create", "/srv/theirs.cfg"])

    outcome = deleted(subject, start)
    assert "is used by theirs" in outcome.error
    assert subject.has_file(path(2))


def test_a_look_is_taken_anew_when_it_has_become_old(subject: WatchedSubject, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(now, "FRESH_S", -1.0)
    path_two = path(2)

    def attach() -> None:
        domain = subject.host.xl.find("other")
        assert domain is not None
        subject.host.xl.run(["block-attach", str(domain.number), f"{path_two},qcow2,xvdq,rw"])

    outcome = deleted(subject, attach)
    assert "is used by other" in outcome.error
    assert subject.has_file(path_two)


def test_a_run_without_a_change_asks_xl_once_for_all_guests_of_a_task(subject: WatchedSubject) -> None:
    wants = [replace(guest(1, f"g{number}"), state="running" if number % 2 else "stopped") for number in range(20)]
    run_all(subject, wants, policy(subject))
    for check in (True, False):
        before = len(subject.host.log)
        outcomes = run_all(subject, wants, policy(subject), check=check)
        assert not any(outcome.error or outcome.changes for outcome in outcomes)
        assert [what for what in subject.host.log[before:] if what[0] == "xl"] == [("xl", "list"), LOOK]
    again(subject, wants[3])
