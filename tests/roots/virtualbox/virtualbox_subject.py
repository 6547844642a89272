# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The VirtualBox driver on the real VirtualBox as a subject of the contract. No guest is ever started in it."""

from __future__ import annotations

import hashlib
import os
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.virtualbox.connection import connect
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.virtualbox.driver import VirtualBoxDriver
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.virtualbox.traits import TRAITS
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.module_host import ModuleHost
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Autostart
from ansible_collections.hostforge.hypervisor.tests.contract.subject import FOREIGN, UNKNOWN, Subject
from ansible_collections.hostforge.hypervisor.tests.contract.wishes import Place, base_wish, standard_edits
from ansible_collections.hostforge.hypervisor.tests.roots.virtualbox import host
from ansible_collections.hostforge.hypervisor.tests.unit.virtualbox.terms import UNSETTABLE, in_terms, options

PLACE = Place(
    networks=host.NETWORKS,
    media=host.MEDIA,
    bridge=host.BRIDGE,
    pools=("default", "fast"),
    image=host.IMAGE,
    given=host.GIVEN,
    format="vdi",
    buses=("sata", "virtio"),
    options=options(host.ELSEWHERE),
    disk_options={"hotplug": (True, False)},
)
_NS = {"v": "http://www.virtualbox.org/"}
_BOOT = {"HardDisk": "disk", "DVD": "cdrom", "Network": "network"}


class VirtualBoxSubject(Subject):
    """VirtualBox of the test session."""

    traits = TRAITS
    features = frozenset({UNKNOWN, FOREIGN})
    base = base_wish(PLACE, TRAITS)
    edits = in_terms(standard_edits(PLACE, TRAITS))
    unsettable: ClassVar[Mapping[str, str]] = UNSETTABLE
    image = host.IMAGE
    given = host.GIVEN

    def make_driver(self) -> VirtualBoxDriver:
        return VirtualBoxDriver(ModuleHost(), host.FOLDERS)

    def dump(self) -> Mapping[str, object]:
        found: dict[str, object] = {}
        for folder in (host.DISKS, host.ELSEWHERE, host.MACHINES, host.FOLDERS["seed_dir"], host.AUTOSTART):
            for path in sorted(Path(folder).rglob("*")):
                if path.suffix == ".vbox":
                    found[f"guest {path.stem}"] = path.read_text()
                elif path.is_file() and not path.name.endswith(".vbox-prev"):
                    found[f"file {path}"] = hashlib.sha256(_data(path)).hexdigest()
        return {**found, "registry": Path(connect().box.settingsFilePath).read_text()}

    def has_file(self, path: str) -> bool:
        return os.path.exists(path)

    def facts(self, name: str, running: bool = False) -> Mapping[str, object]:
        root = ET.fromstring(self._settings(name).read_text())
        machine = root.find("v:Machine", _NS)
        assert machine is not None
        found: dict[str, Any] = {
            "description": machine.findtext("v:Description", "", _NS).strip(),
            "uuid": machine.get("uuid", "").strip("{}"),
            "ostype": machine.get("OSType"),
            "vcpus": int(_attribute(machine, "v:Hardware/v:CPU", "count", "1")),
            "memory_mib": int(_attribute(machine, "v:Hardware/v:Memory", "RAMSize", "128")),
            "tpm": _attribute(machine, "v:Hardware/v:TrustedPlatformModule", "type", "None") != "None",
            "firmware": "uefi" if "EFI" in _attribute(machine, "v:Hardware/v:Firmware", "type", "BIOS") else "bios",
            "groups": tuple(one.get("name") for one in machine.findall("v:Groups/v:Group", _NS)),
        }
        order = machine.findall("v:Hardware/v:Boot/v:Order", _NS)
        if order:
            names = (_BOOT.get(one.get("device", "")) for one in order)
            found["boot_order"] = tuple(name for name in names if name)
        starts = machine.find("v:Autostart", _NS)
        found["autostart"] = Autostart(False)
        if starts is not None and starts.get("enabled") == "true":
            found["autostart"] = Autostart(True, None, int(starts.get("delay", 0)) or None)
        disks = {one.get("uuid"): one.get("location", "") for one in machine.iterfind(".//v:HardDisks/v:HardDisk", _NS)}
        paths = [path for path in disks.values() if path.startswith(host.DISKS)]
        return {**found, "disks": {path.split(".")[-2]: host.capacity(path) for path in paths}}

    def _settings(self, name: str) -> Path:
        (path,) = Path(host.MACHINES).rglob(f"{name}.vbox")
        return path

    def add_unknown(self, name: str) -> None:
        api = connect()
        with api.edited(api.find(name)) as machine:
            machine.setExtraData("VBoxInternal/odd", "<1> 'and' \"2\"")
            machine.graphicsAdapter.VRAMSize = 77
            for one in api.list_of(machine, "mediumAttachments"):
                if one.type == api.number("DeviceType", "HardDisk"):
                    machine.nonRotationalDevice(one.controller, one.port, one.device, True)
            for slot in range(8):
                machine.getNetworkAdapter(slot).bootPriority = 3

    def unknown(self, name: str) -> Mapping[str, object]:
        api = connect()
        machine = api.find(name)
        whole = machine.getExtraData("VBoxInternal/odd") and machine.graphicsAdapter.VRAMSize == 77
        found: dict[str, object] = {"": whole or None}
        for one in api.list_of(machine, "mediumAttachments"):
            if one.type == api.number("DeviceType", "HardDisk"):
                found[one.medium.location] = bool(one.nonRotational) or None
        for slot in range(8):
            adapter = machine.getNetworkAdapter(slot)
            if adapter.enabled:
                found[adapter.MACAddress] = adapter.bootPriority
        return found

    def add_foreign_guest(self, name: str) -> None:
        host.register(name)
        host.attach(name, host.make_disk(f"{host.ELSEWHERE}/{name}.vmdk", "vmdk", 48 * host.MIB), "IDE Controller", 0)

    def attach_foreign_disk(self, name: str) -> tuple[str, str]:
        path = host.make_disk(f"{host.DISKS}/theirs.vdi", "vdi", 24 * host.MIB)
        host.attach(name, path, "SATA", 7)
        return "SATA-7-0", path

    def share_disk(self, path: str) -> None:
        host.register("sharer")
        host.attach("sharer", path, "IDE Controller", 0)

    def lose_file(self, path: str) -> None:
        os.unlink(path)


def _data(path: Path) -> bytes:
    """A file's content. When VirtualBox first opens a disk that qemu-img has made, it mends its head.

    That has another length for it, another geometry and a mark of its own: nothing of the data.
    """
    content = path.read_bytes()
    if path.suffix != ".vdi":
        return content
    return content[:72] + content[76:348] + content[364:392] + content[472:]


def _attribute(machine: ET.Element, path: str, name: str, default: str) -> str:
    found = machine.find(path, _NS)
    return default if found is None else found.get(name, default)
