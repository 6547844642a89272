# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Power: start, stop without ever cutting it unasked, and waiting for a machine to be off and unlocked."""

from __future__ import annotations

import time
from typing import Any

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.virtualbox.connection import Api
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.virtualbox.words import OFF, state_of
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import HypervisorError, StillOnError

POLL_S = 0.5
ASK_AGAIN_S = 15  # a guest that is still booting does not hear the power button
UNLOCK_S = 60  # the process of a machine that is off may take a while to end
START_S = 600
RESUME_S = 60


def word(api: Api, machine: Any) -> str:
    """The state of a machine in VirtualBox's word."""
    return api.word("MachineState", machine.state)


def start(api: Api, machine: Any) -> None:
    """Power on, restore what is saved, or let a paused guest go on."""
    if state_of(word(api, machine)) == "running":
        return
    if state_of(word(api, machine)) == "paused":
        resume(api, machine)
        return
    _await_unlocked(api, machine)
    session = api.only_session
    with api.says("it cannot be started"):
        progress = api.patiently(lambda: machine.launchVMProcess(session, "headless", []))
    try:
        api.wait(progress, "it cannot be started", START_S)
    finally:
        _unlock(api, session)


def resume(api: Api, machine: Any) -> None:
    """Let a paused guest go on."""
    with api.session(machine) as session, api.says("it cannot be resumed"):
        session.console.resume()


def stop(api: Api, machine: Any, timeout_s: int, force: bool) -> None:
    """Ask to shut down by the power button and wait; cut the power only when force says so."""
    begin = time.monotonic()
    asked, deaf = -float(ASK_AGAIN_S), ""
    while word(api, machine) not in OFF:
        gone = time.monotonic() - begin
        if gone >= timeout_s and asked >= 0:
            _give_up(api, machine, force, deaf or f"it did not shut down within {timeout_s} s")
            break
        if gone - asked >= ASK_AGAIN_S:
            asked = gone
            deaf = _ask(api, machine)
        time.sleep(max(min(POLL_S, timeout_s - gone), 0.01))
    _await_unlocked(api, machine)


def _ask(api: Api, machine: Any) -> str:
    """Press the power button; a paused guest is let go on first, for it hears nothing. Returns why it did not hear."""
    try:
        with api.session(machine) as session:
            if state_of(word(api, machine)) == "paused":
                session.console.resume()
            session.console.powerButton()
    except (HypervisorError, api.errors) as error:
        return f"it cannot be asked to shut down ({getattr(error, 'msg', '') or error})"
    return ""


def _give_up(api: Api, machine: Any, force: bool, says: str) -> None:
    if not force:
        raise StillOnError(says)
    with api.session(machine) as session, api.says("its power cannot be cut"):
        if word(api, machine) not in OFF:
            api.wait(session.console.powerDown(), "its power cannot be cut", UNLOCK_S)


def _await_unlocked(api: Api, machine: Any) -> None:
    """A machine is off before its process has let go of it."""
    end = time.monotonic() + UNLOCK_S
    while api.word("SessionState", machine.sessionState) != "Unlocked":
        if time.monotonic() > end:
            raise HypervisorError(f"somebody has the machine locked: {machine.sessionName or 'a process'}")
        time.sleep(0.1)


def _unlock(api: Api, session: Any) -> None:
    if api.word("SessionState", session.state) == "Locked":
        session.unlockMachine()
