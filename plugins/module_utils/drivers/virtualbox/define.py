# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A new machine: registered with its uuid, then made what the wish says, without its disks."""

from __future__ import annotations

import os
from typing import Any

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.virtualbox import edit, ledger, nics
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.virtualbox.connection import Api
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.virtualbox.media import controller_for
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.virtualbox.words import CHIPSETS, DEFAULT_BUS
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import HypervisorError
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.host import Host
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.ledger import Ledger
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Guest

DEFAULT_OSTYPE = "Linux_64"
VRAM_MIB = 16


def settings_path(api: Api, want: Guest) -> str:
    """Where the settings file of a new machine belongs."""
    groups = want.option("groups") or ()
    return str(api.box.composeMachineFilename(want.name, groups[0] if groups else "/", "", ""))


def is_ours(host: Host, path: str) -> bool:
    """Whether a settings file that no machine is registered by is what a killed run has left."""
    return f'"{ledger.KEY}"'.encode() in host.read_file(path)


def register(api: Api, host: Host, want: Guest, noted: Ledger) -> Any:
    """Register a new machine, with what is to be made for it noted. What a killed run left in its place goes."""
    path = settings_path(api, want)
    flags = [f"UUID={want.uuid}"] if want.uuid else []
    if host.info(path) is not None:
        if not is_ours(host, path):
            raise HypervisorError(f"{path} came into being meanwhile; nothing was replaced")
        flags.append("forceOverwrite=1")
    machine = api.box.createMachine(
        "",
        want.name,
        api.number("PlatformArchitecture", "x86"),
        list(want.option("groups") or []),
        want.option("ostype") or DEFAULT_OSTYPE,
        ",".join(flags),
        "",
        "",
        "",
    )
    machine.setExtraData(ledger.KEY, "{}")
    ledger.write(machine, noted)
    _usual(api, machine)
    # What nobody wrote a later run would leave as it is: so it is there from the start.
    machine.memorySize = want.memory_mib
    host.make_dir(os.path.dirname(path))
    api.box.registerMachine(machine)
    return machine


def furnish(api: Api, machine: Any, want: Guest) -> None:
    """Make a new machine that can be changed what the wish says, but for its memory, its disks and its seed."""
    edit.put_vcpus(machine, want.vcpus or 1)
    machine.description = want.description or ""
    if want.option("chipset"):
        machine.platform.chipsetType = api.number("ChipsetType", CHIPSETS[want.option("chipset")])
    edit.put_firmware(api, machine, want.firmware or "bios")
    if want.tpm is not None:
        edit.put_tpm(api, machine, want.tpm)
    if want.secure_boot:
        edit.put_secure_boot(api, machine, True)
    if want.boot_order:
        edit.put_boot_order(api, machine, want.boot_order)
    for drive in want.cdroms or ():
        edit.attach_drive(api, machine, drive.source)
    for card in want.nics or ():
        nics.add(api, machine, card)
    _own(api, machine, want)


def _usual(api: Api, machine: Any) -> None:
    """What a server has: no sound, no card that nobody wished for, and a controller that disks can be added to."""
    machine.audioSettings.adapter.enabled = False
    for adapter in nics.adapters(api, machine):
        if adapter.enabled:
            adapter.enabled = False
    machine.graphicsAdapter.graphicsControllerType = api.number("GraphicsControllerType", "VMSVGA")
    machine.graphicsAdapter.VRAMSize = VRAM_MIB
    controller_for(api, machine, DEFAULT_BUS)


def _own(api: Api, machine: Any, want: Guest) -> None:
    if want.option("serial") is not None:
        edit.put_serial(api, machine, want.option("serial"))
    for key, value in want.option("extradata") or ():
        machine.setExtraData(key, value)
    edit.put_folders(api, machine, want.option("shared_folders") or ())
    if want.autostart is not None:
        edit.put_autostart(machine, want.autostart)
