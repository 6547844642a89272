# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An appliance from a guest: the reverse of fill. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.appliance import (
    CONTROLLERS,
    MODELS,
    Appliance,
    ApplianceDisk,
    ApplianceNic,
    System,
    disk_file,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import PlanError
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.report import describe_field
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.shape import quote
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Disk, Guest, Nic
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.traits import FromPackages

KIND = "vmdk"
IDE_PLACES = 2  # on one controller


def appliance_of(guest: Guest, words: FromPackages, system: System | None = None) -> Appliance:
    """What a package says of a guest. PlanError for what no package can say.

    A network that packages have no word for is called what it is here, and so is a bridge. Media are not in packages,
    and neither is the drive of cloud-init, in which secrets are.
    """
    return Appliance(
        name=guest.name,
        description=guest.description or None,
        vcpus=guest.vcpus,
        memory_mib=guest.memory_mib,
        firmware=guest.firmware,
        secure_boot=guest.secure_boot if guest.firmware == "uefi" else None,
        tpm=guest.tpm or None,
        system=system,
        disks=tuple(_disks(guest, words)),
        cdroms=len(guest.cdroms or ()),
        nics=tuple(_nic(nic, words) for nic in guest.nics or ()),
    )


def _disks(guest: Guest, words: FromPackages) -> Iterator[ApplianceDisk]:
    count: Counter[str] = Counter()
    for number, disk in enumerate(guest.disks or (), 1):
        bus = _bus(disk, words)
        unit, place = divmod(count[bus], IDE_PLACES) if bus == "ide" else (0, count[bus])
        count[bus] += 1
        if disk.size_bytes is None:
            raise PlanError(f"disk {disk.name}: its data is not where it should be ({disk.path})")
        file = disk_file(guest.name, number, KIND)
        yield ApplianceDisk(disk.name, disk.size_bytes, KIND, file, None, bus, unit, place)


def _bus(disk: Disk, words: FromPackages) -> str:
    bus = _back(words.buses, disk.bus)
    if bus not in CONTROLLERS:
        raise PlanError(
            f"disk {disk.name}: in packages the buses {', '.join(CONTROLLERS)} are allowed{quote(disk.bus)}"
        )
    return bus


def _nic(nic: Nic, words: FromPackages) -> ApplianceNic:
    model = _back(words.models, nic.model)
    network = _back(words.networks, nic.network) or nic.bridge
    return ApplianceNic(network, nic.mac, model if model in MODELS else None, nic.link)


def _back(words: Mapping[str, str], here: str | None) -> str | None:
    """The word of packages for one of ours, the same where the table has none."""
    return next((theirs for theirs, ours in words.items() if ours == here), here)


def told(appliance: Appliance) -> dict[str, Any]:
    """An appliance as plain data, for results and diffs."""
    names = ("description", "vcpus", "memory_mib", "firmware", "secure_boot", "tpm", "cdroms")
    values = {name.replace("_mib", ""): describe_field(name, getattr(appliance, name)) for name in names}
    disks = [
        {"name": one.name, "size": describe_field("size_bytes", one.capacity_bytes), "bus": one.bus}
        for one in appliance.disks
    ]
    nics = [{"network": one.network, "mac": one.mac, "model": one.model, "link": one.link} for one in appliance.nics]
    values["system"] = appliance.system and appliance.system.description
    return {name: value for name, value in {**values, "disks": disks, "nics": nics}.items() if value}
