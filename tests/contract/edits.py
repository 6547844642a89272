# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cases: every property of a guest that is off is changed once, told the truth about, and left alone after that."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Guest
from ansible_collections.hostforge.hypervisor.tests.contract.look import (
    after_edit,
    again,
    assert_is,
    before_edit,
    predicted,
    refused,
    run,
    state,
    there,
)
from ansible_collections.hostforge.hypervisor.tests.contract.subject import Edit, Subject


def every_property_has_an_edit(subject: Subject) -> None:
    edited = {field for edit in subject.edits for field in (edit.field, *edit.also)}
    assert set(subject.traits.fields) - edited - set(subject.unsettable) == set()


def the_traits_are_whole(subject: Subject) -> None:
    """A list in the traits comes with the changes that every list knows."""
    parts = {"disks": "disks.size_bytes", "cdroms": "cdroms.source", "nics": "nics.source"}
    fields = subject.traits.fields
    assert [part for name, part in parts.items() if name in fields and part not in fields] == []


def an_edit_is_made_once(subject: Subject, edit: Edit) -> None:
    run(subject, before_edit(subject, edit))
    want = after_edit(subject, edit)
    done = run(subject, want)
    changed = {change.field for change in done.changes}
    assert edit.field in changed
    assert changed <= {edit.field, *edit.also}, "more is changed than was edited"
    assert not done.pending
    assert_is(subject, want)
    again(subject, want)


def check_mode_predicts_an_edit(subject: Subject, edit: Edit) -> None:
    run(subject, before_edit(subject, edit))
    done = predicted(subject, after_edit(subject, edit))
    assert done.changes


def an_edit_can_be_taken_back(subject: Subject, edit: Edit) -> None:
    run(subject, before_edit(subject, edit))
    run(subject, after_edit(subject, edit))
    if edit.field != "disks.size_bytes":
        want = before_edit(subject, edit)
        predicted(subject, want)
        assert_is(subject, want)
        again(subject, want)


def an_edit_leaves_alone_what_is_not_written(subject: Subject, edit: Edit) -> None:
    """The wish is nothing but a name and the edited option."""
    run(subject, before_edit(subject, edit))
    found = there(subject)
    short = Guest(subject.base.name)
    run(subject, replace(short, **_with_path(edit.after)))
    edited = {_key(name) for name in (*edit.after, edit.field, *edit.also)}
    # A maximum follows its value, where the value needs it.
    edited |= {f"{name[: -len('_mib')]}_max_mib" if name.endswith("_mib") else f"{name}_max" for name in edited}
    left = {one.name: getattr(found, one.name) for one in fields(Guest) if one.name not in {*edited, "options"}}
    now = there(subject)
    assert {name: getattr(now, name) for name in left} == left
    assert {key for key, value in now.options if dict(found.options).get(key) != value} <= edited


def _with_path(after: Any) -> dict[str, Any]:
    return {key: value for key, value in after.items() if value is not None}


def _key(field: str) -> str:
    return field.partition(".")[0]


def a_fixed_property_is_refused(subject: Subject, fixed: Edit) -> None:
    run(subject, before_edit(subject, fixed))
    outcome = refused(subject, after_edit(subject, fixed), "force")
    assert "fixed" in outcome.error


def a_fixed_property_can_be_chosen(subject: Subject, fixed: Edit) -> None:
    want = after_edit(subject, fixed)
    predicted(subject, want)
    assert_is(subject, want)
    again(subject, want)


def several_edits_at_once(subject: Subject) -> None:
    run(subject, subject.base)
    want = subject.base
    chosen: set[str] = set()
    for edit in subject.edits:
        key = _key(edit.field)
        free = not edit.before and not edit.also and key not in chosen and not subject.traits.is_fixed(edit.field)
        if free and not key.endswith(("_max", "_max_mib")) and "options" not in edit.after:
            want = replace(want, **edit.after)
            chosen.add(key)
    done = predicted(subject, want)
    assert {_key(change.field) for change in done.changes} == chosen
    assert_is(subject, want)
    again(subject, want)


def nothing_written_changes_nothing(subject: Subject) -> None:
    run(subject, subject.base)
    again(subject, Guest(subject.base.name))
    again(subject, Guest(subject.base.name, state="stopped"))


def a_card_wished_without_mac_keeps_its_own(subject: Subject) -> None:
    run(subject, subject.base)
    macs = [nic.mac for nic in there(subject).nics or ()]
    run(subject, replace(subject.base, description="something else"))
    assert [nic.mac for nic in there(subject).nics or ()] == macs


def a_failed_name_is_not_made(subject: Subject) -> None:
    """A wish that cannot come true leaves nothing behind."""
    (disk, *_rest) = subject.base.disks or ()
    refused(subject, replace(subject.base, disks=(replace(disk, size_bytes=None, image=None),)))
    assert state(subject) is None
