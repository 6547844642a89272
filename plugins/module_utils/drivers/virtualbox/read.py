# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a machine of VirtualBox to the guest in the words of the core."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.virtualbox import ledger
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.virtualbox.connection import Api
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.virtualbox.forms import SharedFolder
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.virtualbox.media import (
    Slot,
    size_of,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.virtualbox.nics import nics_of
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.virtualbox.words import (
    BOOT,
    BOOT_PLACES,
    CHIPSETS,
    ours,
    state_of,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import HypervisorError
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.ledger import Ledger
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import (
    Autostart,
    Cdrom,
    CloudInit,
    Disk,
    Guest,
    Options,
)

_NET = "/VirtualBox/GuestInfo/Net/*/V4/IP"


@dataclass(frozen=True)
class Around:
    """What a machine does not say itself.

    is_there: whether a file is there. pool: where data lies, by its path. owns: whether data is this guest's and nobody
    else's. seed: the digest of the guest's seed that a path is.
    """

    is_there: Callable[[str], bool]
    pool: Callable[[str], str | None]
    owns: Callable[[Slot, Ledger], bool]
    seed: Callable[[str, str], str | None]


def guest_of(api: Api, machine: Any, slots: Sequence[Slot], around: Around) -> Guest:
    """A guest, with all that is told of it."""
    name = machine.name
    noted = ledger.read(machine)
    data, drives, seeds = [], [], []
    for slot in slots:
        digest = around.seed(name, slot.path or "") if slot.type == "DVD" else None
        if digest is not None:
            seeds += [digest] if around.is_there(slot.path or "") else []
        elif slot.type == "HardDisk" and slot.path:
            data.append(slot)
        elif slot.type == "DVD":
            drives.append(slot)
    firmware = "bios" if api.word("FirmwareType", machine.firmwareSettings.firmwareType) == "BIOS" else "uefi"
    stored = Guest(
        name=name,
        description=str(machine.description or "").strip(),
        uuid=str(machine.id).lower(),
        vcpus=machine.CPUCount,
        memory_mib=machine.memorySize,
        firmware=firmware,
        secure_boot=firmware == "uefi" and secure_boot_of(api, machine),
        tpm=api.word("TpmType", machine.trustedPlatformModule.type) != "None",
        boot_order=_boot_order(api, machine),
        disks=tuple(_disk(api, slot, noted, around) for slot in data),
        cdroms=tuple(Cdrom(slot.path, slot.key) for slot in drives),
        nics=nics_of(api, machine),
        cloud_init=CloudInit(seeds[0]) if seeds else None,
        autostart=_autostart(machine),
        options=_options(api, machine),
        unfinished=noted.unfinished,
    )
    state = state_of(api.word("MachineState", machine.state))
    if state == "stopped":
        return replace(stored, state=state)
    # A machine has one definition: it runs with what is stored.
    return replace(stored, state=state, live=replace(stored, state=state))


def _disk(api: Api, slot: Slot, noted: Ledger, around: Around) -> Disk:
    path = slot.path or ""
    entry = noted.find(path)
    there = around.is_there(path) and around.is_there(slot.top or path)
    return Disk(
        name=entry.name if entry else slot.key,
        size_bytes=size_of(api, slot.medium) if there else None,
        pool=around.pool(path),
        format=slot.format,
        bus=slot.bus,
        path=path,
        owned=around.owns(slot, noted),
        options=(("hotplug", slot.hotplug),),
    )


def _boot_order(api: Api, machine: Any) -> tuple[str, ...]:
    found = (api.word("DeviceType", machine.getBootOrder(place)) for place in range(1, BOOT_PLACES + 1))
    return tuple(ours(BOOT, word) for word in found if word != "Null")


def secure_boot_of(api: Api, machine: Any) -> bool:
    """Whether the firmware only starts what is signed. Without a store of variables it starts anything.

    Outside of a session VirtualBox goes on to tell what it has read first, also when it was changed since.
    """
    with suppress(api.errors, HypervisorError), api.session(machine) as session:
        return bool(session.machine.nonVolatileStore.uefiVariableStore.secureBootEnabled)
    return False


def _autostart(machine: Any) -> Autostart:
    if not machine.autostartEnabled:
        return Autostart(False)
    return Autostart(True, None, machine.autostartDelay or None)


def _options(api: Api, machine: Any) -> Options:
    found: Mapping[str, Any] = {
        "ostype": machine.OSTypeId,
        "groups": tuple(sorted(group for group in api.list_of(machine, "groups") if group != "/")),
        "chipset": ours(CHIPSETS, api.word("ChipsetType", machine.platform.chipsetType)),
        "serial": serial_of(api, machine),
        "shared_folders": tuple(
            sorted(
                SharedFolder(one.name, one.hostPath, bool(one.writable), bool(one.autoMount))
                for one in api.list_of(machine, "sharedFolders")
            )
        ),
    }
    return tuple(sorted(found.items()))


def serial_of(api: Api, machine: Any) -> str:
    """Where the first serial port leads to: none, file:PATH, pipe:PATH, tcp:PORT or device:PATH."""
    port = machine.getSerialPort(0)
    kind = api.word("PortMode", port.hostMode)
    words = {"RawFile": "file", "HostPipe": "pipe", "HostDevice": "device", "TCP": "tcp"}
    return f"{words[kind]}:{port.path}" if port.enabled and kind in words else "none"


def addresses_of(api: Api, machine: Any) -> tuple[str, ...]:
    """The addresses that the guest itself tells, by its Guest Additions."""
    with suppress(api.errors):
        _names, values, _times, _flags = machine.enumerateGuestProperties(_NET)
        return tuple(dict.fromkeys(value for value in values if value))
    return ()
