# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cases: disks grow and never shrink, and data goes only when the user says so and it is the guest's own."""

from __future__ import annotations

from dataclasses import replace

from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Disk, Guest, Image
from ansible_collections.hostforge.hypervisor.tests.contract.look import (
    again,
    assert_is,
    predicted,
    refused,
    run,
    state,
    there,
    verbs,
)
from ansible_collections.hostforge.hypervisor.tests.contract.needs import GIVEN, IMAGE, PENDING, needs
from ansible_collections.hostforge.hypervisor.tests.contract.subject import FOREIGN, POWER, START, Subject
from ansible_collections.hostforge.hypervisor.tests.contract.wishes import MIB


def shrinking_is_refused(subject: Subject) -> None:
    run(subject, subject.base)
    root = _root(subject)
    for size in (MIB, (root.size_bytes or 0) - MIB):
        outcome = refused(subject, replace(subject.base, disks=(replace(root, size_bytes=size),)), "force")
        assert root.name in outcome.error


def a_size_that_is_not_written_stays(subject: Subject) -> None:
    run(subject, subject.base)
    again(subject, replace(subject.base, disks=(Disk(_root(subject).name),)))


def a_detached_disk_keeps_its_data(subject: Subject) -> None:
    path = _with_data(subject)
    predicted(subject, subject.base)
    assert_is(subject, subject.base)
    assert subject.has_file(path)


def a_detached_disk_goes_when_that_is_said(subject: Subject) -> None:
    path = _with_data(subject)
    done = predicted(subject, subject.base, delete_disks=True)
    assert [change.delete for change in done.changes] == [True]
    assert_is(subject, subject.base)
    assert not subject.has_file(path)
    assert _all_there(subject)


def data_goes_after_what_takes_its_place(subject: Subject) -> None:
    path = _with_data(subject)
    logs = replace(_data(subject), name="logs")
    done = predicted(subject, replace(subject.base, disks=(_root(subject), logs)), delete_disks=True)
    assert [(change.verb, change.key) for change in done.changes] == [("add", "logs"), ("remove", "data")]
    assert not subject.has_file(path)


@needs(START, POWER, PENDING)
def a_disk_in_use_is_deleted_after_the_restart(subject: Subject) -> None:
    """Data never goes from under a running guest."""
    path = _with_data(subject)
    on = replace(subject.base, state="running")
    run(subject, replace(on, disks=None))
    if subject.traits.is_hot("disks", None, (there(subject).disks or ())[-1]):
        predicted(subject, on, delete_disks=True)
    else:
        refused(subject, on, delete_disks=True)
        assert subject.has_file(path)
        done = predicted(subject, on, "force", delete_disks=True)
        assert verbs(done) == ["remove disks", "restart state", "delete disks"]
    assert not subject.has_file(path)
    assert _all_there(subject)
    again(subject, on, delete_disks=True)


def removing_keeps_disks(subject: Subject) -> None:
    path = _with_data(subject)
    root = _path(subject, _root(subject).name)
    run(subject, Guest(subject.base.name, state="absent"))
    assert subject.has_file(path)
    assert subject.has_file(root)


def removing_deletes_own_disks_when_that_is_said(subject: Subject) -> None:
    path = _with_data(subject)
    root = _path(subject, _root(subject).name)
    done = predicted(subject, Guest(subject.base.name, state="absent"), delete_disks=True)
    assert verbs(done) == ["delete disks", "delete disks", "remove guest"]
    assert not subject.has_file(path)
    assert not subject.has_file(root)
    assert state(subject) is None


def data_that_is_there_is_used_again(subject: Subject) -> None:
    """A disk that was detached and kept comes back with its data, and so does a guest's."""
    path = _with_data(subject)
    data = _content(subject, path)
    run(subject, subject.base)
    predicted(subject, replace(subject.base, disks=(_root(subject), Disk("data"))))
    assert _path(subject, "data") == path
    assert _content(subject, path) == data
    run(subject, Guest(subject.base.name, state="absent"))
    assert _content(subject, path) == data
    predicted(subject, replace(subject.base, disks=(_root(subject), _data(subject))))
    assert _path(subject, "data") == path
    assert _content(subject, path) == data


def data_that_is_there_is_grown_and_not_shrunk(subject: Subject) -> None:
    path = _with_data(subject)
    run(subject, subject.base)
    small, large = (replace(_data(subject), size_bytes=size * MIB) for size in (17, 65))
    refused(subject, replace(subject.base, disks=(_root(subject), small)))
    assert subject.has_file(path)
    want = replace(subject.base, disks=(_root(subject), large))
    predicted(subject, want)
    assert _path(subject, "data") == path
    assert_is(subject, want)


def media_survive_everything(subject: Subject) -> None:
    media = [drive.source or "" for drive in subject.base.cdroms or ()]
    run(subject, subject.base)
    run(subject, replace(subject.base, cdroms=()), delete_disks=True)
    run(subject, subject.base)
    run(subject, Guest(subject.base.name, state="absent"), delete_disks=True)
    assert all(subject.has_file(medium) for medium in media)


@needs(IMAGE)
def images_survive_everything(subject: Subject) -> None:
    thin = replace(_root(subject), image=Image(subject.image))
    want = replace(subject.base, disks=(thin,))
    predicted(subject, want)
    assert_is(subject, want)
    again(subject, want)
    run(subject, Guest(subject.base.name, state="absent"), delete_disks=True)
    assert subject.has_file(subject.image)


@needs(IMAGE)
def an_image_is_only_for_new_disks(subject: Subject) -> None:
    run(subject, subject.base)
    again(subject, replace(subject.base, disks=(replace(_root(subject), image=Image(subject.image)),)))


@needs(GIVEN)
def data_that_is_given_is_never_deleted(subject: Subject) -> None:
    data = _content(subject, subject.given)
    want = replace(subject.base, disks=(_root(subject), _given(subject)))
    for _time in range(2):
        predicted(subject, want)
        assert _path(subject, "given") == subject.given
        assert _content(subject, subject.given) == data
        again(subject, want)
        predicted(subject, subject.base, delete_disks=True)
        assert _content(subject, subject.given) == data
    run(subject, want)
    done = run(subject, Guest(subject.base.name, state="absent"), delete_disks=True)
    assert verbs(done) == ["delete disks", "remove guest"]
    assert _content(subject, subject.given) == data


@needs(GIVEN)
def data_that_is_given_is_at_least_as_large_as_wished(subject: Subject) -> None:
    small, large = (replace(_given(subject), size_bytes=size * MIB) for size in (8, 40))
    want = replace(subject.base, disks=(_root(subject), small))
    run(subject, want)
    again(subject, want)
    again(subject, replace(want, disks=(_root(subject), Disk("given"))))
    done = predicted(subject, replace(want, disks=(_root(subject), large)))
    assert verbs(done) == ["grow disks.size_bytes"]
    run(subject, subject.base)
    huge = replace(large, size_bytes=64 * MIB)
    predicted(subject, replace(want, disks=(_root(subject), huge)))
    assert {disk.name: disk.size_bytes for disk in there(subject).disks or ()}["given"] == 64 * MIB


@needs(GIVEN)
def data_that_is_not_given_is_not_made(subject: Subject) -> None:
    path = f"{subject.given}.missing"
    wish = replace(subject.base, disks=(replace(_given(subject), path=path),))
    assert path in refused(subject, wish).error
    run(subject, subject.base)
    refused(subject, replace(subject.base, disks=(_root(subject), *(wish.disks or ()))))
    assert not subject.has_file(path)


@needs(FOREIGN)
def a_foreign_disk_is_detached_and_kept(subject: Subject) -> None:
    run(subject, subject.base)
    name, path = subject.attach_foreign_disk(subject.base.name)
    assert any(disk.path == path and disk.name == name and not disk.owned for disk in there(subject).disks or ())
    again(subject, replace(subject.base, disks=None))
    predicted(subject, subject.base, delete_disks=True)
    assert_is(subject, subject.base)
    assert subject.has_file(path)


@needs(FOREIGN)
def a_foreign_disk_survives_its_guest(subject: Subject) -> None:
    run(subject, subject.base)
    _name, path = subject.attach_foreign_disk(subject.base.name)
    run(subject, Guest(subject.base.name, state="absent"), delete_disks=True)
    assert subject.has_file(path)


@needs(FOREIGN)
def a_shared_disk_survives(subject: Subject) -> None:
    path = _with_data(subject)
    subject.share_disk(path)
    run(subject, subject.base, delete_disks=True)
    assert subject.has_file(path)


@needs(FOREIGN)
def a_shared_disk_survives_its_guest(subject: Subject) -> None:
    path = _with_data(subject)
    subject.share_disk(path)
    run(subject, Guest(subject.base.name, state="absent"), delete_disks=True)
    assert subject.has_file(path)


@needs(FOREIGN)
def a_lost_disk_is_not_made_anew(subject: Subject) -> None:
    run(subject, subject.base)
    path = _path(subject, _root(subject).name)
    subject.lose_file(path)
    assert path in refused(subject, subject.base).error
    assert not subject.has_file(path)
    run(subject, Guest(subject.base.name, state="absent"), delete_disks=True)


def _root(subject: Subject) -> Disk:
    return (subject.base.disks or ())[0]


def _path(subject: Subject, name: str) -> str:
    return next(disk.path or "" for disk in there(subject).disks or () if disk.name == name)


def _data(subject: Subject) -> Disk:
    return replace(_root(subject), name="data", size_bytes=33 * MIB, image=None)


def _given(subject: Subject) -> Disk:
    return Disk("given", path=subject.given, format=_root(subject).format)


def _with_data(subject: Subject) -> str:
    """Make the base guest with a second disk, and return that disk's path."""
    run(subject, replace(subject.base, disks=(_root(subject), _data(subject))))
    assert _all_there(subject)
    return _path(subject, "data")


def _content(subject: Subject, path: str) -> object:
    found = subject.dump().get(f"file {path}")
    assert found is not None, f"{path} is not in the dump"
    return found


def _all_there(subject: Subject) -> bool:
    return all(subject.has_file(disk.path or "") for disk in there(subject).disks or ())
