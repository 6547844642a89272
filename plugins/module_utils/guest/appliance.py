# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Appliance: a guest as an OVF package tells it, and the words of OVF for what is in it.

Source: DMTF DSP0243 (OVF 1.1 and 2.0), and for the subtypes of devices, which DMTF leaves open, what is written by the
tools whose files are met in the field.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

# The formats of disks by what their URIs hold; DMTF keeps no list of those.
FORMATS = (
    ("vmdk", re.compile(r"\bvmdk\b", re.I)),
    ("vhd", re.compile(r"\bLinkId=137171\b|\bvhd\b", re.I)),
    ("vdi", re.compile(r"\bvdi\b", re.I)),
    ("qcow2", re.compile(r"\bqcow", re.I)),
)
URIS = {
    "vmdk": "http://www.vmware.com/interfaces/specifications/vmdk.html#streamOptimized",
    "vhd": "http://go.microsoft.com/fwlink/?LinkId=137171",
    # No vendor has named these two; the last word tells.
    "vdi": "urn:disk-format:vdi",
    "qcow2": "http://www.gnome.org/~markmc/qcow-image-format.html",
}


@dataclass(frozen=True)
class Controller:
    """What the controllers of a bus are in OVF: resource type and subtypes, the first of which is written."""

    kind: int
    subtypes: tuple[str, ...]


IDE, SCSI, STORAGE = 5, 6, 20
CONTROLLERS = {
    "ide": Controller(IDE, ("",)),
    "scsi": Controller(SCSI, ("lsilogic", "")),
    "buslogic": Controller(SCSI, ("buslogic",)),
    "sas": Controller(SCSI, ("lsilogicsas",)),
    "pvscsi": Controller(SCSI, ("VirtualSCSI",)),
    "sata": Controller(STORAGE, ("vmware.sata.ahci", "ahci")),
    "virtio": Controller(STORAGE, ("VirtioSCSI", "virtio-scsi")),
    "nvme": Controller(STORAGE, ("vmware.nvme.controller", "nvme")),
}
# Network cards, likewise; the first word is written.
MODELS = {
    "e1000": ("E1000",),
    "e1000e": ("E1000e",),
    "pcnet32": ("PCNet32",),
    "vmxnet3": ("VmxNet3",),
    "virtio": ("VirtioNet", "virtio-net"),
}


@dataclass(frozen=True)
class ApplianceDisk:
    """One disk. name: its ID in the package. file: its file in the package, None for an empty disk.

    format: of the file, a key of URIs, None when the reader does not know it. bus: a key of CONTROLLERS, None where it
    is on no controller that the reader knows. unit: the number of the controller among those of its bus; position: the
    disk's place there.
    """

    name: str
    capacity_bytes: int
    format: str | None = "vmdk"
    file: str | None = None
    file_bytes: int | None = None
    bus: str | None = None
    unit: int = 0
    position: int = 0


@dataclass(frozen=True)
class ApplianceNic:
    """One network card. network: a name that means something to whoever made the package. model: a key of MODELS.

    link: up | down, whether it is plugged in when the guest starts.
    """

    network: str | None = None
    mac: str | None = None
    model: str | None = None
    link: str | None = None


@dataclass(frozen=True)
class System:
    """The operating system. number: of CIM_OperatingSystem.OsType; description and kind: as their writer calls it."""

    number: int
    version: str | None = None
    description: str | None = None
    kind: str | None = None


@dataclass(frozen=True)
class Appliance:
    """One guest of a package; None is what the package does not say.

    cdroms: how many drives it has; media are not in it. files: the names of all that the descriptor refers to.
    unread: what the package says and the reader does not understand or does not take, each for a message.
    """

    name: str
    description: str | None = None
    vcpus: int | None = None
    memory_mib: int | None = None
    firmware: str | None = None
    secure_boot: bool | None = None
    tpm: bool | None = None
    system: System | None = None
    disks: tuple[ApplianceDisk, ...] = ()
    cdroms: int = 0
    nics: tuple[ApplianceNic, ...] = ()
    files: tuple[str, ...] = field(default=(), compare=False)
    unread: tuple[str, ...] = field(default=(), compare=False)


def disk_file(guest: str, number: int, kind: str) -> str:
    """How a guest's disk is called in a package, by its number from 1 on: the same each time."""
    return f"{guest}-disk{number}.{kind}"
