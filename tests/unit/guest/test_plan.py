# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan: from wish and state to changes, case by case as plans.yml tells them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.change import Change
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import PlanError
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.judge import show
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.plan import pending, plan
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Cdrom, Disk, Guest, Nic, Policy
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.traits import CREATION, Field, Traits
from ansible_collections.hostforge.hypervisor.tests.contract.fake_traits import COLD_TRAITS, HOT_TRAITS, SLOW_TRAITS

CASES = yaml.safe_load((Path(__file__).parent / "plans.yml").read_text())
FEW = ("disks", "disks.size_bytes", "cdroms", "cdroms.source", "nics", "nics.source")
TRAITS = {
    "hot": HOT_TRAITS,
    "slow": SLOW_TRAITS,
    "cold": COLD_TRAITS,
    "bare": Traits("bare", {name: Field(CREATION) for name in FEW}),
}
ENTRIES = {"disks": Disk, "cdroms": Cdrom, "nics": Nic}


def guest(written: dict[str, Any], state: str) -> Guest:
    values = {"state": state, **written}
    for key, kind in ENTRIES.items():
        if key in values:
            values[key] = tuple(kind(**entry) for entry in values[key])
    return Guest("web1", **{**values, "options": tuple(sorted(values.get("options", {}).items()))})


def found(case: dict[str, Any]) -> Guest | None:
    if "have" not in case:
        return None
    live = case.get("live")
    have = guest(case["have"], "stopped" if live is None else "running")
    runs = {} if live is True else live
    return have if live is None else replace(have, live=guest({**case["have"], **runs}, "running"))


def short(change: Change) -> str:
    """A change in one line."""
    words = [change.verb, change.field + (f"[{change.key}]" if change.key else "")]
    if change.verb in ("set", "grow") or change.field == "state":
        words.append(f"{show(change.before)} -> {show(change.after)}")
    return " ".join([*words, *(flag for flag in ("hot", "force", "delete") if getattr(change, flag))])


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["about"])
def test_plan(case: dict[str, Any]) -> None:
    want, have = guest(case["want"], case["want"].get("state", "present")), found(case)
    traits, policy = TRAITS[case.get("traits", "hot")], Policy(**case.get("policy", {}))
    if "error" in case:
        with pytest.raises(PlanError) as caught:
            list(plan(want, have, traits, policy))
        assert [part for part in case["error"] if part not in str(caught.value)] == []
        return
    changes = list(plan(want, have, traits, policy))
    assert [short(change) for change in changes] == case["changes"]
    restarts = any(change.verb in ("stop", "restart") for change in changes)
    assert (pending(want, have, traits, policy) and not restarts) == case.get("pending", False)
    for name, value in case.get("created", {}).items():
        made = getattr(changes[0].after, name)
        assert (list(made) if isinstance(made, tuple) else made) == value
    for name, value in case.get("added", {}).items():
        (entry,) = (change.after for change in changes if change.verb == "add")
        assert getattr(entry, name) == value


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["about"])
def test_cases_say_what_they_expect(case: dict[str, Any]) -> None:
    assert ("error" in case) != ("changes" in case)
    assert set(case) <= {
        "about",
        "want",
        "have",
        "live",
        "traits",
        "policy",
        "changes",
        "created",
        "added",
        "pending",
        "error",
    }


def test_a_stop_waits_as_long_as_the_policy_says() -> None:
    have = replace(Guest("web1", "running", tpm=False), live=Guest("web1", "running", tpm=False))
    for state, restart in (("stopped", "never"), ("absent", "never"), ("present", "graceful")):
        policy = Policy(restart=restart, shutdown_timeout_s=7)
        changes = list(plan(Guest("web1", state, tpm=True), have, HOT_TRAITS, policy))
        assert [change.timeout_s for change in changes if change.verb in ("stop", "restart")] == [7]
