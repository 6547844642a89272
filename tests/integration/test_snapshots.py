# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Snapshots on a real libvirt: taken, described, reverted to and deleted, with nothing lost that was not named."""

from __future__ import annotations

import libvirt
import pytest

from ansible_collections.hostforge.hypervisor.tests.integration.runs import (
    guest,
    mend,
    module,
    virsh,
)
from ansible_collections.hostforge.hypervisor.tests.integration.snapshot_runs import (
    BACK,
    BASES,
    DB1,
    FORCE,
    REMOVE,
    ROOT,
    S1,
    S2,
    TAKE,
    attempt,
    files,
    holds,
    listed,
    make_db1,
    modes,
    names,
    refused,
    snapshot,
    tops,
    unchanged,
    write,
)


@pytest.fixture
def db1(kvm: libvirt.virConnect) -> libvirt.virDomain:
    return make_db1(kvm)


@pytest.fixture
def running(db1: libvirt.virDomain) -> libvirt.virDomain:
    db1.create()
    return db1


def test_an_external_one_of_a_guest_that_is_off(db1: libvirt.virDomain) -> None:
    assert snapshot("s1", kind="external", description="x < y & 'z'") == TAKE
    assert snapshot("s1", kind="external") == []
    assert (tops(), files(), modes()) == (S1, sorted(BASES + S1), {"600"})
    (found,) = listed()
    assert (found["description"], found["kind"], found["current"]) == ("x < y & 'z'", "external", True)
    unchanged()
    write(2)
    assert holds(1, 2)
    assert holds(1, path=ROOT)


def test_an_external_one_of_a_running_guest(running: libvirt.virDomain) -> None:
    assert snapshot("s1", kind="external") == TAKE
    assert snapshot("s2", memory=False) == TAKE
    assert (tops(), files(), modes()) == (S2, sorted(BASES + S1 + S2), {"600"})
    unchanged()
    wish = {**DB1, "disks": [{"name": "root", "size": "96 MiB"}, DB1["disks"][1]]}
    assert mend(**wish) == ["grow disks.size root"]
    assert snapshot("s1", state="absent") == REMOVE
    assert (names(), tops(), files()) == (["s2"], S2, sorted(BASES + S2))
    assert not guest(**wish)["changed"]
    assert snapshot("s2", state="absent") == REMOVE
    assert (names(), tops(), files()) == ([], BASES, BASES)
    assert not guest(**wish)["changed"]
    assert running.isActive()


def test_an_internal_one_of_a_guest_that_is_off(db1: libvirt.virDomain) -> None:
    assert snapshot("s1") == TAKE
    assert (snapshot("s1"), files()) == ([], BASES)
    (found,) = listed()
    assert (found["kind"], found["power"], "memory" in found) == ("internal", "stopped", False)
    unchanged()
    write(2)
    assert snapshot("s1", **BACK) == ["revert content"]
    assert holds(1)
    unchanged()
    assert snapshot("s1", state="absent") == REMOVE
    assert names() == []
    assert holds(1)


def test_an_internal_one_holds_the_memory_of_a_running_guest(running: libvirt.virDomain) -> None:
    assert snapshot("s1", memory=True) == TAKE
    (found,) = listed()
    assert (found["kind"], found["memory"], found["power"]) == ("internal", True, "running")
    unchanged()
    assert "db1 is running, and has to be off for that" in refused("s1", **BACK)
    before = virsh("domid", "db1")
    assert snapshot("s1", **BACK, **FORCE) == ["stop state", "revert content"]
    assert virsh("domid", "db1") not in (before, "-")
    unchanged()
    assert snapshot("s1", state="absent") == REMOVE


def test_a_guest_that_ran_runs_again(running: libvirt.virDomain) -> None:
    running.destroy()
    snapshot("s1")
    running.create()
    assert snapshot("s1", **BACK, **FORCE) == ["stop state", "revert content", "start state"]
    assert running.isActive()


def test_power_is_not_cut_unless_that_is_said(running: libvirt.virDomain) -> None:
    snapshot("s1", kind="external")
    result = attempt("s1", **BACK, restart="graceful", shutdown_timeout=1)
    assert result["failed"]
    assert "its power was not cut" in result["msg"]
    assert running.isActive()


def test_a_paused_guest(running: libvirt.virDomain) -> None:
    running.suspend()
    assert "cannot write anything" in refused("s1", kind="external", quiesce=True)
    assert snapshot("s1", kind="external") == TAKE
    assert snapshot("s1", state="absent") == REMOVE
    assert snapshot("s2") == TAKE
    assert virsh("domstate", "db1") == "paused"
    assert listed()[0]["power"] == "paused"


def test_newer_data_is_not_lost_without_being_told(db1: libvirt.virDomain) -> None:
    for kind in ("internal", "external"):
        snapshot(kind, kind=kind)
        write(3)
        assert "all that db1 has written since" in refused(kind, state="reverted")
        assert holds(1, 3)


def test_back_to_an_external_one(db1: libvirt.virDomain) -> None:
    snapshot("s1", kind="external")
    write(2)
    for _time in range(2):
        assert snapshot("s1", **BACK) == ["revert content"]
        assert holds(1)
        write(3)
    assert (tops(), files(), modes()) == (S1, sorted(BASES + S1), {"600"})
    unchanged()
    assert snapshot("s1", state="absent") == REMOVE
    assert (tops(), files()) == (BASES, BASES)
    assert holds(1, 3)
    unchanged()


def test_the_description_is_changed_and_all_else_stays(db1: libvirt.virDomain) -> None:
    snapshot("a", description="one")
    snapshot("b", kind="external")
    for name in ("a", "b"):
        before = next(one for one in listed() if one["snapshot"] == name)
        assert snapshot(name, description="two & three") == ["set description"]
        assert next(one for one in listed() if one["snapshot"] == name) == {**before, "description": "two & three"}
        assert snapshot(name, description="two & three") == []
    write(2)
    assert snapshot("b", **BACK) == ["revert content"]
    assert holds(1)


def test_what_is_fixed_is_refused(running: libvirt.virDomain) -> None:
    snapshot("s1")
    assert "it is internal and cannot become external" in refused("s1", kind="external")
    assert "it was taken with memory, and that cannot be changed" in refused("s1", memory=False)
    assert "an internal snapshot always holds its memory" in refused("s2", kind="internal", memory=False)
    assert "no guest agent answers in db1" in refused("s2", quiesce=True)
    running.destroy()
    assert "is off, and has no memory to save" in refused("s2", memory=True)
    assert "db1 has no snapshot s3; it has: s1" in refused("s3", **BACK)
    assert "there is no guest db2 on the host" in refused("s3", guest="db2")
    assert "leave one of memory and kind: external out" in refused("s3", kind="external", memory=True)
    assert "letters, digits" in refused("a/../b")
    assert "guest: is needed" in module("kvm_snapshot", name="x")["msg"]


def test_disks_that_cannot_be_in_one(kvm: libvirt.virConnect) -> None:
    raw = {"name": "root", "size": "16 MiB", "format": "raw"}
    guest(name="db1", disks=[raw, {"name": "data", "size": "16 MiB"}])
    assert "disk root is raw, and only a qcow2 disk can hold an internal snapshot" in refused("s1", kind="internal")
    assert snapshot("s1") == TAKE
    assert listed()[0]["kind"] == "external"
    assert not guest(name="db1", disks=[raw, {"name": "data"}])["changed"]
    assert snapshot("s1", **BACK) == ["revert content"]
    assert snapshot("s1", state="absent") == REMOVE
    assert tops() == ["db1.data.qcow2", "db1.root.raw"]
    guest(name="db2")
    assert "has no disk that it can write to" in refused("s1", guest="db2")


def test_a_uefi_guest_has_external_ones(kvm: libvirt.virConnect) -> None:
    guest(**DB1, firmware="uefi")
    assert "UEFI, whose variables libvirt cannot put into an internal snapshot" in refused("s1", kind="internal")
    assert snapshot("s1") == TAKE
    assert listed()[0]["kind"] == "external"


def test_saved_memory_fits_the_disks_of_now_only(running: libvirt.virDomain) -> None:
    snapshot("s1", kind="external")
    virsh("managedsave", "db1")
    for options in ({"state": "absent"}, BACK):
        assert "its memory was saved when it was stopped" in refused("s1", **options)
    for kind in ("internal", "external"):
        assert "its memory was saved when it was stopped" in refused("s2", kind=kind)
    assert running.hasManagedSaveImage()
