# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Disks on the bus nvme: each has a controller of its own, which has to have a serial number. Seen on libvirt 12.8.

libvirt makes such controllers itself, but with the serial numbers of their disks, so only for disks that have one.
"""

from __future__ import annotations

import hashlib
from xml.etree.ElementTree import Element

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm import xml

BUS = "nvme"
SERIAL_LENGTH = 20  # in NVM Express


def target_name(controller: int | str) -> str:
    """The device name of a controller's first name space."""
    return f"{BUS}{controller}n1"


def targets(root: Element) -> set[str]:
    """The device names of the controllers that have disks: one can be called otherwise than its place."""
    return {target_name(_controller_of(one) or "") for one in xml.devices(root, "disk") if _is_nvme(one)}


def ensure_controller(parent: Element, disk: Element) -> None:
    """See to the controller of a disk that is given a place on this bus, or another serial number.

    parent: the devices of a definition. A disk without a serial number gets a controller with one made of the disk's
    path, by which the guest can still tell it from others. A controller that a disk has left is taken over.
    """
    if not _is_nvme(disk):
        return
    index = _controller_of(disk)
    found = parent.find(f"controller[@type='{BUS}'][@index='{index}']")
    if found is None:
        found = xml.add(parent, "controller", type=BUS, index=index)
    path = xml.attribute(disk, "source", "file") or xml.attribute(disk, "source", "dev") or ""
    made = hashlib.sha256(path.encode()).hexdigest()[:SERIAL_LENGTH]
    xml.set_text(found, "serial", disk.findtext("serial") or made)


def _is_nvme(disk: Element) -> bool:
    return xml.attribute(disk, "target", "bus") == BUS


def _controller_of(disk: Element) -> str | None:
    """Its number: by its address, and by its name where it has none yet."""
    name = xml.attribute(disk, "target", "dev") or ""
    return xml.attribute(disk, "address", "controller") or name.removeprefix(BUS).partition("n")[0] or None
