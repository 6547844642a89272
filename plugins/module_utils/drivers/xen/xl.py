# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asking xl: which domains there are, in which state, and with what they run. Source: xl(1), `xl list`."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import AbsentError, HostError
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.host import Host

# Name, number, memory, vcpus, state, seconds. Only a name can have blanks in it.
_LINE = re.compile(r"(.*?)\s+(\d+)\s+(-?\d+)\s+(\d+)\s+([rbpscdwS?-]{6})\s+([\d.]+)\s*", re.ASCII)
_HEAD = "Name "
# What libxl says of a script that it has killed, and how often in all what it was for is tried.
_LOST_PATIENCE = "because of timeout"
TRIES = 3
OWN_DOMAIN = "Domain-0"
OFF, CRASHED, DYING, SAVING = "off", "crashed", "dying", "saving"


@dataclass(frozen=True)
class Domain:
    """A domain as xl lists it. flags: six letters, see state. seconds: for how long its processors have run."""

    name: str
    number: int
    memory_mib: int
    flags: str
    seconds: float = 0.0

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

    @property
    def is_fresh(self) -> bool:
        """Whether nothing has run in it yet: so xl keeps a domain until it has made all of it."""
        return self.state == "paused" and not self.seconds


def domains(host: Host) -> list[Domain]:
    """All domains but the host's own, in one call. Raises AbsentError when there is no Xen to ask."""
    lines = [
        line for line in _ask(host, ["xl", "list"]).splitlines() if not line.startswith(_HEAD) or "(s)" not in line
    ]
    return [one for one in map(_domain, lines) if one.number]


def _domain(line: str) -> Domain:
    """A line of the list. One that is not understood may be a guest, and is never taken for none."""
    match = _LINE.fullmatch(line)
    if match is None:
        raise HostError(f"xl list tells of a domain in words that are not known: {line.strip()[:100]!r}")
    name, number, memory, _vcpus, flags, seconds = match.groups()
    return Domain(name, int(number), int(memory), flags, float(seconds))


def details(host: Host) -> dict[int, Mapping[str, Any]]:
    """With what each domain runs, by its number, in one call. One that is only half made is not in the answer."""
    text = _ask(host, ["xl", "list", "-l"])
    try:
        found = json.loads(text or "[]")
    except ValueError as error:
        raise HostError(f"xl list -l tells no JSON: {error}") from error
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise HostError("xl list -l tells of no list of domains")
    return {one["domid"]: one["config"] for one in found if one.get("domid") and one.get("config")}


def domain_of(host: Host, name: str) -> Domain | None:
    """The domain of that name at this moment. xl takes a name of digits for a number, so it is never asked by name."""
    return next((one for one in domains(host) if one.name == name), None)


def patiently(work: Callable[[], object], take_back: Callable[[], object]) -> None:
    """Do it, and again when xl has lost patience with a busy host; what is left by half is taken back each time.

    libxl kills a hotplug script, which plugs a disk or a card in on the host's side, when it takes longer than ten
    seconds (LIBXL_HOTPLUG_TIMEOUT in its source), and there is no setting for that.
    """
    for left in reversed(range(TRIES)):
        try:
            work()
            return
        except HostError as error:
            take_back()
            if not left or _LOST_PATIENCE not in str(error):
                raise


def _ask(host: Host, argv: list[str]) -> str:
    try:
        return host.run(argv, timeout_s=120)
    except HostError as error:
        raise AbsentError(f"Xen does not answer; has the role xen_host been run? ({error})") from error
