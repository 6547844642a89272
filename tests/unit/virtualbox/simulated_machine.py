# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa: N802, N815  the names are VirtualBox's
"""SIMULATOR of VirtualBox's machines: settings in memory that say no where VirtualBox's documentation says it does.

It proves nothing about VirtualBox. A machine can be changed within a session only, and one that runs in few things.
"""

from __future__ import annotations

import uuid
from typing import Any

NOT_FOUND, WRONG_STATE, LOCKED = 0x80BB0001, 0x80BB0002, 0x80BB0007
PORTS = {"SATA": (8, 30, 1), "VirtioSCSI": (1, 256, 1), "IDE": (2, 2, 2), "SCSI": (16, 16, 1), "PCIe": (1, 255, 1)}
# MachineState, in VirtualBox's numbers.
POWERED_OFF, SAVED, ABORTED, RUNNING, PAUSED = 1, 2, 4, 6, 7
ONLINE = (RUNNING, PAUSED)
UNLOCKED, LOCKED_STATE = 1, 2


class SimulatedError(Exception):
    """As the bindings raise it: a signed number and a text."""

    def __init__(self, code: int, msg: str) -> None:
        super().__init__(msg)
        self.errno, self.msg = code - 2**32, msg


class Part:
    """Something with settings, which belongs to a machine."""

    HOT: frozenset[str] = frozenset()

    def __init__(self, machine: Any, **values: Any) -> None:
        self.__dict__.update(machine=machine, **values)

    def __setattr__(self, name: str, value: object) -> None:
        if name not in self.__dict__:
            raise AttributeError(name)
        self.machine.may(name in self.HOT)
        self.__dict__[name] = value


class Controller(Part):
    """A controller of disks and drives."""


class Nat(Part):
    """The NAT engine of a card; it takes forwards at any time."""

    def addRedirect(self, name: str, protocol: int, host: str, port: int, guest: str, guest_port: int) -> None:
        self.redirects.append(f"{name},{protocol},{host},{port},{guest},{guest_port}")

    def removeRedirect(self, name: str) -> None:
        self.redirects[:] = [one for one in self.redirects if one.split(",")[0] != name]


class Adapter(Part):
    """A slot for a network card."""

    HOT = frozenset(
        ("attachmentType", "bridgedInterface", "internalNetwork", "hostOnlyInterface", "NATNetwork", "cableConnected")
    )

    def __setattr__(self, name: str, value: Any) -> None:
        made_up = name == "MACAddress" and not value
        super().__setattr__(name, f"080027{uuid.uuid4().hex[:6]}".upper() if made_up else value)


class Variables(Part):
    """The variables of the firmware."""

    def enrollDefaultMsSignatures(self) -> None:
        self.machine.may(False)

    def enrollOraclePlatformKey(self) -> None:
        self.machine.may(False)


class Store(Part):
    """Where the variables of the firmware are kept."""

    def initUefiVariableStore(self, _size: int) -> None:
        self.machine.may(False)
        self.__dict__["variables"] = Variables(self.machine, secureBootEnabled=False)

    @property
    def uefiVariableStore(self) -> Variables:
        if self.variables is None:
            raise SimulatedError(WRONG_STATE, "the store is not initialised")
        found: Variables = self.variables
        return found


class Machine(Part):
    """A machine, of which there is one object, in a session and out of it."""

    HOT = frozenset(("description", "autostartEnabled", "autostartDelay"))

    def __init__(self, box: Any, name: str, path: str, identity: str, ostype: str, groups: list[str]) -> None:
        super().__init__(
            self, box=box, name=name, settingsFilePath=path, id=identity, OSTypeId=ostype, groups=groups or ["/"],
            description="", CPUCount=1, memorySize=128, accessible=True, accessError=None, snapshotCount=0,
            autostartEnabled=False, autostartDelay=0, state=POWERED_OFF, sessionState=UNLOCKED, sessionName="",
            registered=False, sessions=0, boots=0, obeys=True, extra={}, boot=[1, 2, 3, 0], storageControllers=[],
            mediumAttachments=[], sharedFolders=[],
        )  # fmt: skip
        self.__dict__.update(
            firmwareSettings=Part(self, firmwareType=1, IOAPICEnabled=False),
            platform=Part(self, chipsetType=1, architecture=1),
            trustedPlatformModule=Part(self, type=0),
            graphicsAdapter=Part(self, graphicsControllerType=1, VRAMSize=8),
            audioSettings=Part(self, adapter=Part(self, enabled=True)),
            nonVolatileStore=Store(self, variables=None),
            serial=Part(self, enabled=False, hostMode=0, path="", server=False),
            cards=[self._card(slot == 0) for slot in range(8)],
        )

    def _card(self, enabled: bool) -> Adapter:
        return Adapter(
            self, enabled=enabled, adapterType=3, MACAddress="080027000000", cableConnected=True, attachmentType=1,
            bridgedInterface="", internalNetwork="", hostOnlyInterface="", NATNetwork="", bootPriority=0,
            NATEngine=Nat(self, redirects=[]),
        )  # fmt: skip

    def may(self, hot: bool) -> None:
        """Say no to a change that cannot be made at this moment."""
        if self.registered and not self.sessions:
            raise SimulatedError(WRONG_STATE, "The machine is not mutable")
        if self.state not in (POWERED_OFF, ABORTED) and not (hot and self.state in ONLINE):
            raise SimulatedError(WRONG_STATE, f"The machine is not mutable (state is {self.state})")

    def lockMachine(self, session: Any, _kind: int) -> None:
        session.machine, session.state = self, LOCKED_STATE
        self.__dict__["sessions"] += 1

    def saveSettings(self) -> None:
        """Nothing to do: there is one object."""

    def discardSettings(self) -> None:
        """What was changed stays, other than in VirtualBox."""

    def getExtraData(self, key: str) -> str:
        return str(self.extra.get(key, ""))

    def setExtraData(self, key: str, value: str) -> None:
        self.may(True)
        self.extra.pop(key, None)
        if value:
            self.extra[key] = value

    def getBootOrder(self, place: int) -> int:
        return int(self.boot[place - 1])

    def setBootOrder(self, place: int, kind: int) -> None:
        self.may(False)
        self.boot[place - 1] = kind

    def getNetworkAdapter(self, slot: int) -> Adapter:
        found: Adapter = self.cards[slot]
        return found

    def getSerialPort(self, _slot: int) -> Part:
        found: Part = self.serial
        return found

    def addStorageController(self, name: str, bus: int) -> Controller:
        self.may(False)
        word = {1: "IDE", 2: "SATA", 3: "SCSI", 7: "PCIe", 8: "VirtioSCSI"}[bus]
        ports, most, devices = PORTS[word]
        made = Controller(
            self, name=name, bus=bus, controllerType=0, portCount=ports, maxPortCount=most,
            maxDevicesPerPortCount=devices,
        )  # fmt: skip
        self.storageControllers.append(made)
        return made

    def attachDevice(self, controller: str, port: int, device: int, kind: int, medium: Any) -> None:
        self._slot_is_free(controller, port, device)
        hot = self.state in ONLINE
        self.may(hot and controller == "SATA" and kind == 3)
        if kind == 3:
            medium.machineIds.append(self.id)
        self.mediumAttachments.append(
            Part(
                self, controller=controller, port=port, device=device, type=kind, medium=medium, hotPluggable=hot,
                nonRotational=False, discard=False,
            )
        )  # fmt: skip

    def _slot_is_free(self, controller: str, port: int, device: int) -> None:
        found = next(one for one in self.storageControllers if one.name == controller)
        if port >= found.portCount or self._at(controller, port, device) is not None:
            raise SimulatedError(0x80070057, f"there is no free port {port} on {controller}")

    def _at(self, controller: str, port: int, device: int) -> Any:
        place = (controller, port, device)
        return next((one for one in self.mediumAttachments if (one.controller, one.port, one.device) == place), None)

    def attachDeviceWithoutMedium(self, controller: str, port: int, device: int, kind: int) -> None:
        self.attachDevice(controller, port, device, kind, None)

    def detachDevice(self, controller: str, port: int, device: int) -> None:
        found = self._at(controller, port, device)
        self.may(found.hotPluggable and found.type == 3)
        if found.type == 3:
            found.medium.machineIds.remove(self.id)
        self.mediumAttachments.remove(found)

    def mountMedium(self, controller: str, port: int, device: int, medium: Any, _force: bool) -> None:
        self.may(True)
        self._at(controller, port, device).__dict__["medium"] = medium

    def unmountMedium(self, controller: str, port: int, device: int, force: bool) -> None:
        self.mountMedium(controller, port, device, None, force)

    def setHotPluggableForDevice(self, controller: str, port: int, device: int, value: bool) -> None:
        self.may(False)
        self._at(controller, port, device).__dict__["hotPluggable"] = value

    def nonRotationalDevice(self, controller: str, port: int, device: int, value: bool) -> None:
        self.may(False)
        self._at(controller, port, device).__dict__["nonRotational"] = value

    def createSharedFolder(self, name: str, path: str, writable: bool, automount: bool, _point: str) -> None:
        self.may(True)
        self.sharedFolders.append(Part(self, name=name, hostPath=path, writable=writable, autoMount=automount))

    def removeSharedFolder(self, name: str) -> None:
        self.may(True)
        self.sharedFolders[:] = [one for one in self.sharedFolders if one.name != name]

    def enumerateGuestProperties(self, _pattern: str) -> tuple[list[str], ...]:
        return ["ip"], ["10.0.2.15"], [], []

    def launchVMProcess(self, session: Any, _frontend: str, _environment: list[str]) -> Any:
        if self.sessionState != UNLOCKED:
            raise SimulatedError(LOCKED, "The machine is already locked by a session")
        session.machine, session.state = self, LOCKED_STATE
        self.__dict__.update(state=RUNNING, sessionState=LOCKED_STATE, sessions=self.sessions + 1)
        self.__dict__["boots"] += 1
        return Progress()

    def off(self, state: int = POWERED_OFF) -> None:
        """Power is off, whoever did it."""
        self.__dict__.update(state=state, sessionState=UNLOCKED)

    def unregister(self, _mode: int) -> list[Any]:
        if self.sessionState != UNLOCKED:
            raise SimulatedError(LOCKED, "Cannot unregister the machine while it is locked")
        for one in self.mediumAttachments:
            if one.type == 3:
                one.medium.machineIds.remove(self.id)
        self.box.machines.remove(self)
        return []

    def deleteConfig(self, _media: list[Any]) -> Any:
        self.box.files.files.pop(self.settingsFilePath, None)
        return Progress()


class Progress:
    """An operation that has ended."""

    completed, resultCode, errorInfo = True, 0, None


class Console:
    """What can be done to a machine that runs."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine

    def powerButton(self) -> None:
        if self._machine.state != RUNNING:
            raise SimulatedError(WRONG_STATE, "Invalid machine state")
        if self._machine.obeys:
            self._machine.off()

    def powerDown(self) -> Progress:
        self._machine.off()
        return Progress()

    def resume(self) -> None:
        if self._machine.state != PAUSED:
            raise SimulatedError(WRONG_STATE, "Cannot resume the machine as it is not paused")
        self._machine.__dict__["state"] = RUNNING


class Session:
    """A lock of a machine."""

    def __init__(self) -> None:
        self.machine: Any = None
        self.state = UNLOCKED

    @property
    def console(self) -> Console:
        return Console(self.machine)

    def unlockMachine(self) -> None:
        self.machine.__dict__["sessions"] -= 1
        self.state = UNLOCKED
