# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run that ends at any call that creates a guest: the next one makes the guest whole. On the simulator."""

from __future__ import annotations

from contextlib import suppress

import pytest

from ansible_collections.hostforge.hypervisor.tests.contract.look import again, assert_is, policy, run_all
from ansible_collections.hostforge.hypervisor.tests.unit.virtualbox.simulated_machine import Machine
from ansible_collections.hostforge.hypervisor.tests.unit.virtualbox.simulated_subject import SimulatedSubject

# Each is called several times; what comes after the last of them is not cut off, and the guest is whole.
CALLS = 12


class Killed(BaseException):
    """The end of a process, as far as Python can have it."""


@pytest.mark.parametrize("number", range(CALLS))
@pytest.mark.parametrize("name", ["lockMachine", "saveSettings", "attachDevice", "setExtraData"])
def test_a_killed_creation_is_finished(monkeypatch: pytest.MonkeyPatch, name: str, number: int) -> None:
    subject = SimulatedSubject()
    original, left = getattr(Machine, name), [number]

    def counted(machine: Machine, *arguments: object) -> object:
        if not left[0]:
            raise Killed
        left[0] -= 1
        return original(machine, *arguments)

    with monkeypatch.context() as patched:
        patched.setattr(Machine, name, counted)
        with suppress(Killed):
            run_all(subject, [subject.base], policy(subject))
    for machine in subject.box.machines:
        machine.__dict__["sessions"] = 0  # the kernel closes what a killed process had open
    (outcome,) = run_all(subject, [subject.base], policy(subject))
    assert outcome.error == ""
    assert_is(subject, subject.base)
    again(subject, subject.base)
