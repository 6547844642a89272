# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Media and where they are attached: what a machine has in its slots, and slots that are free."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.virtualbox.connection import Api
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.virtualbox.words import (
    BUSES,
    CONTROLLERS,
    DEFAULT_BUS,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import HypervisorError

_ODD = re.compile(r"[^A-Za-z0-9_-]+")
# Each is a slot of its own to the firmware, which looks at all of them.
SATA_PORTS = 8


@dataclass(frozen=True)
class Slot:
    """One attachment: controller, port and device say where; type: HardDisk | DVD | Floppy.

    path: of a disk the base of its medium, which snapshots stand on; top: the file that is written to. solid,
    discards: the disk seems to be an SSD, and what the guest discards is given back.
    """

    controller: str
    port: int
    device: int
    type: str
    bus: str
    path: str | None
    top: str | None
    format: str
    hotplug: bool
    solid: bool = False
    discards: bool = False
    medium: Any = None

    @property
    def key(self) -> str:
        """What the slot is called, in letters that the name of a disk can have."""
        return f"{_ODD.sub('_', self.controller)}-{self.port}-{self.device}"[:32]

    @property
    def layered(self) -> bool:
        """Whether what is written goes into another file than the base, as with snapshots."""
        return self.top != self.path


def slots_of(api: Api, machine: Any) -> list[Slot]:
    """The attachments of a machine, in the order of controllers and ports."""
    buses = {one.name: api.word("StorageBus", one.bus) for one in api.list_of(machine, "storageControllers")}
    return [_slot(api, one, buses) for one in api.list_of(machine, "mediumAttachments")]


def _slot(api: Api, attached: Any, buses: dict[str, str]) -> Slot:
    medium = attached.medium
    base = medium.base if medium is not None else None
    bus = buses.get(attached.controller, "")
    return Slot(
        controller=attached.controller,
        port=attached.port,
        device=attached.device,
        type=api.word("DeviceType", attached.type),
        bus=BUSES.get(bus, bus.lower()),
        path=base.location if base is not None else None,
        top=medium.location if medium is not None else None,
        format=str(base.format).lower() if base is not None else "",
        hotplug=bool(attached.hotPluggable),
        solid=bool(attached.nonRotational),
        discards=bool(attached.discard),
        medium=medium,
    )


def size_of(api: Api, medium: Any) -> int | None:
    """The capacity of a medium, in bytes; None when VirtualBox cannot tell."""
    if not medium.logicalSize:
        with suppress(api.errors):
            medium.refreshState()
    return int(medium.logicalSize) or None


def controller_for(api: Api, machine: Any, bus: str) -> Any:
    """A controller of a bus, made where there is none; of several the first."""
    wanted = CONTROLLERS[bus]
    for one in api.list_of(machine, "storageControllers"):
        if api.word("StorageBus", one.bus) == wanted.bus:
            return one
    made = machine.addStorageController(wanted.name, api.number("StorageBus", wanted.bus))
    made.controllerType = api.number("StorageControllerType", wanted.type)
    if bus == DEFAULT_BUS:
        made.portCount = SATA_PORTS
    return made


def free_slot(api: Api, machine: Any, controller: Any, running: bool = False) -> tuple[int, int]:
    """A port and a device of a controller where nothing is. A running machine's ports are as many as they are."""
    taken = {(one.port, one.device) for one in slots_of(api, machine) if one.controller == controller.name}
    for port, device in _places(controller, controller.portCount if running else controller.maxPortCount):
        if (port, device) not in taken:
            if port >= controller.portCount:
                controller.portCount = port + 1
            return port, device
    raise HypervisorError(f"the controller {controller.name} has no free port")


def _places(controller: Any, ports: int) -> Iterator[tuple[int, int]]:
    for port in range(ports):
        for device in range(controller.maxDevicesPerPortCount):
            yield port, device


def open_disk(api: Api, path: str) -> Any:
    """The medium of a disk's file."""
    with api.says(f"{path} cannot be opened as a disk"):
        mode = api.number("AccessMode", "ReadWrite")
        return api.box.openMedium(path, api.number("DeviceType", "HardDisk"), mode, False)


def open_dvd(api: Api, path: str) -> Any:
    """The medium of an ISO image, or of a drive of the host."""
    for drive in api.list_of(api.box.host, "DVDDrives"):
        if drive.location == path:
            return drive
    with api.says(f"{path} cannot be opened as the medium of a cdrom drive"):
        mode = api.number("AccessMode", "ReadOnly")
        return api.box.openMedium(path, api.number("DeviceType", "DVD"), mode, False)


def known_disk(api: Api, path: str) -> Any:
    """The medium that VirtualBox knows at a path, None when there is none; snapshots' files are not looked through."""
    real = os.path.realpath(path)
    return next((one for one in api.list_of(api.box, "hardDisks") if os.path.realpath(one.location) == real), None)


def forget(api: Api, medium: Any) -> None:
    """Have VirtualBox forget a medium that nothing has any more; its file stays."""
    if medium is not None and not api.list_of(medium, "machineIds") and not api.list_of(medium, "children"):
        with suppress(api.errors):
            medium.close()
