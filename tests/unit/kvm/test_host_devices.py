# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A device of the host that several guests of one task have to do with: who gets it, and who is refused."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm import check_own, passthrough
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.abilities import Facts
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.driver import KvmDriver
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.traits import TRAITS
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.change import Change
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import PlanError
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.overlap import waves
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.plan import plan
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Guest, Policy

CARD, STICK = "0000:01:00.0", "1d6b:0002"


class Seen:
    """A simulator of a host's guests: name to its state."""

    def __init__(self, *guests: Guest) -> None:
        self.guests = {guest.name: guest for guest in guests}

    def held(self, name: str) -> set[tuple[str, str]]:
        guest = self.guests.get(name, Guest(name))
        return {(option, one) for option in passthrough.KINDS for one in guest.option(option) or ()}

    def holders(self, option: str, device: str) -> list[str]:
        return [name for name in self.guests if self.is_running(name) and (option, device) in self.held(name)]

    def is_running(self, name: str) -> bool:
        return name in self.guests and self.guests[name].live is not None


def have(name: str, running: bool = False, **devices: str) -> Guest:
    options = tuple(sorted((option, (one,)) for option, one in devices.items()))
    guest = Guest(name, "running" if running else "stopped", options=options)
    return Guest(name, guest.state, options=options, live=guest) if running else guest


def want(name: str, state: str, **devices: str | None) -> Guest:
    return Guest(name, state, options=tuple(sorted((key, (one,) if one else ()) for key, one in devices.items())))


def run(monkeypatch: pytest.MonkeyPatch, found: list[Guest], *wishes: Guest) -> tuple[list[list[str]], list[Any]]:
    """What is said of each wish, and the order in which they are changed."""
    monkeypatch.setattr(passthrough, "missing", lambda _option, _wished: [])
    seen = Seen(*found)
    facts = Facts(None, seen, None)  # type: ignore[arg-type]
    driver = KvmDriver("", "", "", None)  # type: ignore[arg-type]
    driver._seen = seen  # type: ignore[assignment]
    said, plans = [], []
    for wish in wishes:
        changes = list(plan(wish, seen.guests.get(wish.name), TRAITS, Policy()))
        said.append(list(dict.fromkeys(error for change in changes for error in _errors(change, wish, facts))))
        plans.append([] if said[-1] else changes)
    return said, waves(plans, driver.claims)


def _errors(change: Change, wish: Guest, facts: Facts) -> list[str]:
    looks = list(check_own.looks(change, wish, facts))
    if change.verb == "create":
        looks += [lambda: check_own._check_host_devices(change.after, facts)]
    found = []
    for look in looks:
        try:
            look()
        except PlanError as error:
            found.append(str(error))
    return found


@pytest.mark.parametrize("option", ["pci_devices", "usb_devices"])
def test_two_that_are_to_run_with_a_device(monkeypatch: pytest.MonkeyPatch, option: str) -> None:
    device = {"pci_devices": CARD, "usb_devices": STICK}[option]
    both = {option: device}
    says = [[], [f"{option}: {device} is that of guest a, in the same task"]]
    new = [want("a", "running", **both), want("b", "running", **both)]
    assert run(monkeypatch, [], *new)[0] == says
    # As stored: neither runs, and one is started while the other gets it.
    assert run(monkeypatch, [have("a", **both)], want("a", "running"), new[1])[0] == says
    assert (
        run(monkeypatch, [have("a", **both), have("b", **both)], want("a", "running"), want("b", "running"))[0] == says
    )
    # One that is off would not start any more.
    assert run(monkeypatch, [], new[0], want("b", "present", **both))[0] == says
    assert run(monkeypatch, [have("a", True)], want("a", "present", **both), want("b", "present", **both))[0] == says


def test_guests_that_are_off_may_both_have_it(monkeypatch: pytest.MonkeyPatch) -> None:
    off = [want("a", "stopped", pci_devices=CARD), want("b", "present", pci_devices=CARD)]
    assert run(monkeypatch, [], *off)[0] == [[], []]
    assert run(monkeypatch, [], *off, want("c", "running", pci_devices=CARD))[0] == [[], [], []]


@pytest.mark.parametrize("gives", [want("a", "stopped"), want("a", "absent"), want("a", "present", pci_devices=None)])
def test_one_that_gives_it_up_comes_first(monkeypatch: pytest.MonkeyPatch, gives: Guest) -> None:
    found = [have("a", True, pci_devices=CARD), have("b")]
    for takes in (want("b", "running", pci_devices=CARD), want("c", "running", pci_devices=CARD)):
        said, order = run(monkeypatch, found, gives, takes)
        assert said == [[], []]
        assert order in ([[[0]], [[1]]], [[[0, 1]]])
        said, _order = run(monkeypatch, found, takes, gives)
        assert said == [[f"pci_devices: {CARD} is in use by the running guest a"], []]
