# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asking xl: which domains there are, in which state, and with what they run. Source: xl(1), `xl list`."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import AbsentError, HostError
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.host import Host

# Name, number, memory, vcpus, state, seconds. Only a name can have blanks in it.
_LINE = re.compile(r"(.*?)\s+(\d+)\s+(-?\d+)\s+(\d+)\s+([rbpscdw?-]{6})\s+[\d.]+\s*", re.ASCII)
OFF, CRASHED, DYING, SAVING = "off", "crashed", "dying", "saving"


@dataclass(frozen=True)
class Domain:
    """A domain as xl lists it. flags: six letters, see state."""

    name: str
    number: int
    memory_mib: int
    flags: str

    @property
    def state(self) -> str:
        """running | paused, or what has come to its end: off | crashed | dying | saving.

        The fourth letter says that it does not run any more, and the fifth why: for a reboot, as its memory is being
        saved, as it crashed, or (-) as it was shut down.
        """
        if self.flags[5] == "d":
            return DYING
        if self.flags[4] in "cw":
            return CRASHED
        if self.flags[3] == "s":
            return {"-": OFF, "s": SAVING}.get(self.flags[4], "running")
        return "paused" if self.flags[2] == "p" else "running"


def domains(host: Host) -> list[Domain]:
    """All domains but the host's own, in one call. Raises AbsentError when there is no Xen to ask."""
    lines = _ask(host, ["xl", "list"]).splitlines()
    found = [match.groups() for match in map(_LINE.fullmatch, lines) if match]
    return [
        Domain(name, int(number), int(memory), flags) for name, number, memory, _vcpus, flags in found if number != "0"
    ]


def details(host: Host) -> dict[int, Mapping[str, Any]]:
    """With what each domain runs, by its number, in one call. One that is only half made is not in the answer."""
    text = _ask(host, ["xl", "list", "-l"])
    try:
        found = json.loads(text or "[]")
    except ValueError as error:
        raise HostError(f"xl list -l tells no JSON: {error}") from error
    return {one["domid"]: one["config"] for one in found if one.get("domid") and one.get("config")}


def domain_of(host: Host, name: str) -> Domain | None:
    """The domain of that name at this moment. xl takes a name of digits for a number, so it is never asked by name."""
    return next((one for one in domains(host) if one.name == name), None)


def _ask(host: Host, argv: list[str]) -> str:
    try:
        return host.run(argv, timeout_s=120)
    except HostError as error:
        raise AbsentError(f"Xen does not answer; has the role xen_host been run? ({error})") from error
