# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A libvirt in memory behind both drivers, and the way a module goes: options, wishes, converge."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm import network_driver, pool_driver
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.network_spec import (
    NETWORK,
    parse_networks,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.pool_spec import (
    POOL,
    parse_pools,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.engine import converge
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.resource import Outcome
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.spec import entry_spec
from ansible_collections.hostforge.hypervisor.tests.unit.kvm_pool_network.fake_libvirt import Fake

Run = Callable[..., list[Outcome[Any]]]


class Cards:
    """The one thing of the host that the network driver needs: which cards are on a bridge, and to plug them in."""

    def __init__(self) -> None:
        self.calls: list[list[str]] = []

    def run(self, argv: list[str]) -> str:
        self.calls.append(argv)
        return '[{"ifname": "vnet0"}, {"ifname": "virbr0-nic"}, {}]' if "show" in argv else ""


@pytest.fixture
def libvirt(monkeypatch: pytest.MonkeyPatch) -> Fake:
    fake = Fake()
    for driver in (network_driver, pool_driver):
        monkeypatch.setattr(driver, "connect", lambda _uri: fake)
    return fake


@pytest.fixture
def cards() -> Cards:
    return Cards()


@pytest.fixture
def networks(libvirt: Fake, cards: Cards) -> Run:
    def run(*entries: dict[str, Any], check_mode: bool = False, **task: Any) -> list[Outcome[Any]]:
        wishes = parse_networks(validate("networks", NETWORK, {"networks": list(entries), **task}))
        return converge(network_driver.NetworkDriver("qemu:///system", cards), wishes, check_mode)

    return run


@pytest.fixture
def pools(libvirt: Fake) -> Run:
    def run(*entries: dict[str, Any], check_mode: bool = False, **task: Any) -> list[Outcome[Any]]:
        params = validate("pools", POOL, {"pools": list(entries), **task})
        wishes = parse_pools(params, lambda _kind, name: {"root": "0", "kvm": "104"}.get(name, name))
        return converge(pool_driver.PoolDriver("test+ssh://elsewhere/system"), wishes, check_mode)

    return run


def validate(key: str, options: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    spec = {**options, key: {"type": "list", "elements": "dict", "options": entry_spec(options)}}
    result = ArgumentSpecValidator(spec).validate(given)
    assert not result.error_messages, result.error_messages
    return dict(result.validated_parameters)


def verbs(outcome: Outcome[Any]) -> list[str]:
    return [
        " ".join(part for part in (one.verb, one.field, one.key, "hot" * one.hot) if part) for one in outcome.changes
    ]
