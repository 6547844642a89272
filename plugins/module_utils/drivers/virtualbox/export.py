# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What VirtualBox does for exports: it writes the disks itself, for it takes what others write for damaged at times."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.virtualbox.driver import VirtualBoxDriver
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.virtualbox.ledger import read
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.virtualbox.media import (
    Slot,
    forget,
    slots_of,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.appliance import System
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import HypervisorError
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.export import Giver
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Guest

FORMAT = "VMDK"
VARIANT = "VmdkStreamOptimized"
PATIENCE_S = 24 * 3600.0
# The numbers of CIM_OperatingSystem.OsType, of 32 and of 64 bits, by how VirtualBox's types begin.
SYSTEMS = {"Debian": (95, 96), "Ubuntu": (93, 94), "RedHat": (79, 80), "Linux": (36, 101), "": (1, 102)}


class VirtualBoxGiver(Giver):
    """The disks of VirtualBox guests, through the driver's connection."""

    def __init__(self, driver: VirtualBoxDriver) -> None:
        self._driver = driver

    def system(self, guest: Guest) -> System | None:
        """The operating system of a guest."""
        kind = str(guest.option("ostype") or "Other")
        numbers = next(numbers for start, numbers in SYSTEMS.items() if kind.startswith(start))
        return System(numbers["_64" in kind], description=kind)

    def refusals(self, guest: Guest) -> Iterator[str]:
        """Why a guest's data cannot be read at this moment."""
        state = self._driver.state_of(guest.name)
        if guest.state != "stopped":
            yield f"the guest is {guest.state}: stop it, so that its disks are whole"
        elif state in ("Saved", "AbortedSaved"):
            yield "the guest's memory is saved, and its disks are not whole without it: start it and shut it down"

    def data(self, guest: Guest) -> list[str]:
        """The files that are written to."""
        return [slot.top for slot in self._slots(guest.name).values() if slot.top]

    def _slots(self, name: str) -> dict[str, Slot]:
        """The slots of a guest's disks, by the disks' names."""
        machine = self._machine(name)
        noted = read(machine)
        slots = [one for one in slots_of(self._driver.api, machine) if one.type == "HardDisk" and one.path]
        entries = [(noted.find(slot.path), slot) for slot in slots]
        return {entry.name if entry else slot.key: slot for entry, slot in entries}

    def _machine(self, name: str) -> Any:
        machine = self._driver.api.find(name)
        if machine is None:
            raise HypervisorError("it is not there any more")
        return machine

    def write(self, guest: str, disk: str, path: str) -> None:
        """Write a disk as a streamOptimized VMDK, which VirtualBox does not keep in its list."""
        api = self._driver.api
        with api.says(f"disk {disk} cannot be written to {path}"):
            source = self._slots(guest)[disk].medium
            mode, kind = api.number("AccessMode", "ReadWrite"), api.number("DeviceType", "HardDisk")
            target = api.box.createMedium(FORMAT, path, mode, kind)
            try:
                progress = source.cloneTo(target, [api.number("MediumVariant", VARIANT)], None)
                api.wait(progress, f"disk {disk} cannot be written to {path}", PATIENCE_S)
            finally:
                forget(api, target)

    def forget(self, folder: str) -> None:
        """Have VirtualBox forget files in a folder that a killed run was writing."""
        api = self._driver.api
        for medium in api.list_of(api.box, "hardDisks"):
            with suppress(api.errors):  # one that goes at this moment
                if os.path.dirname(medium.location) == folder:
                    forget(api, medium)
