# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Starts the guests of libvirt that have an order or a delay, in that order, once after each start of the host.

Order and delay stand in the metadata of a guest's own definition, where kvm_guest writes them. Guests with libvirt's
autostart are libvirt's.
"""

from __future__ import annotations

import sys
import time
import xml.etree.ElementTree as ET
from functools import partial

import libvirt
from start_order import StartError, Turn, boot_id, parser, run

OWN = "{urn:hostforge:guest:1}"
# Guests that have a delay and no order come after those with one; the largest that can be written is 9999.
LAST = 10_000
ANSWERS_S = 60


def connect(uri: str) -> libvirt.virConnect:
    """Open a connection as soon as libvirt answers."""
    libvirt.registerErrorHandler(lambda _context, _error: None, None)
    end = time.monotonic() + ANSWERS_S
    while True:
        try:
            return libvirt.open(uri)
        except libvirt.libvirtError as error:
            if time.monotonic() >= end:
                raise StartError(f"libvirt does not answer: {error.get_error_message()}") from error
            time.sleep(1)


def turns(uri: str) -> list[Turn]:
    """The guests that have an order or a delay, in the order of their starts."""
    flags = libvirt.VIR_CONNECT_LIST_DOMAINS_PERSISTENT | libvirt.VIR_CONNECT_LIST_DOMAINS_NO_AUTOSTART
    try:
        domains = connect(uri).listAllDomains(flags)
    except libvirt.libvirtError as error:
        raise StartError(f"libvirt does not answer: {error.get_error_message()}") from error
    found = [place for place in map(place_of, domains) if place is not None]
    return [one for _order, _name, one in sorted(found, key=lambda place: place[:2])]


def place_of(domain: libvirt.virDomain) -> tuple[int, str, Turn] | None:
    """A guest's order, name and turn; None for one without, or one that has gone since it was listed."""
    try:
        root = ET.fromstring(domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE))
    except libvirt.libvirtError:
        return None
    noted = root.find(f"metadata/{OWN}guest/{OWN}autostart")
    if noted is None:
        return None
    order, delay = number(noted.get("order")), number(noted.get("delay"))
    one = Turn(domain.name(), domain.UUIDString(), delay or 0, partial(start, domain))
    return (LAST if order is None else order, one.name, one)


def number(text: str | None) -> int | None:
    """A number as it was noted; what somebody else wrote in its place is none."""
    return int(text) if text and text.isdecimal() else None


def start(domain: libvirt.virDomain) -> bool:
    """Start a guest. False: it runs already, or has gone."""
    try:
        if not domain.isActive():
            domain.create()
            return True
    except libvirt.libvirtError as error:
        if error.get_error_code() == libvirt.VIR_ERR_NO_DOMAIN:
            return False
        if not domain.isActive():
            raise StartError(error.get_error_message()) from error
    return False


def main() -> int:
    """Start what is to be started; 1 when something of it failed."""
    options = parser("libvirt")
    options.add_argument("--uri", default="qemu:///system", help="libvirt's connection")
    chosen = options.parse_args()
    return run(chosen, boot_id(), partial(turns, chosen.uri))


if __name__ == "__main__":
    sys.exit(main())
