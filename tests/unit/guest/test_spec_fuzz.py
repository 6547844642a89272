# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever is written under a guest's options, the answer is a wish or a SpecError, and a wish is in normal form."""

from __future__ import annotations

import math
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import SpecError
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.resource import Wish
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.shape import QUOTE_LENGTH
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.spec import GUEST, parse_wishes
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Guest
from ansible_collections.hostforge.hypervisor.tests.unit.guest.bad_input import NAMES, SECRET, SIZES

OWN: dict[str, dict[str, Any]] = {"type": {"type": "str", "choices": ["fast", "slow"]}}
SPEC: dict[str, dict[str, Any]] = {**GUEST, "fake": {"type": "dict", "options": OWN}}
# How many examples there are is for the profile to say: see conftest.py.
FUZZ = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])

texts = st.text(max_size=12) | st.text(st.characters(codec=None), max_size=8)
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts | st.sampled_from([*NAMES, *SIZES]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts | st.integers(), inner, max_size=3),
    max_leaves=6,
)
GOOD: dict[str, list[Any]] = {
    "name": ["web1", "root", "data"],
    "size": ["1 GiB", "1.5 GiB"],
    "memory": ["1 GiB"],
    "memory_max": ["2 GiB"],
    "source": ["/a", "https://example.org/a"],
    "checksum": ["none", f"md5:{'0' * 32}"],
    "mac": ["52:54:00:00:00:01"],
    "network": ["default"],
    "bridge": ["br0"],
    "autostart": [True, {"order": 1}],
    "user_data": ["#cloud-config", {"a": 1}],
}


def near(spec: dict[str, dict[str, Any]]) -> st.SearchStrategy[dict[Any, Any]]:
    """Mappings that have the right keys, with values that are right, almost right, or anything."""
    known = st.fixed_dictionaries({}, optional={key: value_of(key, rule) for key, rule in spec.items()})
    odd = st.dictionaries(texts, anything, max_size=1)
    return st.builds(lambda left, right: {**left, **right}, known, st.just({}) | odd)


def value_of(key: str, rule: dict[str, Any]) -> st.SearchStrategy[Any]:
    kinds: dict[str, st.SearchStrategy[Any]] = {
        "int": st.integers(-1, 5000) | st.sampled_from(["2", 2.0, True]),
        "bool": st.booleans() | st.sampled_from(["yes", "NO", 1]),
    }
    likely = kinds.get(rule.get("type", "str"), texts)
    if rule.get("options") is not None:
        inner = near(rule["options"])
        likely = st.lists(inner, max_size=3) if rule["type"] == "list" else inner
    if rule.get("choices") or key in GOOD:
        likely = st.sampled_from([*rule.get("choices", ()), *GOOD.get(key, ())])
    return st.one_of(likely, likely, likely, anything)


def attempt(params: dict[Any, Any]) -> tuple[list[Wish[Guest]], tuple[str, ...]]:
    """The wishes, or what is wrong with them. Any other exception fails the test."""
    try:
        return parse_wishes(params, "fake", OWN), ()
    except SpecError as error:
        return [], error.errors


@FUZZ
@given(entries=st.lists(near(SPEC) | anything, max_size=3), defaults=near(SPEC))
def test_anything_is_a_wish_or_told_to_be_none(entries: list[Any], defaults: dict[Any, Any]) -> None:
    wishes, messages = attempt({**defaults, "guests": entries})
    for message in messages:
        assert message.startswith("guest ")
        assert "\x00" not in message
        assert len(message) < 600 + QUOTE_LENGTH
    if messages:
        return
    assert len(wishes) == len(entries)
    names = [wish.item.name for wish in wishes]
    assert len(set(names)) == len(names)
    for wish in wishes:
        assert 0 < (wish.item.vcpus or 1) <= (wish.item.vcpus_max or math.inf)
        assert 0 < (wish.item.memory_mib or 1) <= (wish.item.memory_max_mib or math.inf)
        assert all(type(number) in (int, type(None)) for number in (wish.item.vcpus, wish.policy.wait_timeout_s))
        assert all(nic.mac is None or nic.mac == nic.mac.lower() for nic in wish.item.nics or ())


def planted(value: Any) -> Any:
    """The same structure with a secret in every text."""
    if isinstance(value, dict):
        return {key: planted(item) for key, item in value.items()}
    if isinstance(value, list):
        return [planted(item) for item in value]
    return SECRET if isinstance(value, str) else value


@FUZZ
@given(entry=near(SPEC), seed=near(GUEST["cloud_init"]["options"]) | anything)
def test_no_message_and_no_wish_shows_what_a_seed_holds(entry: dict[Any, Any], seed: Any) -> None:
    entry = {**entry, "name": "web1", "cloud_init": planted(seed)}
    wishes, messages = attempt({"guests": [entry]})
    assert wishes or messages
    assert SECRET not in repr(wishes)
    assert SECRET not in repr(messages)
