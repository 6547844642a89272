# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A guest as a package, with disks that qemu-img makes."""

from __future__ import annotations

import os
from pathlib import Path

from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.appliance import (
    Appliance,
    ApplianceDisk,
    ApplianceNic,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.module_host import ModuleHost
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.ova_write import write_ova
from ansible_collections.hostforge.hypervisor.tests.integration.private import run

MIB = 1024**2
DISKS = (
    ApplianceDisk("root", 4 * MIB, "vmdk", "web-disk1.vmdk", None, "sata", 0, 0),
    ApplianceDisk("logs", 2 * MIB, "vhd", "web-disk2.vhd", None, "virtio", 0, 0),
)
WEB = Appliance(
    "web", "from afar", 2, 96, "bios", disks=DISKS, cdroms=1, nics=(ApplianceNic("default", None, "e1000", "up"),)
)
OPTIONS = {"vmdk": ("vmdk", "subformat=streamOptimized"), "vhd": ("vpc", "force_size=on")}


def write_package(path: str) -> str:
    """Write the package to path, with a disk full of Z."""
    data = {}
    for disk in DISKS:
        raw, data[disk.file or ""] = f"{path}.raw", f"{path}.{disk.file}"
        Path(raw).write_bytes(b"Z" * disk.capacity_bytes)
        kind, option = OPTIONS[disk.format or ""]
        run("qemu-img", "convert", "-f", "raw", "-O", kind, "-o", option, raw, data[disk.file or ""])
        os.unlink(raw)
    write_ova(ModuleHost(), path, WEB, data)
    for file in data.values():
        os.unlink(file)
    return path
