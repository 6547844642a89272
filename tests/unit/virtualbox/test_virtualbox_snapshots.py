# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is planned for snapshots of VirtualBox guests that run, which no machine without its kernel module can have."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.virtualbox.snapshot_look import View
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.virtualbox.snapshot_rules import RULES
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import PlanError
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.snapshot_plan import plan_snapshot
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.snapshots import Snapshot, parse_snapshots

OFF = View("db1")
ON = replace(OFF, power="running")
SAVED = replace(OFF, saved=True)
COLD = Snapshot("db1", "s", memory=False, taken="then", current=True)
WARM = replace(COLD, memory=True)
BACK = {"state": "reverted", "discard_newer": True}


def plan(view: View, have: Snapshot | None = None, **options: Any) -> list[str]:
    (wish,) = parse_snapshots({"guest": "db1", "name": "s", **options})
    return [f"{change.verb} {change.field}" for change in plan_snapshot(RULES, wish, have, view, True)]


@pytest.mark.parametrize(
    ("view", "memory"), [(OFF, False), (ON, True), (replace(ON, power="paused"), True), (SAVED, True)]
)
def test_memory_is_held_where_there_is_any(view: View, memory: bool) -> None:
    (wish,) = parse_snapshots({"guest": "db1", "name": "s"})
    (change,) = plan_snapshot(RULES, wish, None, view, True)
    assert (change.after.memory, change.after.kind) == (memory, None)
    assert plan(view, memory=memory) == ["create snapshot"]
    with pytest.raises(PlanError, match="memory"):
        plan(view, memory=not memory)


def test_power_around_a_revert() -> None:
    assert plan(OFF, COLD, **BACK) == ["revert content"]
    assert plan(SAVED, COLD, **BACK) == ["revert content"]
    for have in (COLD, WARM):
        assert plan(ON, have, **BACK, restart="graceful") == ["stop state", "revert content", "start state"]
    assert plan(OFF, WARM, **BACK) == ["revert content", "start state"]
    with pytest.raises(PlanError, match="is running, and has to be off"):
        plan(ON, COLD, **BACK)


@pytest.mark.parametrize(
    ("view", "options", "says"),
    [
        (replace(OFF, busy=True), {}, "at this moment"),
        (replace(OFF, shared=("/p/shared.vdi",)), {}, "/p/shared.vdi is shared"),
        (replace(OFF, on_now=("clone",)), BACK, "clone stands on what db1 has written since"),
        (replace(OFF, held={"s": ("clone",)}), {"state": "absent"}, "clone stands on its disks"),
        (replace(OFF, children={"s": ("t",)}), {"state": "absent"}, "delete t first"),
    ],
)
def test_what_cannot_be_is_refused(view: View, options: dict[str, Any], says: str) -> None:
    with pytest.raises(PlanError, match=says):
        plan(view, COLD if options else None, **options)


def test_reasons_are_told_together() -> None:
    with pytest.raises(PlanError, match=r"at this moment.*; .*discard_newer.*; .*has to be off"):
        plan(replace(ON, busy=True), COLD, state="reverted")
