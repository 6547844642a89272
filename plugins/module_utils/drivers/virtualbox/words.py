# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""VirtualBox's words, and ours for them: controllers, network cards, devices, the states of a machine. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Controller:
    """How a controller is made: its name, the bus and the type in VirtualBox's words."""

    name: str
    bus: str
    type: str


# What a disk's bus is. New disks are on sata, which every system boots from, and where disks can come and go.
DEFAULT_BUS = "sata"
CONTROLLERS = {
    "sata": Controller("SATA", "SATA", "IntelAhci"),
    "virtio": Controller("VirtIO", "VirtioSCSI", "VirtioSCSI"),
    "scsi": Controller("SCSI", "SCSI", "LsiLogic"),
    "nvme": Controller("NVMe", "PCIe", "NVMe"),
}
# As it is told of a controller that is there; what is not in CONTROLLERS others have made.
BUSES = {
    "SATA": "sata",
    "VirtioSCSI": "virtio",
    "SCSI": "scsi",
    "PCIe": "nvme",
    "IDE": "ide",
    "SAS": "sas",
    "USB": "usb",
    "Floppy": "floppy",
}
MODELS = {
    "virtio": "Virtio",
    "e1000": "I82540EM",
    "82543gc": "I82543GC",
    "82545em": "I82545EM",
    "pcnet-pci": "Am79C970A",
    "pcnet-fast3": "Am79C973",
}
DEFAULT_MODEL = "virtio"
BOOT = {"disk": "HardDisk", "cdrom": "DVD", "network": "Network", "floppy": "Floppy"}
BOOT_PLACES = 4
CHIPSETS = {"piix3": "PIIX3", "ich9": "ICH9"}

PAUSED = ("Paused", "TeleportingPausedVM", "DeletingSnapshotPaused")
OFF = ("PoweredOff", "Saved", "Teleported", "Aborted", "AbortedSaved")
SAVED = ("Saved", "AbortedSaved")
# It is off, and something is being done to it.
BUSY_OFF = ("RestoringSnapshot", "DeletingSnapshot", "SettingUp", "Snapshotting")


def state_of(word: str) -> str:
    """running | paused | stopped, of a machine's state. What is on its way is running."""
    if word in PAUSED:
        return "paused"
    return "stopped" if word in (*OFF, *BUSY_OFF) else "running"


def ours(table: dict[str, str], theirs: str) -> str:
    """Our word for one of VirtualBox's; its own in small letters where we have none."""
    return next((word for word, other in table.items() if other == theirs), theirs.lower())
