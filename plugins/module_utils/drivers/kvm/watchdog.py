# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The watchdog of a guest in libvirt's XML.

Newer versions of libvirt list the chipset's own one (itco) in every definition of the machine q35, and put it back when
it is taken out. It is no option: a guest that has no other one has none.
"""

from __future__ import annotations

from xml.etree.ElementTree import Element

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm import xml
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.forms import NO_WATCHDOG, Watchdog

CHIPSET = "itco"


def found(root: Element) -> Watchdog | str:
    """The watchdog, or the word for none."""
    own = [one for one in root.findall("devices/watchdog") if one.get("model") != CHIPSET]
    return Watchdog(own[0].get("model", ""), own[0].get("action", "reset")) if own else NO_WATCHDOG


def put(devices: Element, wanted: Watchdog | str) -> None:
    """Give a guest a watchdog in place of the one that it has, or take that away."""
    for one in devices.findall("watchdog"):
        if one.get("model") != CHIPSET:
            devices.remove(one)
        elif isinstance(wanted, Watchdog):
            # QEMU does one thing for all watchdogs of a guest, and libvirt refuses different ones.
            one.set("action", wanted.action)
    if isinstance(wanted, Watchdog):
        xml.add(devices, "watchdog", model=wanted.model, action=wanted.action)
