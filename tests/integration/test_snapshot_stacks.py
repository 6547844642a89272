# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Snapshots on top of each other: which may be reverted to and deleted, and in which order."""

from __future__ import annotations

import libvirt
import pytest

from ansible_collections.hostforge.hypervisor.tests.integration.runs import (
    module,
    virsh,
)
from ansible_collections.hostforge.hypervisor.tests.integration.snapshot_runs import (
    BACK,
    BASES,
    REMOVE,
    S2,
    TAKE,
    actions,
    files,
    holds,
    make_db1,
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
