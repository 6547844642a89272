# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What only disks of KVM have: how QEMU reads and writes their data, and their serial numbers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any
from xml.etree.ElementTree import Element

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm import xml
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.entries import merged
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import PlanError
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Disk, Options

# Attributes of libvirt's <driver>, each with what QEMU does when it is not there, so that equal things compare equal.
DRIVER = {"cache": "writeback", "io": "threads", "discard": "ignore"}
NAMES = (*DRIVER, "serial")
# QEMU hands on 20 characters to virtio disks; libvirt takes no others than these.
SERIAL = re.compile(r"[A-Za-z0-9_.+-]{1,20}", re.ASCII)
# Linux' native asynchronous input and output only works past the host's page cache.
DIRECT = ("none", "directsync")


def read(disk: Element) -> Options:
    """The options of a disk, as it would run."""
    found = {name: xml.attribute(disk, "driver", name) or usual for name, usual in DRIVER.items()}
    found = {name: DRIVER[name] if value == "default" else value for name, value in found.items()}
    serial = disk.findtext("serial")
    return tuple(sorted({**found, **({"serial": serial} if serial else {})}.items()))


def write(disk: Element, name: str, value: Any) -> None:
    """Give a disk an option."""
    if name in DRIVER:
        xml.ensure(disk, "driver").set(name, value)
    else:
        xml.set_text(disk, name, value)


def check(want: Iterable[Disk], have: Iterable[Disk]) -> None:
    """Refuse, with PlanError, options with which no guest would start."""
    found: Mapping[str, Disk] = {disk.name: disk for disk in have}
    for disk in want:
        serial = disk.option("serial")
        if serial is not None and not SERIAL.fullmatch(serial):
            raise PlanError(f"disk {disk.name}: serial {serial!r}: 1 to 20 letters, digits and _ . + - are allowed")
        whole: Disk = merged(disk, found.get(disk.name))
        cache = whole.option("cache") or DRIVER["cache"]
        written = dict(disk.options).keys() & {"cache", "io"}
        if written and whole.option("io") == "native" and cache not in DIRECT:
            raise PlanError(f"disk {disk.name}: io native needs cache none or directsync, and its cache is {cache}")
