# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Snapshots when something goes wrong: a run killed before any step, a full disk, another client at the same time."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import libvirt
import pytest

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.driver import KvmDriver
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.snapshot_driver import SnapshotDriver
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.snapshot_spec import parse_snapshots
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.traits import OWN
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.change import Change
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.engine import converge
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.module_host import ModuleHost
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.spec import parse_wishes
from ansible_collections.hostforge.hypervisor.tests.integration.daemon import URI
from ansible_collections.hostforge.hypervisor.tests.integration.killing import every_kill
from ansible_collections.hostforge.hypervisor.tests.integration.kvm_subject import clean
from ansible_collections.hostforge.hypervisor.tests.integration.private import run
from ansible_collections.hostforge.hypervisor.tests.integration.runs import EMULATED, virsh
from ansible_collections.hostforge.hypervisor.tests.integration.snapshot_runs import (
    BACK,
    DB1,
    FOLDER,
    GONE,
    files,
    has,
    holds,
    tops,
    write,
)

BASES = ["db1.data.qcow2", "db1.root.qcow2"]
S1 = ["db1.data.s1.qcow2", "db1.root.s1.qcow2"]
OUTER: dict[str, Any] = {"name": "s1", "kind": "external"}


def guest(**options: Any) -> list[str]:
    """Converge the guest in this process; the changes in short."""
    driver = KvmDriver(URI, "/var/lib/hostforge/images", "/var/lib/hostforge/seeds", ModuleHost())
    return _converge(driver, parse_wishes({"kvm": EMULATED, **options}, "kvm", OWN))


def snapshot(driver: SnapshotDriver | None = None, **options: Any) -> list[str]:
    """Converge a snapshot in this process; the changes in short."""
    driver = driver or SnapshotDriver(URI, ModuleHost())
    return _converge(driver, parse_snapshots({"guest": "db1", **options}))


def _converge(driver: Any, wishes: Any) -> list[str]:
    (outcome,) = converge(driver, wishes, check_mode=False)
    assert not outcome.error, outcome.error
    return [f"{change.verb} {change.field}" for change in outcome.changes]


@dataclass(frozen=True)
class Story:
    """What is done and killed; before: snapshots that there are, each with the pattern that is written after it."""

    wish: Mapping[str, Any]
    before: tuple[Mapping[str, Any], ...] = ()
    running: bool = False
    holds: tuple[int, ...] = (1,)
    files: tuple[str, ...] = (*BASES, *S1)


STORIES = {
    "take external": Story(OUTER),
    "take external, running": Story(OUTER, running=True),
    "take internal": Story({"name": "s1"}, files=tuple(BASES)),
    "describe": Story({**OUTER, "description": "new"}, (OUTER,), holds=(1, 2)),
    "back to external": Story({"name": "s1", **BACK}, (OUTER,)),
    "back to internal": Story({"name": "s1", **BACK}, ({"name": "s1"},), files=tuple(BASES)),
    "delete external": Story({"name": "s1", "state": "absent"}, (OUTER,), holds=(1, 2), files=tuple(BASES)),
    "delete external, running": Story(
        {"name": "s1", "state": "absent"}, (OUTER,), running=True, holds=(1, 2), files=tuple(BASES)
    ),
}


def begin(story: Story, connection: libvirt.virConnect) -> None:
    clean(connection)
    guest(**DB1)
    write(1)
    for number, wish in enumerate(story.before, 2):
        snapshot(**wish)
        write(number)
    if story.running:
        virsh("start", "db1")


def end(connection: libvirt.virConnect) -> None:
    domain = connection.lookupByName("db1")
    if domain.isActive():
        domain.destroy()


@pytest.mark.parametrize("story", STORIES.values(), ids=STORIES)
def test_a_rerun_ends_what_was_killed(kvm: libvirt.virConnect, story: Story) -> None:
    kills = 0
    for step in every_kill(lambda: begin(story, kvm), lambda: snapshot(**story.wish)):
        kills += 1
        assert guest(**DB1) == [], step
        snapshot(**story.wish)
        assert guest(**DB1) == [], step
        end(kvm)
        assert sorted(files()) == sorted(story.files), step
        assert {os.stat(f"{FOLDER}/{name}").st_mode & 0o777 for name in files()} == {0o600}
        assert holds(*story.holds), step
    assert kills


@pytest.mark.parametrize("story", STORIES.values(), ids=STORIES)
def test_nothing_is_left_when_the_guest_goes_instead(kvm: libvirt.virConnect, story: Story) -> None:
    for step in every_kill(lambda: begin(story, kvm), lambda: snapshot(**story.wish)):
        guest(**GONE, restart="force", shutdown_timeout=0)
        assert [name for name in files() if ".part-" not in name] == [], step


def test_a_guest_with_overlays_is_removed_in_spite_of_kills(kvm: libvirt.virConnect) -> None:
    story = Story({}, (OUTER, {"name": "s2", "kind": "external"}))
    for step in every_kill(lambda: begin(story, kvm), lambda: guest(**GONE)):
        guest(**GONE)
        assert files() == [], step
        assert virsh("list", "--all", "--name") == ""


@pytest.fixture
def small(kvm: libvirt.virConnect) -> Iterator[Path]:
    """The folder of a pool that is soon full, and in it the disk of a guest.

    libvirt sees no file system that is mounted here later, but that one which it sees has become small.
    """
    folder = Path("/var/lib/hostforge/small")
    folder.mkdir()
    target = f"<target><path>{folder}</path></target>"
    pool = kvm.storagePoolDefineXML(f"<pool type='dir'><name>small</name>{target}</pool>")
    pool.create()
    guest(**SMALL)
    used = os.statvfs(folder)
    room = (used.f_blocks - used.f_bfree) * used.f_frsize + ROOM
    run("mount", "-o", f"remount,size={room}", "/var/lib/hostforge")
    yield folder
    run("mount", "-o", "remount,size=50%", "/var/lib/hostforge")
    clean(kvm)
    pool.destroy()
    pool.undefine()
    folder.rmdir()


ROOM = 6 * 1024**2
SMALL: dict[str, Any] = {"name": "db1", "disks": [{"name": "root", "size": "64 MiB", "pool": "small"}]}


def fill(folder: Path) -> None:
    """Leave no room."""
    with (folder / "filler").open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * 4096)
        except OSError:
            return


@pytest.mark.parametrize("kind", ["internal", "external"])
@pytest.mark.parametrize("running", [False, True])
def test_no_room_to_take_one(kvm: libvirt.virConnect, small: Path, kind: str, running: bool) -> None:
    if running:
        virsh("start", "db1")
    fill(small)
    with pytest.raises(AssertionError, match="create snapshot"):
        snapshot(name="s1", kind=kind)
    assert sorted(os.listdir(small)) == ["db1.root.qcow2", "filler"]
    assert virsh("snapshot-list", "db1", "--name") == ""
    assert guest(**SMALL) == []
    (small / "filler").unlink()
    assert bool(kvm.lookupByName("db1").isActive()) == running
    assert snapshot(name="s1", kind=kind) == ["create snapshot"]


@pytest.mark.parametrize("running", [False, True])
def test_no_room_to_merge(kvm: libvirt.virConnect, small: Path, running: bool) -> None:
    snapshot(**OUTER)
    top = f"{small}/db1.root.s1.qcow2"
    run("qemu-io", "-c", "write -q -P 2 2M 2M", top)
    if running:
        virsh("start", "db1")
    fill(small)
    with pytest.raises(AssertionError, match="remove snapshot"):
        snapshot(name="s1", state="absent")
    assert guest(**SMALL) == []
    end(kvm)
    assert has(2, 2, top)
    (small / "filler").unlink()
    assert snapshot(name="s1", state="absent") == ["remove snapshot"]
    assert os.listdir(small) == ["db1.root.qcow2"]
    assert has(2, 2, f"{small}/db1.root.qcow2")


def test_no_room_to_go_back(kvm: libvirt.virConnect, small: Path) -> None:
    snapshot(**OUTER)
    top = f"{small}/db1.root.s1.qcow2"
    run("qemu-io", "-c", "write -q -P 2 2M 64k", top)
    fill(small)
    with pytest.raises(AssertionError, match="revert content"):
        snapshot(name="s1", **BACK)
    assert has(2, 2, top), "it is as it was"
    assert sorted(os.listdir(small)) == ["db1.root.qcow2", "db1.root.s1.qcow2", "filler"]


class Racing(SnapshotDriver):
    """A driver beside which virsh does something after all has been looked at."""

    def __init__(self, *words: str) -> None:
        super().__init__(URI, ModuleHost())
        self._words = words

    def apply(self, change: Change) -> None:
        if self._words:
            virsh(*self._words)
            self._words = ()
        super().apply(change)


def test_one_of_that_name_is_taken_meanwhile(kvm: libvirt.virConnect) -> None:
    guest(**DB1)
    with pytest.raises(AssertionError, match="already exists"):
        snapshot(Racing("snapshot-create-as", "db1", "s1", "--disk-only"), **OUTER)
    assert files() == sorted([*BASES, "db1.data.s1", "db1.root.s1"])
    assert tops() == ["db1.data.s1", "db1.root.s1"]
    assert guest(**DB1) == []


def test_another_one_is_taken_meanwhile(kvm: libvirt.virConnect) -> None:
    guest(**DB1)
    write(1)
    snapshot(**OUTER)
    write(2)
    with pytest.raises(AssertionError, match="later snapshots build upon it: delete s2 first"):
        snapshot(Racing("snapshot-create-as", "db1", "s2", "--disk-only"), name="s1", **BACK)
    assert holds(1, 2)


def test_one_is_deleted_meanwhile(kvm: libvirt.virConnect) -> None:
    guest(**DB1)
    snapshot(**OUTER)
    with pytest.raises(AssertionError, match="it was deleted meanwhile"):
        snapshot(Racing("snapshot-delete", "db1", "s1"), name="s1", **BACK)
    assert tops() == BASES
    assert guest(**DB1) == []
