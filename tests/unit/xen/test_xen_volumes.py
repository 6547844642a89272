# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Disks of Xen guests in volume groups of LVM and at paths of others, on the simulator. LVM itself is not run."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Disk, Guest, Image
from ansible_collections.hostforge.hypervisor.tests.contract.look import again, predicted, refused, run, there, verbs
from ansible_collections.hostforge.hypervisor.tests.unit.xen.simulated_subject import MIB, PLACE, ParavirtualSubject

NAME = "web1"
ROOT = Disk("root", 67 * MIB, pool="vg0")


@pytest.fixture(name="subject")
def make_subject() -> ParavirtualSubject:
    return ParavirtualSubject()


def wish(*disks: Disk, state: str = "present") -> Guest:
    return Guest(NAME, state, disks=disks)


def test_a_volume_is_made_grown_and_deleted(subject: ParavirtualSubject) -> None:
    predicted(subject, wish(ROOT))
    assert subject.host.volumes == {f"/dev/vg0/{NAME}.root": 68 * MIB}
    (disk,) = there(subject, NAME).disks or ()
    assert (disk.pool, disk.format, disk.size_bytes, disk.owned) == ("vg0", "raw", 68 * MIB, True)
    again(subject, wish(ROOT))
    run(subject, wish(ROOT, state="running"))
    done = predicted(subject, wish(replace(ROOT, size_bytes=100 * MIB)))
    assert done.pending
    assert subject.host.volumes == {f"/dev/vg0/{NAME}.root": 68 * MIB}
    assert verbs(predicted(subject, wish(replace(ROOT, size_bytes=100 * MIB)), "force")) == ["restart state"]
    assert subject.host.volumes == {f"/dev/vg0/{NAME}.root": 100 * MIB}
    run(subject, Guest(NAME, "absent"), "force", delete_disks=True)
    assert subject.host.volumes == {}


def test_a_volume_is_a_full_copy_of_its_image(subject: ParavirtualSubject) -> None:
    assert "full" in refused(subject, wish(replace(ROOT, image=Image(PLACE.image)))).error
    run(subject, wish(replace(ROOT, image=Image(PLACE.image, copy="full"))))
    assert subject.host.volumes == {f"/dev/vg0/{NAME}.root": 68 * MIB}
    assert "raw" in refused(subject, wish(ROOT, Disk("more", MIB, pool="vg0", format="qcow2"))).error


def test_a_volume_of_others_is_taken_and_kept(subject: ParavirtualSubject) -> None:
    subject.host.volumes["/dev/vg0/theirs"] = 40 * MIB
    want = wish(Disk("data", path="/dev/vg0/theirs"))
    predicted(subject, want)
    again(subject, want)
    assert not (there(subject, NAME).disks or ())[0].owned
    run(subject, Guest(NAME, "absent"), delete_disks=True)
    assert subject.host.volumes == {"/dev/vg0/theirs": 40 * MIB}


def test_data_that_the_host_uses_is_refused(subject: ParavirtualSubject) -> None:
    subject.host.volumes["/dev/vg0/theirs"] = 40 * MIB
    subject.host.links["/dev/mapper/vg0-theirs"] = "/dev/vg0/theirs"
    subject.host.files["/proc/self/mounts"] = b"/dev/mapper/vg0-theirs /srv ext4 rw 0 0\n"
    assert "in use by the host" in refused(subject, wish(Disk("data", path="/dev/vg0/theirs"))).error


def test_data_based_on_the_disk_of_a_guest_is_refused(subject: ParavirtualSubject) -> None:
    run(subject, Guest("other", disks=(Disk("root", MIB),)))
    subject.host.make_disk("/elsewhere/over.qcow2", "qcow2", MIB, "/var/lib/xen/images/other.root.qcow2")
    assert "other" in refused(subject, wish(Disk("data", path="/elsewhere/over.qcow2", format="qcow2"))).error


def test_a_disk_that_others_are_based_on_stays(subject: ParavirtualSubject) -> None:
    want = wish(Disk("root", MIB))
    run(subject, want)
    path = f"/var/lib/xen/images/{NAME}.root.qcow2"
    subject.host.make_disk("/var/lib/xen/images/copy.qcow2", "qcow2", MIB, path)
    assert "copy.qcow2" in refused(subject, Guest(NAME, "absent"), delete_disks=True).error
    run(subject, Guest(NAME, "absent"))
    assert "copy.qcow2" in refused(subject, want).error
    assert subject.has_file(path)
