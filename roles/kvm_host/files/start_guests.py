# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Starts the guests that have an order or a delay, in that order, once after each start of the host.

Order and delay stand in the metadata of a guest's own definition, where kvm_guest writes them. Guests with libvirt's
autostart are libvirt's. What was done since the host's start is noted in a file that does not outlast it: a second run
does nothing, and one after a failure or a kill does the rest. So a guest that an administrator has stopped stays off.

``--list`` shows the order, one guest a line, and starts nothing.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import libvirt

OWN = "{urn:hostforge:guest:1}"
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
DONE = "done"
# Guests that have a delay and no order come after those with one; the largest that can be written is 9999.
LAST = 10_000
ANSWERS_S = 60


@dataclass(frozen=True, order=True)
class Turn:
    """A guest that is to be started, and how long to wait after it. Turns compare as they are to be taken."""

    order: int
    name: str
    delay_s: int
    uuid: str
    domain: libvirt.virDomain = field(compare=False)


class Stamp:
    """What was done since the host's start: the boot's identifier, the guests, and at last a word for all of it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._boot = BOOT_ID.read_text().strip()
        lines = path.read_text().split() if path.exists() else []
        self.done = set(lines[1:]) if lines[:1] == [self._boot] else set()

    def note(self, what: str) -> None:
        """Note something as done, in one step."""
        self.done.add(what)
        part = self._path.with_name(f".{self._path.name}.part")
        part.write_text("\n".join([self._boot, *sorted(self.done), ""]))
        part.replace(self._path)


def say(text: str, level: int = 6) -> None:
    """Tell the journal, which takes a level in front of a line, or whoever looks."""
    print(f"<{level}>{text}" if "JOURNAL_STREAM" in os.environ else text, flush=True)


def connect(uri: str) -> libvirt.virConnect:
    """Open a connection as soon as libvirt answers."""
    libvirt.registerErrorHandler(lambda _context, _error: None, None)
    end = time.monotonic() + ANSWERS_S
    while True:
        try:
            return libvirt.open(uri)
        except libvirt.libvirtError:
            if time.monotonic() >= end:
                raise
            time.sleep(1)


def turns(connection: libvirt.virConnect) -> list[Turn]:
    """The guests that have an order or a delay, in the order of their starts."""
    flags = libvirt.VIR_CONNECT_LIST_DOMAINS_PERSISTENT | libvirt.VIR_CONNECT_LIST_DOMAINS_NO_AUTOSTART
    found = (turn(domain) for domain in connection.listAllDomains(flags))
    return sorted(one for one in found if one is not None)


def turn(domain: libvirt.virDomain) -> Turn | None:
    """A guest's turn; None for one without, or one that has gone since it was listed."""
    try:
        root = ET.fromstring(domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE))
    except libvirt.libvirtError:
        return None
    noted = root.find(f"metadata/{OWN}guest/{OWN}autostart")
    if noted is None:
        return None
    order, delay = number(noted.get("order")), number(noted.get("delay"))
    return Turn(LAST if order is None else order, domain.name(), delay or 0, domain.UUIDString(), domain)


def number(text: str | None) -> int | None:
    """A number as it was noted; what somebody else wrote in its place is none."""
    return int(text) if text and text.isdecimal() else None


def start(one: Turn) -> bool:
    """Start a guest. False: it runs already, or has gone. Raises libvirtError when it cannot be started."""
    try:
        if not one.domain.isActive():
            one.domain.create()
            return True
    except libvirt.libvirtError as error:
        if error.get_error_code() == libvirt.VIR_ERR_NO_DOMAIN:
            return False
        if not one.domain.isActive():
            raise
    return False


def start_all(waiting: Sequence[Turn], stamp: Stamp) -> list[str]:
    """Start guests one after the other, each after the delay of the one before; the names of those that failed."""
    failed = []
    for one in waiting:
        try:
            started = start(one)
        except libvirt.libvirtError as error:
            say(f"guest {one.name} cannot be started: {error.get_error_message()}", level=3)
            failed.append(one.name)
            continue
        stamp.note(one.uuid)
        say(f"guest {one.name}: {'started' if started else 'runs already, or has gone'}")
        if started and one.delay_s and one is not waiting[-1]:
            time.sleep(one.delay_s)
    return failed


def main(arguments: Sequence[str]) -> int:
    """Start what is to be started; 1 when something of it failed."""
    parser = argparse.ArgumentParser(description="Start libvirt guests in their order, once after the host's start.")
    parser.add_argument("--uri", default="qemu:///system", help="libvirt's connection")
    parser.add_argument("--stamp", type=Path, default=Path("/run/hostforge-guests"), help="what was done is noted here")
    parser.add_argument("--list", action="store_true", help="show the order, and start nothing")
    chosen = parser.parse_args(arguments)
    stamp = Stamp(chosen.stamp)
    if DONE in stamp.done and not chosen.list:
        say("the guests were started already since the host's start")
        return 0
    try:
        found = turns(connect(chosen.uri))
    except libvirt.libvirtError as error:
        say(f"libvirt does not answer: {error.get_error_message()}", level=3)
        return 1
    if chosen.list:
        for one in found:
            say(one.name)
        return 0
    failed = start_all([one for one in found if one.uuid not in stamp.done], stamp)
    if failed:
        say(f"not started: {', '.join(failed)}; mend them, and start this unit again for these", level=3)
        return 1
    stamp.note(DONE)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
