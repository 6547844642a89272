# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes of a machine's settings, each on a machine that can be changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.virtualbox import nics
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.virtualbox.connection import Api
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.virtualbox.forms import SharedFolder
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.virtualbox.media import (
    Slot,
    controller_for,
    free_slot,
    open_disk,
    open_dvd,
    slots_of,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.virtualbox.words import (
    BOOT,
    BOOT_PLACES,
    CHIPSETS,
    DEFAULT_BUS,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.change import Change
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import HypervisorError
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Autostart, Disk, Nic

Edit = Callable[[Api, Any, Change], None]


def put_vcpus(machine: Any, number: int) -> None:
    """Set the number of processors; more than one need an I/O APIC."""
    machine.CPUCount = number
    if number > 1:
        machine.firmwareSettings.IOAPICEnabled = True


def put_boot_order(api: Api, machine: Any, order: tuple[str, ...]) -> None:
    """Set what the firmware tries, and nothing after it."""
    words = [BOOT[name] for name in order] + ["Null"] * BOOT_PLACES
    for place, word in enumerate(words[:BOOT_PLACES], 1):
        machine.setBootOrder(place, api.number("DeviceType", word))


def put_autostart(machine: Any, wanted: Autostart) -> None:
    """Have the machine started with its host, or not."""
    if machine.autostartEnabled != wanted.enabled:
        machine.autostartEnabled = wanted.enabled
    machine.autostartDelay = wanted.delay_s or 0


def put_secure_boot(api: Api, machine: Any, wanted: bool) -> None:
    """Have the firmware start only what is signed. A machine without a store of variables gets one, with the keys."""
    store = machine.nonVolatileStore
    try:
        variables = store.uefiVariableStore
    except api.errors:
        if not wanted:
            return
        store.initUefiVariableStore(0)
        variables = store.uefiVariableStore
    if wanted and not variables.secureBootEnabled:
        variables.enrollDefaultMsSignatures()
        variables.enrollOraclePlatformKey()
    variables.secureBootEnabled = wanted


def put_serial(api: Api, machine: Any, value: str) -> None:
    """Lead the first serial port somewhere."""
    kind, _colon, path = value.partition(":")
    words = {"file": "RawFile", "pipe": "HostPipe", "device": "HostDevice", "tcp": "TCP", "none": "Disconnected"}
    port = machine.getSerialPort(0)
    if path:
        port.path = path
        port.server = kind in ("tcp", "pipe")
    port.hostMode = api.number("PortMode", words[kind])
    port.enabled = kind != "none"


def put_folders(api: Api, machine: Any, wanted: tuple[SharedFolder, ...]) -> None:
    """Share these folders and no others."""
    there = {
        one.name: SharedFolder(one.name, one.hostPath, bool(one.writable), bool(one.autoMount))
        for one in api.list_of(machine, "sharedFolders")
    }
    for name, folder in there.items():
        if folder not in wanted:
            machine.removeSharedFolder(name)
    for folder in wanted:
        if there.get(folder.name) != folder:
            machine.createSharedFolder(folder.name, folder.path, folder.writable, folder.automount, "")


def attach_disk(api: Api, machine: Any, disk: Disk, running: bool = False) -> None:
    """Attach a disk's data, unless it is."""
    path = disk.path or ""
    if any(slot.path == path for slot in slots_of(api, machine)):
        return
    bus = disk.bus or DEFAULT_BUS
    controller = controller_for(api, machine, bus)
    port, device = free_slot(api, machine, controller, running)
    medium = open_disk(api, path)
    machine.attachDevice(controller.name, port, device, api.number("DeviceType", "HardDisk"), medium)
    hotplug = disk.option("hotplug")
    if bus == DEFAULT_BUS and not running:
        machine.setHotPluggableForDevice(controller.name, port, device, hotplug is not False)


def attach_drive(api: Api, machine: Any, source: str | None) -> None:
    """Add a cdrom drive, with a medium or empty."""
    controller = controller_for(api, machine, DEFAULT_BUS)
    port, device = free_slot(api, machine, controller)
    kind = api.number("DeviceType", "DVD")
    if source:
        machine.attachDevice(controller.name, port, device, kind, open_dvd(api, source))
    else:
        machine.attachDeviceWithoutMedium(controller.name, port, device, kind)


def keep_traits(machine: Any, before: Slot, after: Slot) -> None:
    """Have a disk that is in another slot now seem to its guest what it seemed before."""
    if before.solid:
        machine.nonRotationalDevice(after.controller, after.port, after.device, True)
    if before.discards:
        machine.setAutoDiscardForDevice(after.controller, after.port, after.device, True)


def detach(machine: Any, slot: Slot) -> None:
    """Take out what is in a slot."""
    machine.detachDevice(slot.controller, slot.port, slot.device)


def _description(_api: Api, machine: Any, change: Change) -> None:
    machine.description = change.after


def _vcpus(_api: Api, machine: Any, change: Change) -> None:
    put_vcpus(machine, change.after)


def _memory(_api: Api, machine: Any, change: Change) -> None:
    machine.memorySize = change.after


def put_firmware(api: Api, machine: Any, word: str) -> None:
    """Have the machine boot by its BIOS or by UEFI."""
    machine.firmwareSettings.firmwareType = api.number("FirmwareType", "BIOS" if word == "bios" else "EFI")


def _firmware(api: Api, machine: Any, change: Change) -> None:
    put_firmware(api, machine, change.after)


def _secure_boot(api: Api, machine: Any, change: Change) -> None:
    put_secure_boot(api, machine, change.after)


def put_tpm(api: Api, machine: Any, wanted: bool) -> None:
    """Give the machine a TPM 2.0, or none."""
    machine.trustedPlatformModule.type = api.number("TpmType", "v2_0" if wanted else "None")


def _tpm(api: Api, machine: Any, change: Change) -> None:
    put_tpm(api, machine, change.after)


def _boot_order(api: Api, machine: Any, change: Change) -> None:
    put_boot_order(api, machine, change.after)


def _autostart(_api: Api, machine: Any, change: Change) -> None:
    put_autostart(machine, change.after)


def _ostype(_api: Api, machine: Any, change: Change) -> None:
    machine.OSTypeId = change.after


def _groups(api: Api, machine: Any, change: Change) -> None:
    api.put_list(machine, "groups", list(change.after) or ["/"])


def _chipset(api: Api, machine: Any, change: Change) -> None:
    machine.platform.chipsetType = api.number("ChipsetType", CHIPSETS[change.after])


def _serial(api: Api, machine: Any, change: Change) -> None:
    put_serial(api, machine, change.after)


def _extradata(_api: Api, machine: Any, change: Change) -> None:
    machine.setExtraData(change.key, change.after)


def _shared_folders(api: Api, machine: Any, change: Change) -> None:
    put_folders(api, machine, change.after)


def _add_drive(api: Api, machine: Any, change: Change) -> None:
    attach_drive(api, machine, change.after.source)


def _remove_drive(api: Api, machine: Any, change: Change) -> None:
    for slot in slots_of(api, machine):
        if slot.type == "DVD" and slot.key == change.before.drive:
            detach(machine, slot)


def _medium(api: Api, machine: Any, change: Change) -> None:
    for slot in slots_of(api, machine):
        if slot.type == "DVD" and slot.key == change.key:
            # The guest may have locked the drive: an administrator's word counts more.
            if change.after:
                machine.mountMedium(slot.controller, slot.port, slot.device, open_dvd(api, change.after), change.hot)
            else:
                machine.unmountMedium(slot.controller, slot.port, slot.device, change.hot)


def _add_nic(api: Api, machine: Any, change: Change) -> None:
    if not change.after.mac or nics.find(api, machine, change.after.mac) is None:
        nics.add(api, machine, change.after)


def _remove_nic(api: Api, machine: Any, change: Change) -> None:
    adapter = nics.find(api, machine, change.before.mac or "")
    if adapter is not None:
        adapter.enabled = False


def _of_card(api: Api, machine: Any, change: Change) -> Any:
    adapter = nics.find(api, machine, change.key)
    if adapter is None:
        raise HypervisorError(f"nics: the card {change.key} is not there any more")
    return adapter


def _nic_source(api: Api, machine: Any, change: Change) -> None:
    nics.plug(api, _of_card(api, machine, change), Nic(network=change.after[0], bridge=change.after[1]))


def _nic_model(api: Api, machine: Any, change: Change) -> None:
    nics.put_model(api, _of_card(api, machine, change), change.after)


def _nic_link(api: Api, machine: Any, change: Change) -> None:
    _of_card(api, machine, change).cableConnected = change.after == "up"


def _nic_forwards(api: Api, machine: Any, change: Change) -> None:
    nics.put_forwards(api, _of_card(api, machine, change), change.after)


EDITS: dict[tuple[str, str], Edit] = {
    ("set", "description"): _description,
    ("set", "vcpus"): _vcpus,
    ("set", "memory_mib"): _memory,
    ("set", "firmware"): _firmware,
    ("set", "secure_boot"): _secure_boot,
    ("set", "tpm"): _tpm,
    ("set", "boot_order"): _boot_order,
    ("set", "autostart"): _autostart,
    ("set", "ostype"): _ostype,
    ("set", "groups"): _groups,
    ("set", "chipset"): _chipset,
    ("set", "serial"): _serial,
    ("set", "extradata"): _extradata,
    ("set", "shared_folders"): _shared_folders,
    ("add", "cdroms"): _add_drive,
    ("remove", "cdroms"): _remove_drive,
    ("set", "cdroms.source"): _medium,
    ("add", "nics"): _add_nic,
    ("remove", "nics"): _remove_nic,
    ("set", "nics.source"): _nic_source,
    ("set", "nics.model"): _nic_model,
    ("set", "nics.link"): _nic_link,
    ("set", "nics.forwards"): _nic_forwards,
}
