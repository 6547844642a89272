# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cases: what the driver does not know, and what is not its own, survives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Guest
from ansible_collections.hostforge.hypervisor.tests.contract.look import (
    after_edit,
    again,
    assert_untouched,
    before_edit,
    run,
    there,
)
from ansible_collections.hostforge.hypervisor.tests.contract.needs import needs
from ansible_collections.hostforge.hypervisor.tests.contract.subject import FOREIGN, START, UNKNOWN, Edit, Subject


@needs(UNKNOWN)
def the_unknown_survives_an_edit(subject: Subject, edit: Edit) -> None:
    run(subject, before_edit(subject, edit))
    subject.add_unknown(subject.base.name)
    mark = subject.unknown(subject.base.name)
    assert mark[""] is not None
    again(subject, before_edit(subject, edit))
    run(subject, after_edit(subject, edit))
    _assert_kept(mark, subject.unknown(subject.base.name))


@needs(UNKNOWN, START)
def the_unknown_survives_an_edit_of_a_running_guest(subject: Subject, live: Edit) -> None:
    run(subject, before_edit(subject, live))
    subject.add_unknown(subject.base.name)
    mark = subject.unknown(subject.base.name)
    run(subject, before_edit(subject, live, state="running"))
    run(subject, after_edit(subject, live, state="running"), "force")
    _assert_kept(mark, subject.unknown(subject.base.name))


@needs(FOREIGN)
def other_peoples_guests_are_left_alone(subject: Subject) -> None:
    subject.add_foreign_guest("foreign")
    before = subject.dump()
    run(subject, subject.base)
    run(subject, replace(subject.base, description="edited"))
    run(subject, Guest(subject.base.name, state="absent"), delete_disks=True)
    assert_untouched(before, subject.dump(), "work on another guest")


@needs(FOREIGN)
def other_peoples_guests_are_adopted_by_name(subject: Subject) -> None:
    subject.add_foreign_guest("foreign")
    before = subject.dump()
    found = there(subject, "foreign")
    again(subject, Guest("foreign"))
    assert_untouched(before, subject.dump(), "adopting")
    run(subject, Guest("foreign", description="adopted"))
    assert there(subject, "foreign") == replace(found, description="adopted")
    again(subject, Guest("foreign", description="adopted"))


@needs(FOREIGN)
def the_disks_of_an_adopted_guest_are_kept(subject: Subject) -> None:
    subject.add_foreign_guest("foreign")
    paths = [disk.path or "" for disk in there(subject, "foreign").disks or ()]
    assert paths
    run(subject, Guest("foreign", description="adopted"))
    run(subject, Guest("foreign", state="absent"), delete_disks=True)
    assert all(subject.has_file(path) for path in paths)


def _assert_kept(before: Mapping[str, object], after: Mapping[str, object]) -> None:
    assert "" in after
    lost = {place: value for place, value in before.items() if place in after and after[place] != value}
    assert not lost, "what the driver does not know is lost"
