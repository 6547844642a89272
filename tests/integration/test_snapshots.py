# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Snapshots on a real libvirt: taken, described, reverted to and deleted, with nothing lost that was not named."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import libvirt
import pytest

from ansible_collections.hostforge.hypervisor.tests.integration import foreign
from ansible_collections.hostforge.hypervisor.tests.integration.private import run
from ansible_collections.hostforge.hypervisor.tests.integration.runs import (
    define,
    guest,
    mend,
    module,
    stored,
    virsh,
)
from ansible_collections.hostforge.hypervisor.tests.integration.runs import refused as guest_refused
from ansible_collections.hostforge.hypervisor.tests.integration.snapshot_runs import (
    BACK,
    DATA,
    DB1,
    FOLDER,
    GONE,
    ROOT,
    actions,
    attempt,
    files,
    has,
    holds,
    listed,
    names,
    refused,
    snapshot,
    tops,
    write,
)

BASES = ["db1.data.qcow2", "db1.root.qcow2"]
S1 = ["db1.data.s1.qcow2", "db1.root.s1.qcow2"]
S2 = ["db1.data.s2.qcow2", "db1.root.s2.qcow2"]
FORCE = {"restart": "force", "shutdown_timeout": 0}
TAKE = ["create snapshot"]
REMOVE = ["remove snapshot"]


@pytest.fixture
def db1(kvm: libvirt.virConnect) -> libvirt.virDomain:
    """A guest that is off, with two disks of which one holds something."""
    guest(**DB1)
    write(1)
    return kvm.lookupByName("db1")


@pytest.fixture
def running(db1: libvirt.virDomain) -> libvirt.virDomain:
    db1.create()
    return db1


def unchanged() -> None:
    """The guest is the same guest to kvm_guest, as far as its wish goes."""
    for check in (True, False):
        result = guest(check=check, **DB1)
        assert not result["changed"], result["guests"]


def modes() -> set[str]:
    return {f"{os.stat(f'{FOLDER}/{name}').st_mode & 0o777:o}" for name in files()}


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


def test_back_to_an_external_one_that_later_ones_build_upon(db1: libvirt.virDomain) -> None:
    snapshot("s1", kind="external")
    write(2)
    snapshot("s2", kind="external")
    write(3)
    assert "delete s2 first" in refused("s1", **BACK)
    assert "db1 is off, and then only the last external snapshot can be merged" in refused("s1", state="absent")
    assert snapshot("s2", **BACK) == ["revert content"]
    assert holds(1, 2)
    assert snapshot("s2", state="absent") == REMOVE
    assert holds(1, 2)
    assert snapshot("s1", **BACK) == ["revert content"]
    assert holds(1)


@pytest.mark.parametrize("order", ["123", "321", "213"])
def test_several_on_top_of_each_other_go_in_one_task(db1: libvirt.virDomain, order: str) -> None:
    for number in (1, 2, 3):
        snapshot(f"s{number}", kind="external")
        write(number + 1)
    gone = [{"guest": "db1", "name": f"s{number}", "state": "absent"} for number in order]
    told, done, after = (module("kvm_snapshot", check, snapshots=gone) for check in (True, False, False))
    assert not done.get("failed"), done
    assert actions(told) == actions(done) == 3 * REMOVE
    assert [one["name"] for one in done["snapshots"]] == [f"db1/s{number}" for number in order]
    assert not after["changed"]
    assert (tops(), files(), names()) == (BASES, BASES, [])
    assert holds(1, 2, 3, 4)


def test_one_below_another_that_stays_is_refused(db1: libvirt.virDomain) -> None:
    for number in (1, 2, 3):
        snapshot(f"s{number}", kind="external")
    gone = [{"guest": "db1", "name": f"s{number}", "state": "absent"} for number in (1, 2)]
    said = module("kvm_snapshot", False, snapshots=gone)
    assert said["msg"].count("delete s3 first") == 2
    assert names() == ["s1", "s2", "s3"]


def test_one_below_another_is_merged_while_the_guest_runs(db1: libvirt.virDomain) -> None:
    snapshot("s1", kind="external")
    write(2)
    snapshot("s2", kind="external")
    write(3)
    db1.create()
    assert snapshot("s1", state="absent") == REMOVE
    db1.destroy()
    assert (names(), tops(), files()) == (["s2"], S2, sorted(BASES + S2))
    assert holds(1, 2, 3)
    assert snapshot("s2", **BACK) == ["revert content"]
    assert holds(1, 2)
    unchanged()


def test_overlays_of_virsh_are_handled_too(db1: libvirt.virDomain) -> None:
    virsh("snapshot-create-as", "db1", "theirs", "--disk-only")
    write(2)
    assert snapshot("mine", kind="external") == TAKE
    write(3)
    unchanged()
    assert snapshot("mine", **BACK) == ["revert content"]
    assert holds(1, 2)
    assert snapshot("mine", state="absent") == REMOVE
    assert snapshot("theirs", **BACK) == ["revert content"]
    assert holds(1)
    assert snapshot("theirs", state="absent") == REMOVE
    assert files() == BASES
    unchanged()


def test_internal_within_external_is_not_merged_away(running: libvirt.virDomain) -> None:
    """libvirt itself would merge, and keep the note of a snapshot whose data is gone."""
    snapshot("s1", kind="external")
    snapshot("inner")
    assert "its overlays hold other snapshots, which would be lost: delete inner first" in refused("s1", state="absent")
    assert snapshot("inner", state="absent") == REMOVE
    assert snapshot("s1", state="absent") == REMOVE


def test_external_on_internal(db1: libvirt.virDomain) -> None:
    """To go back to the internal one would change what the external one is based on."""
    snapshot("inner")
    write(2)
    snapshot("s1", kind="external")
    write(3)
    assert "is what later data is based on: delete s1 first" in refused("inner", **BACK)
    assert "does not merge into disks that hold an internal snapshot: delete inner first" in refused(
        "s1", state="absent"
    )
    db1.create()
    assert "delete s1 first" in refused("inner", state="absent")
    db1.destroy()
    assert snapshot("inner", state="absent") == REMOVE
    assert holds(1, 2, 3)
    assert snapshot("s1", state="absent") == REMOVE
    assert holds(1, 2, 3)


def test_one_with_children_goes_alone(db1: libvirt.virDomain) -> None:
    for number, name in enumerate(("a", "b", "c"), 2):
        snapshot(name)
        write(number)
    assert snapshot("b", state="absent") == REMOVE
    assert names() == ["a", "c"]
    assert snapshot("c", **BACK) == ["revert content"]
    assert holds(1, 2, 3)
    assert snapshot("a", **BACK) == ["revert content"]
    assert holds(1)


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


def test_disks_of_others_are_left_alone(db1: libvirt.virDomain) -> None:
    foreign.add_guest(db1.connect(), "other", ROOT)
    assert f"{ROOT} is used by other as well" in refused("s1")
    assert "is used by other as well" in refused("s1", kind="external")
    virsh("undefine", "other")
    snapshot("inner")
    overlay = foreign.make_disk(f"{FOLDER}/theirs.qcow2", "qcow2")
    run("qemu-img", "rebase", "-u", "-f", "qcow2", "-F", "qcow2", "-b", ROOT, overlay)
    assert f"{ROOT} is used by {overlay} as well" in refused("inner", **BACK)
    snapshot("inner", state="absent")
    snapshot("s1", kind="external")
    assert f"{ROOT} is used by {overlay} as well" in refused("s1", state="absent")


def test_a_disk_that_others_write_to_too(kvm: libvirt.virConnect) -> None:
    guest(name="db1", disks=[{"name": "root", "size": "16 MiB", "format": "raw"}])
    root = stored("db1")
    disk = root.find("devices/disk")
    assert disk is not None
    disk.append(disk.makeelement("shareable", {}))
    define(root)
    for kind in ("auto", "external"):
        assert "disk root is shared with others" in refused("s1", kind=kind)


def test_saved_memory_fits_the_disks_of_now_only(running: libvirt.virDomain) -> None:
    snapshot("s1", kind="external")
    virsh("managedsave", "db1")
    for options in ({"state": "absent"}, BACK):
        assert "its memory was saved when it was stopped" in refused("s1", **options)
    for kind in ("internal", "external"):
        assert "its memory was saved when it was stopped" in refused("s2", kind=kind)
    assert running.hasManagedSaveImage()


def test_settings_come_back_with_an_internal_one_and_the_ledger_stays(db1: libvirt.virDomain) -> None:
    snapshot("s1")
    more = {**DB1, "description": "new", "disks": [*DB1["disks"], {"name": "more", "size": "8 MiB"}]}
    guest(**more)
    assert snapshot("s1", **BACK) == ["revert content"]
    assert files() == sorted([*BASES, "db1.more.qcow2"]), "a disk that it got since is kept"
    assert mend(**more) == ["set description", "add disks more"]
    assert guest(**GONE)["guests"][0]["kept_disks"] == [f"{FOLDER}/db1.more.qcow2"], "as every kept disk"
    assert files() == ["db1.more.qcow2"]


def test_the_guest_is_not_forgotten_with_snapshots(db1: libvirt.virDomain) -> None:
    snapshot("s1", kind="external")
    assert "it has snapshots, which would be lost: s1" in guest_refused(name="db1", state="absent")
    assert files() == sorted(BASES + S1)


@pytest.mark.parametrize("kinds", [("internal",), ("external",), ("external", "external"), ("internal", "external")])
def test_delete_disks_deletes_overlays_too(db1: libvirt.virDomain, kinds: tuple[str, ...]) -> None:
    for number, kind in enumerate(kinds):
        snapshot(f"s{number}", kind=kind)
    assert "kept_disks" not in guest(**GONE)["guests"][0]
    assert files() == []


def test_delete_disks_deletes_nothing_of_others(db1: libvirt.virDomain) -> None:
    virsh("snapshot-create-as", "db1", "theirs", "--disk-only", "--diskspec", "vdb,snapshot=no")
    snapshot("mine", kind="external")
    assert len(guest(**GONE)["guests"][0]["kept_disks"]) == 1
    assert files() == ["db1.root.mine.qcow2", "db1.root.qcow2", "db1.root.theirs"]


def test_a_disk_that_a_snapshot_needs_stays(db1: libvirt.virDomain) -> None:
    wish = {**DB1, "disks": DB1["disks"][:1], "delete_disks": True}
    snapshot("s1", kind="external")
    assert mend(**wish) == ["remove disks data"]
    assert files() == sorted(BASES + S1)
    assert "has the newer data" in guest_refused(**DB1)


def test_a_disk_with_overlays_and_without_snapshots_goes_whole(db1: libvirt.virDomain) -> None:
    snapshot("s1", kind="external")
    virsh("snapshot-delete", "db1", "s1", "--metadata")
    unchanged()
    assert mend(**{**DB1, "disks": DB1["disks"][:1], "delete_disks": True}) == ["remove disks data"]
    assert files() == ["db1.root.qcow2", "db1.root.s1.qcow2"]


def test_many_in_one_task(kvm: libvirt.virConnect) -> None:
    for name in ("db1", "db2"):
        guest(name=name, disks=[{"name": "root", "size": "8 MiB"}])
    entries = [{"guest": name, "name": "s1"} for name in ("db1", "db2", "db3")]
    result = module("kvm_snapshot", snapshots=entries, kind="external")
    assert result["msg"] == "snapshot db3/s1: there is no guest db3 on the host"
    assert [entry["changed"] for entry in result["snapshots"]] == [True, True, False]
    gone = module("kvm_snapshot", snapshots=entries, state="absent")
    assert actions(gone) == [*REMOVE, *REMOVE]
    both = [{"guest": "db1", "name": "a", **BACK}, {"guest": "db1", "name": "b", **BACK}]
    assert "guest db1: can be reverted to one snapshot in a task" in module("kvm_snapshot", snapshots=both)["msg"]


def test_names_of_others_are_listed_and_can_be_deleted(db1: libvirt.virDomain) -> None:
    odd = "a <b> & \"c\" 'd' ü; $(e) -f"
    xml = "<domainsnapshot><name>{}</name><description>&lt;&amp;</description></domainsnapshot>"
    db1.snapshotCreateXML(xml.format(odd.replace("&", "&amp;").replace("<", "&lt;")), 0)
    (found,) = listed()
    assert (found["snapshot"], found["description"]) == (odd, "<&")
    assert odd in str(refused("s9", **BACK))
    assert snapshot(odd, **BACK) == ["revert content"]
    assert snapshot(odd, state="absent") == REMOVE


def test_a_guest_in_a_folder_without_a_pool(kvm: libvirt.virConnect, tmp_path: Path) -> None:
    """Adopted from others: the overlay lies beside the disk, under the device's name."""
    foreign.add_guest(kvm, "db1", foreign.make_disk(str(tmp_path / "theirs.raw"), "raw"))
    wish: dict[str, Any] = {"name": "db1", "disks": [{"name": "hda"}]}
    assert not guest(**wish)["changed"]
    assert snapshot("s1") == TAKE
    assert sorted(os.listdir(tmp_path)) == ["db1.hda.s1.qcow2", "theirs.raw"]
    assert not guest(**wish)["changed"]
    assert guest(**GONE)["guests"][0]["kept_disks"] == [str(tmp_path / "db1.hda.s1.qcow2")]
    assert sorted(os.listdir(tmp_path)) == ["db1.hda.s1.qcow2", "theirs.raw"]


def test_the_second_disk_is_as_the_first(db1: libvirt.virDomain) -> None:
    snapshot("s1", kind="external")
    run("qemu-io", "-c", "write -q -P 9 0 64k", f"{FOLDER}/{S1[0]}")
    snapshot("s1", **BACK)
    assert not has(9, 0, f"{FOLDER}/{S1[0]}")
    assert os.path.exists(DATA)
