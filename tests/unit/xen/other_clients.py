# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cases: somebody uses xl or an editor beside us, and a run sees that, says so beforehand, and changes only that.

They are run on the simulator, and on a real dom0.
"""

from __future__ import annotations

from dataclasses import replace

from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.resource import Outcome
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Guest
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
from ansible_collections.hostforge.hypervisor.tests.contract.wishes import MIB
from ansible_collections.hostforge.hypervisor.tests.unit.xen.xen_subject import IMAGES, XenSubject

SAVED = "/var/lib/xen/save"


def memory_that_was_taken_is_given_back(subject: XenSubject) -> None:
    want, number = started(subject)
    subject.xl("mem-set", number, "100m")
    assert verbs(mended(subject, want, number)) == ["set memory_mib"]


def processors_that_were_taken_are_given_back(subject: XenSubject) -> None:
    want, number = started(subject)
    subject.xl("vcpu-set", number, "1")
    assert verbs(mended(subject, want, number)) == ["set vcpus"]


def a_disk_that_was_plugged_in_is_unplugged_and_kept(subject: XenSubject) -> None:
    want, number = started(subject)
    path = f"{IMAGES}/theirs.img"
    subject.make_disk(path, "raw", 8 * MIB)
    subject.xl("block-attach", number, f"format=raw,vdev=xvdm,access=rw,target={path}")
    again(subject, replace(want, disks=None))
    assert verbs(mended(subject, want, number)) == ["remove disks"]
    assert subject.has_file(path)


def a_disk_that_was_unplugged_comes_back(subject: XenSubject) -> None:
    want, number = started(subject)
    subject.xl("block-detach", number, "xvda")
    assert verbs(mended(subject, want, number)) == ["add disks"]


def a_card_that_was_plugged_in_is_unplugged(subject: XenSubject) -> None:
    want, number = started(subject)
    subject.xl("network-attach", number, "mac=00:16:3e:00:00:77", "bridge=xenbr1")
    again(subject, replace(want, nics=None))
    assert verbs(mended(subject, want, number)) == ["remove nics"]


def a_card_that_was_unplugged_comes_back(subject: XenSubject) -> None:
    want, number = started(subject)
    (card,) = there(subject).nics or ()
    subject.xl("network-detach", number, card.mac or "")
    assert verbs(mended(subject, want, number)) == ["add nics"]
    assert [card.mac] == [one.mac for one in there(subject).nics or ()]


def what_an_editor_has_written_survives(subject: XenSubject) -> None:
    want, number = started(subject)
    path = f"/etc/xen/{want.name}.cfg"
    text = subject.text(path).replace("vcpus = 2\n", "vcpus=3   # one more\n")
    assert "one more" in text
    subject.write(path, f"# mine\n{text}\ncpu_weight = 300 ; odd = [ 'a',\n 'b' ]  # foreign\n")
    before = subject.text(path)
    assert verbs(mended(subject, want, number)) == ["set vcpus"]
    assert subject.text(path) == before.replace("vcpus=3   # one more\n", "vcpus=2   # one more\n")


def a_guest_that_was_renamed_is_refused_until_it_is_renamed_back(subject: XenSubject) -> None:
    want, number = started(subject)
    subject.xl("rename", number, "renamed")
    assert "renamed" in refused(subject, want).error
    assert want.name in refused(subject, Guest("renamed", vcpus=1)).error
    subject.xl("rename", number, want.name)
    again(subject, want)


def a_guest_that_was_saved_is_refused_until_it_is_restored(subject: XenSubject) -> None:
    want, number = started(subject)
    path = f"{SAVED}/{want.name}"
    subject.xl("save", number, path)
    assert there(subject).state == "stopped"
    assert path in refused(subject, want).error
    assert path in refused(subject, Guest(want.name, "absent"), "force", delete_disks=True).error
    subject.xl("restore", path)
    subject.lose_file(path)
    again(subject, want)


def a_guest_whose_power_was_cut_is_started(subject: XenSubject) -> None:
    want, number = started(subject)
    subject.xl("destroy", number)
    assert verbs(predicted(subject, want)) == ["start state"]
    again(subject, want)


def a_guest_that_was_paused_goes_on(subject: XenSubject) -> None:
    want, number = started(subject)
    subject.xl("pause", number)
    assert there(subject).state == "paused"
    assert verbs(mended(subject, want, number)) == ["start state"]


def a_guest_whose_file_is_lost_gets_one(subject: XenSubject) -> None:
    want, number = started(subject)
    found = there(subject).live
    assert found is not None
    subject.lose_file(f"/etc/xen/{want.name}.cfg")
    short = Guest(want.name, "running", vcpus=1)
    assert verbs(predicted(subject, short)) == ["set definition", "set vcpus"]
    assert str(subject.power(want.name)) == number
    now = there(subject)
    same = {"memory_mib", "memory_max_mib", "vcpus_max", "uuid", "options"}
    assert {key: getattr(now, key) for key in same} == {key: getattr(found, key) for key in same}
    assert [disk.path for disk in now.disks or ()] == [disk.path for disk in found.disks or ()]
    assert [card.mac for card in now.nics or ()] == [card.mac for card in found.nics or ()]
    again(subject, short)
    assert verbs(predicted(subject, replace(short, state="stopped"), "force")) == ["stop state"]
    assert verbs(predicted(subject, short)) == ["start state"]
    again(subject, short)


def two_files_of_one_guest_are_refused(subject: XenSubject) -> None:
    want, _number = started(subject)
    subject.write("/etc/xen/copy.cfg", subject.text(f"/etc/xen/{want.name}.cfg"))
    assert "copy.cfg" in refused(subject, want).error
    assert "copy.cfg" in refused(subject, Guest(want.name, "absent"), "force", delete_disks=True).error
    subject.lose_file("/etc/xen/copy.cfg")
    again(subject, want)


def started(subject: XenSubject) -> tuple[Guest, str]:
    """A guest that runs, and its number."""
    want = replace(subject.base, state="running")
    run(subject, want)
    assert state(subject) is not None
    return want, str(subject.power(want.name))


def mended(subject: XenSubject, want: Guest, number: str) -> Outcome[Guest]:
    """A run that brings what is wished without a restart."""
    done = predicted(subject, want)
    assert not done.pending
    assert_is(subject, want)
    assert_is(subject, want, running=True)
    assert str(subject.power(want.name)) == number
    again(subject, want)
    return done


CASES = (
    memory_that_was_taken_is_given_back,
    processors_that_were_taken_are_given_back,
    a_disk_that_was_plugged_in_is_unplugged_and_kept,
    a_disk_that_was_unplugged_comes_back,
    a_card_that_was_plugged_in_is_unplugged,
    a_card_that_was_unplugged_comes_back,
    what_an_editor_has_written_survives,
    a_guest_that_was_renamed_is_refused_until_it_is_renamed_back,
    a_guest_that_was_saved_is_refused_until_it_is_restored,
    a_guest_whose_power_was_cut_is_started,
    a_guest_that_was_paused_goes_on,
    a_guest_whose_file_is_lost_gets_one,
    two_files_of_one_guest_are_refused,
)
