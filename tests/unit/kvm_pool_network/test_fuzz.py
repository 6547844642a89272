# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever is written of pools and networks, the answer is a plan or a SpecError, and a plan can be defined."""

from __future__ import annotations

import ipaddress
import xml.etree.ElementTree as ET
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.network_plan import plan_network
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.network_spec import (
    NETWORK,
    parse_networks,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.network_xml import (
    read_network,
    write_network,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.pool_driver import find_id
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.pool_plan import plan_pool
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.pool_spec import POOL, parse_pools
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.pool_xml import write_pool
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import PlanError, SpecError
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.resource import Wish
from ansible_collections.hostforge.hypervisor.tests.unit.guest.test_spec_fuzz import FUZZ, GOOD, anything, near

ADDRESSES = ["10.9.0.1/24", "fd00::1/64", "10.9.0.0/24", "10.9.0.1", "0.0.0.0/0", "fe80::1%lo/64"]
WORDS: dict[str, list[Any]] = {
    "address": [ADDRESSES[:1], ADDRESSES[:2], "10.9.0.1/24,10.8.0.1/24", "10.9.0.5", "10.9.0.300"],
    "start": ["10.9.0.10", "10.8.0.1", "fd00::5"],
    "end": ["10.9.0.20", "10.9.0.2"],
    "domain": ["x.example", "", "-a"],
    "path": ["/srv/p", "/", "/a/../b", "p"],
    "mode": ["0750", "711", 493],
    "owner": ["root", "0", "nobodyknows", "\u00b2"],
    "device": ["/dev/sdz", "-x"],
    "host": ["nas", "-oexec"],
}


@pytest.fixture(scope="module", autouse=True)
def words() -> None:
    """Values that are almost right, beside those of guests."""
    GOOD.update(WORDS)


def attempt(parse: Callable[[], list[Wish[Any]]], kind: str) -> list[Wish[Any]]:
    try:
        return parse()
    except SpecError as error:
        for message in error.errors:
            assert message.startswith(kind)
            assert "\x00" not in message
        return []


@FUZZ
@given(data=st.data())
def test_any_network_is_planned_or_told_to_be_none(data: st.DataObject) -> None:
    task = {
        **data.draw(near(NETWORK)),
        "networks": data.draw(st.lists(near(NETWORK) | anything, max_size=2) | anything),
    }
    for wish in attempt(lambda: parse_networks(task), "network"):
        for address in wish.item.address or ():
            ipaddress.ip_interface(address)
        try:
            changes = list(plan_network(wish.item, None, "never"))
        except PlanError:
            continue
        for change in changes:
            if change.verb == "create":
                assert read_network(write_network(change.after)).name == wish.item.name


@FUZZ
@given(data=st.data())
def test_any_pool_is_planned_or_told_to_be_none(data: st.DataObject) -> None:
    task = {**data.draw(near(POOL)), "pools": data.draw(st.lists(near(POOL) | anything, max_size=2) | anything)}
    for wish in attempt(lambda: parse_pools(task, find_id), "pool"):
        assert wish.item.path is None or (wish.item.path.startswith("/") and ".." not in wish.item.path.split("/"))
        try:
            changes = list(plan_pool(wish.item, None))
        except PlanError:
            continue
        for change in changes:
            if change.verb == "create":
                assert ET.fromstring(write_pool(change.after)).findtext("name") == wish.item.name
