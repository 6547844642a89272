# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests do to VirtualBox past the driver, through its own bindings."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.virtualbox.connection import Api, connect

MACHINES = "/srv/machines"
DISKS = "/srv/disks"
ELSEWHERE = "/srv/elsewhere"
AUTOSTART = "/etc/vbox-autostart"
FOLDERS = {"disk_dir": DISKS, "seed_dir": "/srv/seeds", "image_cache": "/srv/images"}
BRIDGE = "br-test"
NETWORKS = ("default", "second")
MEDIA = ("/srv/elsewhere/one.iso", "/srv/elsewhere/two.iso")
IMAGE = "/srv/elsewhere/base.qcow2"
GIVEN = "/srv/elsewhere/given.vdi"
MIB = 1024**2


def furnish() -> None:
    """Make the networks and the folders."""
    api = connect()
    os.makedirs(AUTOSTART, exist_ok=True)
    os.makedirs(MACHINES, exist_ok=True)
    api.box.systemProperties.defaultMachineFolder = MACHINES
    api.box.systemProperties.autostartDatabasePath = AUTOSTART
    for name in NETWORKS:
        api.box.createNATNetwork(name).enabled = True


def clean() -> None:
    """Leave a host without guests, with media and an image that others made."""
    api = connect()
    for machine in api.machines():
        machine.unregister(api.number("CleanupMode", "UnregisterOnly"))
    _forget_media(api)
    for folder in (MACHINES, DISKS, ELSEWHERE, *FOLDERS.values()):
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder)
    os.makedirs(f"{DISKS}/fast")
    for medium in MEDIA:
        Path(medium).write_bytes(bytes(MIB))
    for path, kind, size in ((IMAGE, "qcow2", 16), (GIVEN, "vdi", 24)):
        make_disk(path, kind, size * MIB)


def _forget_media(api: Api) -> None:
    """Leaves first, for what is based on others is closed before those."""
    for kind in ("hardDisks", "DVDImages"):
        for medium in api.list_of(api.box, kind):
            # A process that has just ended may have had it, and then it goes by itself.
            with suppress(api.errors):
                _close(api, medium)


def _close(api: Api, medium: Any) -> None:
    for child in api.list_of(medium, "children"):
        _close(api, child)
    medium.close()


def make_disk(path: str, kind: str, size_bytes: int) -> str:
    """Make a disk's data, as somebody else would."""
    status = os.spawnlp(os.P_WAIT, "qemu-img", "qemu-img", "create", "-q", "-f", kind, path, str(size_bytes))
    assert status == 0
    return path


def register(name: str) -> Any:
    """Make a guest, as another tool would."""
    api = connect()
    platform = api.number("PlatformArchitecture", "x86")
    machine = api.box.createMachine("", name, platform, [], "Other", "", "", "", "")
    machine.description = "made by hand"
    made = machine.addStorageController("IDE Controller", api.number("StorageBus", "IDE"))
    made.controllerType = api.number("StorageControllerType", "PIIX4")
    api.box.registerMachine(machine)
    return machine


def attach(name: str, path: str, controller: str, port: int) -> None:
    """Attach a disk's data to a guest, as another tool would."""
    api = connect()
    disk = api.number("DeviceType", "HardDisk")
    medium = api.box.openMedium(path, disk, api.number("AccessMode", "ReadWrite"), False)
    with api.edited(api.find(name)) as machine:
        machine.attachDevice(controller, port, 0, disk, medium)


def capacity(path: str) -> int:
    """A disk's capacity in bytes, by VirtualBox itself, which is asked anew."""
    api = connect()
    medium = api.box.openMedium(path, api.number("DeviceType", "HardDisk"), api.number("AccessMode", "ReadOnly"), False)
    medium.refreshState()
    return int(medium.logicalSize)
