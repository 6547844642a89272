# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is planned for a snapshot, and what is refused, on guests and versions of libvirt that no test machine has.

The modules hostforge.hypervisor.kvm_snapshot and hostforge.hypervisor.kvm_snapshot_info are run in tests/integration.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.snapshot_allow import (
    all_later_than,
    removal_reasons,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.snapshot_look import Attached, View
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.snapshot_plan import (
    RULES,
    complete,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.snapshot_spec import (
    parse_snapshots,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import PlanError, SpecError
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.snapshot_plan import plan_snapshot
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.snapshots import Snapshot, SnapshotDisk

DISK = Attached("root", "vda", "file", "/p/db1.root.qcow2", "qcow2")
RAW = Attached("data", "vdb", "file", "/p/db1.data.raw", "raw")
BLOCK = Attached("log", "vdc", "block", "/dev/vg/log", "raw")
OFF = View("db1", disks=(DISK,), version=9_000_000)
ON = replace(OFF, power="running")
INNER = Snapshot(
    "db1", "s", kind="internal", memory=False, taken="then", disks=(SnapshotDisk("vda", "internal", DISK.path),)
)
OVERLAY = "/p/db1.root.s.qcow2"
OUTER = replace(INNER, kind="external", disks=(SnapshotDisk("vda", "external", DISK.path, OVERLAY),))
MOVED = replace(DISK, path=OVERLAY, chain=("/p/db1.root.qcow2", "/images/debian.qcow2"))


def plan(view: View | None, have: Snapshot | None = None, known: bool = True, **options: Any) -> list[str]:
    (wish,) = parse_snapshots({"guest": "db1", "name": "s", **options})
    view = None if view is None else replace(view, snapshots={**view.snapshots, **({"s": have} if have else {})})
    return [f"{change.verb} {change.field}" for change in plan_snapshot(RULES, wish, have, view, known)]


def wished(**options: Any) -> Snapshot:
    (wish,) = parse_snapshots({"guest": "db1", "name": "s", **options})
    return wish.item


@pytest.mark.parametrize(
    ("view", "options", "expected"),
    [
        (OFF, {}, ("internal", False)),
        (OFF, {"memory": False}, ("internal", False)),
        (OFF, {"quiesce": True}, ("internal", False)),
        (OFF, {"kind": "external"}, ("external", False)),
        (ON, {}, ("internal", True)),
        (ON, {"memory": True}, ("internal", True)),
        (ON, {"memory": False}, ("external", False)),
        (replace(ON, agent=True), {"quiesce": True}, ("external", False)),
        (replace(ON, disks=(DISK, RAW)), {}, ("external", False)),
        (replace(ON, variables="raw"), {}, ("external", False)),
        (replace(ON, variables="qcow2"), {}, ("external", False)),
        (replace(ON, variables="qcow2", version=10_010_000), {}, ("internal", True)),
        (replace(ON, power="paused"), {}, ("internal", True)),
    ],
)
def test_the_kind_is_chosen(view: View, options: dict[str, Any], expected: tuple[str, bool]) -> None:
    new = complete(wished(**options), view)
    assert (new.kind, new.memory) == expected


@pytest.mark.parametrize(
    ("view", "options", "says"),
    [
        (replace(OFF, disks=(DISK, BLOCK)), {}, "disk log is raw, .* disk log is no file"),
        (replace(OFF, disks=(DISK, BLOCK)), {"kind": "external"}, "disk log is no file .*/dev/vg/log"),
        (replace(ON, disks=(RAW,)), {"memory": True}, "disk data is raw"),
        (replace(OFF, stored=False), {}, "no stored definition"),
        (replace(OFF, saved=True), {}, "its memory was saved"),
        (replace(OFF, disks=()), {}, "no disk that it can write to"),
        (replace(OFF, disks=(replace(DISK, shared=True),)), {}, "disk root is shared"),
        (ON, {"quiesce": True}, "no guest agent answers"),
        (None, {}, "there is no guest db1"),
    ],
)
def test_what_cannot_be_taken_is_refused(view: View | None, options: dict[str, Any], says: str) -> None:
    with pytest.raises(PlanError, match=says):
        plan(view, **options)


def test_where_there_is_no_hypervisor_yet_one_will_be_taken() -> None:
    assert plan(None, known=False) == ["create snapshot"]
    assert plan(None, known=False, state="absent") == []
    with pytest.raises(PlanError, match="has no snapshot s; it has: none"):
        plan(None, known=False, state="reverted")


@pytest.mark.parametrize("have", [INNER, OUTER])
def test_one_that_is_there_is_left_alone(have: Snapshot) -> None:
    view = replace(OFF, disks=(MOVED if have is OUTER else DISK,))
    assert plan(view, have) == []
    assert plan(view, have, kind=have.kind, memory=False) == []
    assert plan(view, have, description="new") == ["set description"]
    with pytest.raises(PlanError, match="cannot become"):
        plan(view, have, kind="external" if have is INNER else "internal")


def test_power_around_a_revert() -> None:
    back = {"state": "reverted", "discard_newer": True}
    warm = replace(INNER, memory=True, power="running")
    assert plan(OFF, INNER, **back) == ["revert content"]
    assert plan(ON, INNER, **back, restart="graceful") == ["stop state", "revert content", "start state"]
    assert plan(ON, warm, **back, restart="force") == ["stop state", "revert content"]
    with pytest.raises(PlanError, match="has to be off"):
        plan(ON, INNER, **back)


@pytest.mark.parametrize(
    ("view", "have", "says"),
    [
        (replace(OFF, saved=True), INNER, "its memory was saved"),
        (replace(OFF, disks=(MOVED,)), INNER, "is what later data is based on"),
        (replace(OFF, disks=(RAW,)), INNER, "is no disk of db1 any more"),
        (OFF, OUTER, "does not go on in /p/db1.root.s.qcow2 any more"),
        (OFF, replace(OUTER, memory=True), "was not made by this module"),
        (OFF, replace(INNER, kind="mixed"), "was not made by this module"),
        (
            replace(OFF, disks=(MOVED,), snapshots={"t": replace(OUTER, snapshot="t", parent="s")}),
            OUTER,
            "delete t first",
        ),
    ],
)
def test_what_cannot_be_reverted_to_is_refused(view: View, have: Snapshot, says: str) -> None:
    with pytest.raises(PlanError, match=says):
        plan(view, have, state="reverted", discard_newer=True)


@pytest.mark.parametrize(
    ("view", "have", "says"),
    [
        (replace(ON, disks=(MOVED,), version=8_010_000), OUTER, "from 9.0 on"),
        (replace(OFF, disks=(MOVED,), saved=True), OUTER, "its memory was saved"),
        (OFF, OUTER, "does not use /p/db1.root.s.qcow2 any more"),
        (OFF, replace(INNER, kind="mixed"), "was not made by this module"),
        (replace(ON, disks=(MOVED,)), INNER, "is what later data is based on"),
        (
            replace(OFF, disks=(replace(MOVED, path="/p/t", chain=(OVERLAY, *MOVED.chain)),)),
            OUTER,
            "only the last external snapshot can be merged",
        ),
        (
            replace(ON, disks=(MOVED,), snapshots={"p": replace(INNER, snapshot="p")}),
            replace(OUTER, parent="p"),
            "delete p first",
        ),
    ],
)
def test_what_cannot_be_deleted_is_refused(view: View, have: Snapshot, says: str) -> None:
    with pytest.raises(PlanError, match=says):
        plan(view, have, state="absent")


def test_what_is_on_top_goes_first_where_it_goes_as_well() -> None:
    second, third = "/p/db1.root.t.qcow2", "/p/db1.root.u.qcow2"
    t = Snapshot("db1", "t", kind="external", parent="s", disks=(SnapshotDisk("vda", "external", OVERLAY, second),))
    u = Snapshot("db1", "u", kind="external", parent="t", disks=(SnapshotDisk("vda", "external", second, third),))
    top = replace(DISK, path=third, chain=(second, OVERLAY, *MOVED.chain))
    view = replace(OFF, disks=(top,), snapshots={"t": t, "u": u, "s": OUTER})
    assert all_later_than(OUTER, view) == ["u", "t"]
    assert removal_reasons(OUTER, view, ["t", "u"]) == removal_reasons(t, view, ["u"]) == []
    for going, left in (([], "u, t"), (["t"], "u"), (["u"], "t")):
        assert f"or delete {left} first" in removal_reasons(OUTER, view, going)[0]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"name": "../x"}, "letters, digits"),
        ({"name": "-x"}, "letters, digits"),
        ({"name": "x" * 64}, "letters, digits"),
        ({"name": "x\0"}, "control characters"),
        ({"name": "a/b", "state": "absent"}, "the name of a snapshot"),
        ({"guest": "a/b"}, "the name of a guest"),
        ({"guest": None}, "guest: is needed"),
        ({"memory": True, "kind": "external"}, "memory"),
        ({"memory": True, "quiesce": True}, "quiesce"),
        ({"kind": "internal", "quiesce": True}, "quiesce"),
        ({"kind": "both"}, "auto, internal, external"),
        ({"shutdown_timeout": -1}, "a whole number"),
    ],
)
def test_bad_input_is_refused(options: dict[str, Any], says: str) -> None:
    with pytest.raises(SpecError, match=says):
        wished(**options)


def test_errors_of_all_entries_are_told_at_once() -> None:
    entries = [{"name": "a"}, {"name": "b", "guest": "x", "kind": "both"}, {"name": "c", "guest": "x"}]
    with pytest.raises(SpecError) as caught:
        parse_snapshots({"snapshots": [*entries, entries[2]]})
    assert len(caught.value.errors) == 3
