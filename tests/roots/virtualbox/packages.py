# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A guest as a package that VirtualBox takes, and VirtualBox's own command beside it."""

from __future__ import annotations

import subprocess
from pathlib import Path

from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.appliance import (
    Appliance,
    ApplianceDisk,
    ApplianceNic,
    System,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.module_host import ModuleHost
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.ova_write import write_ova
from ansible_collections.hostforge.hypervisor.tests.roots.virtualbox import host

# The binary itself: its wrapper clears the sockets of others away.
MANAGE = "/usr/lib/virtualbox/VBoxManage"
MIB = 1024**2
ONE, TWO = "box1-disk1.vmdk", "box1-disk2.vmdk"
GUEST = Appliance(
    name="box1",
    description='front end <of> the\n"shop" & more',
    vcpus=2,
    memory_mib=640,
    firmware="bios",
    system=System(96, None, "Debian_64"),
    disks=(
        ApplianceDisk("root", 24 * MIB, "vmdk", ONE, None, "sata", 0, 0),
        ApplianceDisk("data", 8 * MIB, "vmdk", TWO, None, "sata", 0, 1),
    ),
    nics=(ApplianceNic("NAT", "02:00:00:00:00:01", "e1000", "up"), ApplianceNic("Internal", None, "virtio", "up")),
)


def manage(*arguments: str) -> str:
    done = subprocess.run([MANAGE, *arguments], check=False, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, (done.stdout, done.stderr)
    return done.stdout


def written(guest: Appliance) -> str:
    """A package of a guest, with disks that hold something."""
    sources = {}
    for disk in guest.disks:
        raw, path = f"{host.ELSEWHERE}/{disk.name}.raw", f"{host.ELSEWHERE}/{disk.file}"
        Path(raw).write_bytes(disk.name.encode() * 1000 + bytes(disk.capacity_bytes - 4000))
        Path(path).unlink(missing_ok=True)
        # By VirtualBox: it takes what qemu-img writes as a stream for damaged, one time in three.
        manage("convertfromraw", raw, path, "--format", "VMDK", "--variant", "Stream")
        sources[disk.file or ""] = path
    ova = f"{host.ELSEWHERE}/{guest.name}.ova"
    write_ova(ModuleHost(), ova, guest, sources)
    return ova
