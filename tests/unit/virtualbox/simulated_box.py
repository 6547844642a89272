# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa: N802, N815  the names are VirtualBox's
"""SIMULATOR of VirtualBox itself and of its bindings, on a host in memory. It proves nothing about VirtualBox."""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import HostError
from ansible_collections.hostforge.hypervisor.tests.unit.guest.fake_host import FakeHost
from ansible_collections.hostforge.hypervisor.tests.unit.virtualbox.simulated_machine import (
    NOT_FOUND,
    Machine,
    Progress,
    Session,
    SimulatedError,
)

MACHINES = "/home/vm/machines"
# As VirtualBox 7.2 counts.
_WORDS = {
    "MachineState": "Null PoweredOff Saved Teleported Aborted AbortedSaved Running Paused Stuck",
    "SessionState": "Null Unlocked Locked Spawning Unlocking",
    "LockType": "Null Shared Write VM",
    "NetworkAttachmentType": "Null NAT Bridged Internal HostOnly Generic NATNetwork Cloud HostOnlyNetwork",
    "NetworkAdapterType": "Null Am79C970A Am79C973 I82540EM I82543GC I82545EM Virtio",
    "HostNetworkInterfaceType": "Null Bridged HostOnly",
    "StorageBus": "Null IDE SATA SCSI Floppy SAS USB PCIe VirtioSCSI",
    "StorageControllerType": (
        "Null LsiLogic BusLogic IntelAhci PIIX3 PIIX4 ICH6 I82078 LsiLogicSas USB NVMe VirtioSCSI"
    ),
    "FirmwareType": "Null BIOS EFI EFI32 EFI64 EFIDUAL",
    "TpmType": "None v1_2 v2_0 Host Swtpm",
    "DeviceType": "Null Floppy DVD HardDisk Network USB",
    "GraphicsControllerType": "Null VBoxVGA VMSVGA VBoxSVGA",
    "ChipsetType": "Null PIIX3 ICH9",
    "PlatformArchitecture": "None x86 ARM",
    "NATProtocol": "UDP TCP",
    "PortMode": "Disconnected HostPipe HostDevice RawFile TCP",
    "AccessMode": "Null ReadOnly ReadWrite",
    "MediumState": "NotCreated Created LockedRead LockedWrite Inaccessible Creating Deleting",
    "CleanupMode": "Null UnregisterOnly DetachAllReturnNone DetachAllReturnHardDisksOnly Full",
}
CONSTANTS = {kind: words.split() for kind, words in _WORDS.items()}


class Constants:
    """The numbers of VirtualBox's words."""

    def __getattr__(self, name: str) -> int:
        kind, _underline, word = name.partition("_")
        return CONSTANTS[kind].index(word)

    def all_values(self, kind: str) -> dict[str, int]:
        return {word: number for number, word in enumerate(CONSTANTS[kind])}


@dataclass
class SimulatedHost(FakeHost):
    """Files in memory; a disk's file tells its format and its capacity."""

    def run(self, argv: Sequence[str], stdin: str = "", timeout_s: float | None = None) -> str:
        if argv[0] != "qemu-img":
            return super().run(argv)
        kind = argv[argv.index("-f") + 1] if "-f" in argv else None
        after = list(argv[argv.index("--") + 1 :])
        if argv[1] == "create":
            self.make_disk(after[0], kind or "", int(after[1]))
        elif argv[1] == "convert":
            self.make_disk(after[1], argv[argv.index("-O") + 1], self.disk(after[0])["virtual-size"])
        elif argv[1] == "info":
            found = self.disk(after[0])
            if kind not in (None, found["format"]):
                raise HostError(f"{after[0]}: Image is not in {kind} format")
            return json.dumps([found] if "--backing-chain" in argv else found)
        return ""

    def make_disk(self, path: str, kind: str, size: int) -> None:
        self.files[path] = json.dumps({"format": kind, "virtual-size": size}).encode()

    def disk(self, path: str) -> dict[str, Any]:
        try:
            # What is before it is the head of a format, for those that look at that.
            found: dict[str, Any] = json.loads(self.files[path][self.files[path].index(b"{") :])
        except (KeyError, ValueError) as error:
            raise HostError(f"{path} cannot be read") from error
        return found


class Medium:
    """A disk's file, or an ISO image, that is registered."""

    def __init__(self, box: Any, path: str, is_disk: bool) -> None:
        self._box, self._is_disk = box, is_disk
        self.location, self.id, self.state = path, str(uuid.uuid4()), 1
        self.format = str(box.files.disk(path)["format"]).replace("vpc", "vhd").upper() if is_disk else "RAW"
        self.machineIds: list[str] = []
        self.children: list[Any] = []
        self.base = self

    @property
    def logicalSize(self) -> int:
        return int(self._box.files.disk(self.location)["virtual-size"])

    def refreshState(self) -> int:
        return self.state

    def resize(self, size: int) -> Progress:
        self._box.files.make_disk(self.location, self._box.files.disk(self.location)["format"], size)
        return Progress()

    def close(self) -> None:
        (self._box.hardDisks if self._is_disk else self._box.DVDImages).remove(self)


class SimulatedBox:
    """VirtualBox of one user."""

    version, APIVersion = "7.2.22", "7_2"

    def __init__(self, host: SimulatedHost) -> None:
        self.files = host
        self.machines: list[Machine] = []
        self.hardDisks: list[Medium] = []
        self.DVDImages: list[Medium] = []
        self.NATNetworks = [SimpleNamespace(networkName=name) for name in ("default", "second")]
        self.guestOSTypes = [
            SimpleNamespace(id=name) for name in ("Debian12_64", "Ubuntu24_LTS_64", "Linux_64", "Other")
        ]
        self.systemProperties = SimpleNamespace(defaultMachineFolder=MACHINES, autostartDatabasePath="/etc/vbox")
        interfaces = [SimpleNamespace(name="br0", interfaceType=1), SimpleNamespace(name="vboxnet0", interfaceType=2)]
        self.host = SimpleNamespace(networkInterfaces=interfaces, DVDDrives=[])
        host.folders.update({"/etc/vbox": 0o755, MACHINES: 0o755})
        host.files["/dev/vboxdrv"] = b""

    def getPlatformProperties(self, _architecture: int) -> Any:
        return SimpleNamespace(getMaxNetworkAdapters=lambda _chipset: 8)

    def composeMachineFilename(self, name: str, group: str, _flags: str, _folder: str) -> str:
        return f"{MACHINES}{group.rstrip('/')}/{name}/{name}.vbox"

    def findMachine(self, name: str) -> Machine:
        for one in self.machines:
            if name in (one.name, one.id):
                return one
        raise SimulatedError(NOT_FOUND, f"Could not find a registered machine named '{name}'")

    def createMachine(
        self, _file: str, name: str, _platform: int, groups: list[str], ostype: str, flags: str, *_more: str
    ) -> Machine:
        path = self.composeMachineFilename(name, groups[0] if groups else "/", "", "")
        options = dict(flag.split("=") for flag in flags.split(",") if flag)
        if path in self.files.files and "forceOverwrite" not in options:
            raise SimulatedError(0x80BB0004, "Machine settings file already exists")
        return Machine(self, name, path, options.get("UUID") or str(uuid.uuid4()), ostype, groups)

    def registerMachine(self, machine: Machine) -> None:
        machine.__dict__["registered"] = True
        self.files.make_dir(machine.settingsFilePath.rpartition("/")[0])
        self.files.files[machine.settingsFilePath] = json.dumps(machine.extra).encode()
        self.machines.append(machine)

    def openMedium(self, path: str, kind: int, _mode: int, _force: bool) -> Medium:
        known = self.hardDisks if kind == 3 else self.DVDImages
        for one in known:
            if one.location == path:
                return one
        if path not in self.files.files:
            raise SimulatedError(NOT_FOUND, f"Could not find file for the medium '{path}'")
        known.append(Medium(self, path, kind == 3))
        return known[-1]


class SimulatedManager:
    """The bindings."""

    constants = Constants()
    oXcptClass = SimulatedError

    def __init__(self, box: SimulatedBox) -> None:
        self._box = box

    def getVirtualBox(self) -> SimulatedBox:
        return self._box

    def getSessionObject(self, _box: object = None) -> Session:
        return Session()

    def getArray(self, thing: Any, name: str) -> list[Any]:
        return list(getattr(thing, name))

    def setArray(self, thing: Any, name: str, values: list[Any]) -> None:
        setattr(thing, name, list(values))
