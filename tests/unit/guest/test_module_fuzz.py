# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever a task says, the module answers: a plan or what is wrong, as JSON, without a secret and without a crash."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from typing import Any

import pytest
from ansible.module_utils import basic
from hypothesis import example, given
from hypothesis import strategies as st

from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.engine import converge
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import SpecError
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.module import report, run_guest_module
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.spec import GUEST, parse_wishes
from ansible_collections.hostforge.hypervisor.tests.contract.fake import FakeDriver
from ansible_collections.hostforge.hypervisor.tests.contract.fake_hypervisor import FakeHypervisor
from ansible_collections.hostforge.hypervisor.tests.unit.guest.bad_input import SECRET
from ansible_collections.hostforge.hypervisor.tests.unit.guest.bench import OWN, TASK, patch_module_args
from ansible_collections.hostforge.hypervisor.tests.unit.guest.test_spec_fuzz import (
    FUZZ,
    GOOD,
    anything,
    near,
    planted,
)

SPEC: dict[str, dict[str, Any]] = {**GUEST, "fake": {"type": "dict", "options": OWN}}
SEED = GUEST["cloud_init"]["options"]


def right(spec: dict[str, dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    """Options that are most often as they should be, so that a plan comes of them."""
    return st.fixed_dictionaries({}, optional={key: right_value(key, rule) for key, rule in spec.items()})


def right_value(key: str, rule: dict[str, Any]) -> st.SearchStrategy[Any]:
    known = [*rule.get("choices", ()), *GOOD.get(key, ())]
    if known:
        return st.sampled_from(known)
    if rule.get("options") is not None:
        inner = right(rule["options"])
        return st.lists(inner, max_size=2) if rule["type"] == "list" else inner
    kinds: dict[str, st.SearchStrategy[Any]] = {"int": st.integers(1, 8), "bool": st.booleans()}
    return kinds.get(rule.get("type", "str"), st.sampled_from(["a", "root", "data"]))


@FUZZ
@given(entries=st.lists(right(SPEC), min_size=1, max_size=3))
@example(entries=[{"disks": [{"name": "root", "pool": "nowhere"}]}])
def test_every_wish_has_a_plan_or_a_reason(entries: list[dict[str, Any]]) -> None:
    guests = [{**entry, "name": f"guest{number}"} for number, entry in enumerate(entries)]
    try:
        wishes = parse_wishes({"guests": guests}, "fake", OWN)
    except SpecError:
        return
    outcomes = converge(FakeDriver(FakeHypervisor()), wishes, check_mode=True)
    assert len(outcomes) == len(guests)
    for outcome in outcomes:
        assert outcome.error or outcome.changes or outcome.wish.item.state == "absent"
        assert not (outcome.error and outcome.changes)
    json.dumps(report("guests", outcomes))


@pytest.fixture(scope="module", autouse=True)
def logged() -> Iterator[list[str]]:
    """What the modules log, in place of the machine's log."""
    found: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(basic, "has_journal", False)
        patch.setattr(basic.syslog, "syslog", lambda *words: found.append(str(words)))
        yield found


def answer(logged: list[str], params: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """What the module answers, and all that it said and logged."""
    logged.clear()
    said = io.StringIO()
    with redirect_stdout(said), redirect_stderr(said), patch_module_args(params), pytest.raises(SystemExit):
        run_guest_module("fake", OWN, TASK, lambda _params, _host: FakeDriver(FakeHypervisor()))
    lines = said.getvalue().strip().splitlines()
    return json.loads(lines[-1]), said.getvalue() + "".join(logged)


def sendable(params: dict[Any, Any]) -> bool:
    """Whether Ansible can send it: as JSON, with texts for keys."""
    try:
        json.dumps(params).encode()
    except (TypeError, ValueError):
        return False
    return all(isinstance(key, str) and not key.startswith("_ansible") for key in params)


@FUZZ
@given(entries=st.lists(near(SPEC) | anything, max_size=2) | anything, task=near({**SPEC, **TASK}))
def test_the_module_answers_to_anything(logged: list[str], entries: Any, task: dict[Any, Any]) -> None:
    params = {**task, "guests": entries, "_ansible_check_mode": True}
    if not sendable({key: value for key, value in params.items() if key != "_ansible_check_mode"}):
        return
    result, _said = answer(logged, params)
    if result.get("failed"):
        assert result["msg"].strip()
        assert "Traceback" not in result["msg"]
    else:
        assert len(result["guests"]) == (1 if entries is None else len(entries))


# Options that a seed may have come into by mistake, and its own.
PLACES = (
    "cloud_init",
    "nics",
    "disks",
    "autostart",
    "fake",
    "description",
    "memory",
    "vcpus",
    "user_data",
    "name",
    "kvm",
)


@FUZZ
@given(task=near(SPEC), seed=near(SEED) | anything, inside=st.booleans(), odd=st.sampled_from(PLACES))
def test_the_module_shows_no_seed(logged: list[str], task: dict[Any, Any], seed: Any, inside: bool, odd: str) -> None:
    """Under its own name, or under another as a mapping that holds one."""
    held = planted(seed) if odd == "cloud_init" else {"user_data": planted({"a": seed, "b": "x"})}
    options = {**task, odd: held}
    params: dict[str, Any] = {"guests": [options]} if inside else options
    if sendable(params) and sendable(options):
        _result, said = answer(logged, {**params, "_ansible_verbosity": 4})
        assert SECRET not in said
