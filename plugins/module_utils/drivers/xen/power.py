# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Power: start, stop without ever cutting it unasked, and what is left of a domain that came to its end."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.xen import xl
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.xen.xl import Domain
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import (
    HostError,
    HypervisorError,
    StillOnError,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.host import Host

POLL_S = 1.0
ASK_AGAIN_S = 15  # a guest that is still booting does not hear the request
HEARS_S = 5  # xl itself would wait a minute for the guest's driver to say that it has heard
MAKES = (b"create", b"restore", b"migrate-receive")
OTHERS_S = 60
CREATE_S = 1800  # an image of a boot loader that is far away, or a slow host; never for ever


def start(host: Host, name: str, path: str, prepare: Callable[[], None]) -> None:
    """Power on by a definition, or let a paused guest go on. prepare: what is to be done while it is off."""
    domains, found = _settled(host, name)
    if found is not None and found.state == "running" and not _is_half_made(host, found):
        return
    if found is not None and found.state == "paused" and not _is_half_made(host, found):
        host.run(["xl", "unpause", str(found.number)])
        return
    if found is not None:
        clear(host, found)
    prepare()
    before = {one.number for one in domains}
    try:
        xl.patiently(
            lambda: host.run(["xl", "create", path], timeout_s=CREATE_S), lambda: _clear_failed(host, name, before)
        )
    except HostError as error:
        raise HypervisorError(f"it cannot be started: {error}") from error


def _settled(host: Host, name: str) -> tuple[list[Domain], Domain | None]:
    """All domains, and the one of a name. An xl that a killed run left may be about to end it."""
    until = time.monotonic() + OTHERS_S
    while True:
        domains = xl.domains(host)
        found = next((one for one in domains if one.name == name), None)
        if found is None or not _is_half_made(host, found) or not _makers(host) or time.monotonic() >= until:
            return domains, found
        time.sleep(POLL_S)


def clear(host: Host, found: Domain) -> None:
    """Take away what is left of a domain that has shut down, or that a killed xl was making. Nothing runs in it."""
    if is_over(host, found):
        makers = _makers(host)
        if makers:
            raise HypervisorError(
                f"xl is making or restoring a guest at this moment (process {', '.join(makers)}): try again"
            )
        _destroy(host, found)
        return
    raise HypervisorError(f"a domain of that name is there, which is {found.state}: see xl list")


def is_over(host: Host, found: Domain) -> bool:
    """Whether nothing runs in a domain, nor ever will."""
    return found.state == xl.OFF or _is_half_made(host, found)


def _is_half_made(host: Host, found: Domain) -> bool:
    """Whether xl has not made all of it. One that has run is none, even if xl cannot tell with what it runs."""
    return found.is_fresh and found.number not in xl.details(host)


def _makers(host: Host) -> list[str]:
    """The processes that make or restore a domain: only without them is one half made for good."""
    found = []
    for number in host.list_dir("/proc"):
        if number.isdigit() and host.info(f"/proc/{number}/cmdline") is not None:
            try:
                words = host.read_file(f"/proc/{number}/cmdline").split(b"\0")
            except HostError:
                continue  # it has ended
            verb = next((word for word in words[1:] if not word.startswith(b"-")), b"")
            if words[0].rpartition(b"/")[2] == b"xl" and verb in MAKES and _makes_for_others(host, number):
                found.append(number)
    return found


def _makes_for_others(host: Host, number: str) -> bool:
    """Whether an xl that was told to make a domain is still at it, and not for this run.

    Our own make other guests: one is never made by two threads. One that has made its domain watches over it with the
    same words as a daemon, which leads a session of its own under the first process.
    """
    try:
        stat = host.read_file(f"/proc/{number}/stat").decode("utf-8", "replace")
    except HostError:
        return False  # it has ended
    _state, parent, _group, session = stat.rpartition(")")[2].split()[:4]
    return parent != str(os.getpid()) and (parent, session) != ("1", number)


def _clear_failed(host: Host, name: str, before: set[int]) -> None:
    """xl clears up after itself when it fails; what it leaves all the same never ran, unless it is another xl's."""
    found = xl.domain_of(host, name)
    if found is not None and found.number not in before and _is_half_made(host, found) and not _makers(host):
        _destroy(host, found)


def stop(host: Host, name: str, timeout_s: int, force: bool) -> None:
    """Ask to shut down and wait; cut the power only when force says so."""
    found = xl.domain_of(host, name)
    begin = time.monotonic()
    asked, deaf = -float(ASK_AGAIN_S), ""
    while found is not None:
        gone = time.monotonic() - begin
        if gone - asked >= ASK_AGAIN_S:
            asked = gone
            deaf = _ask(host, found, max(timeout_s - gone, HEARS_S))
        now = xl.domain_of(host, name)
        if now is None or now.state == xl.DYING:
            return
        if now.number != found.number:
            raise HypervisorError("it went down and was started anew, as its on_poweroff says: set that to destroy")
        if now.state == xl.OFF:
            _destroy(host, now)
            return
        gone = time.monotonic() - begin
        if gone >= timeout_s:
            _give_up(host, now, force, deaf or f"it did not shut down within {timeout_s} s")
            return
        time.sleep(min(POLL_S, timeout_s - gone))


def _destroy(host: Host, found: Domain) -> None:
    """Take a domain away. xl fails also when only a script for one of its devices took too long, and it is gone."""
    try:
        host.run(["xl", "destroy", str(found.number)])
    except HostError:
        if any(one.number == found.number and one.state != xl.DYING for one in xl.domains(host)):
            raise


def _ask(host: Host, found: Domain, timeout_s: float) -> str:
    """Ask by Xen's own way, and one that has no driver for that by the power button. Returns why it did not hear."""
    try:
        host.run(["xl", "shutdown", "-F", str(found.number)], timeout_s=timeout_s)
    except HostError as error:
        return f"it cannot be asked to shut down ({error})"
    return ""


def _give_up(host: Host, found: Domain, force: bool, says: str) -> None:
    if not force:
        raise StillOnError(says)
    _destroy(host, found)
