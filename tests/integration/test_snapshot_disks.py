# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Snapshots and the disks that they are of: those of others stay, and ours go when their guest goes."""

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
    BASES,
    DATA,
    DB1,
    FOLDER,
    GONE,
    REMOVE,
    ROOT,
    S1,
    TAKE,
    actions,
    files,
    has,
    listed,
    make_db1,
    refused,
    snapshot,
    unchanged,
)


@pytest.fixture
def db1(kvm: libvirt.virConnect) -> libvirt.virDomain:
    return make_db1(kvm)


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
