# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""OVF packages and VirtualBox's own importer and exporter: each reads what the other writes."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.virtualbox.connection import connect
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.module_host import ModuleHost
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.package import extract, open_package, verify
from ansible_collections.hostforge.hypervisor.tests.roots.virtualbox import host
from ansible_collections.hostforge.hypervisor.tests.roots.virtualbox.packages import (
    GUEST,
    MIB,
    ONE,
    TWO,
    manage,
    written,
)
from ansible_collections.hostforge.hypervisor.tests.roots.virtualbox.virtualbox_subject import VirtualBoxSubject

BUSES = {"sata": "SATA", "scsi": "LsiLogic", "ide": "IDE", "virtio": "VirtioSCSI", "nvme": "NVMe"}


@pytest.mark.parametrize("bus", BUSES)
def test_what_we_write_virtualbox_imports(subject: VirtualBoxSubject, bus: str) -> None:
    # Of the last two, VirtualBox's importer makes controllers for one disk alone.
    disks = GUEST.disks[: 1 if bus in ("virtio", "nvme") else 2]
    ova = written(replace(GUEST, disks=tuple(replace(disk, bus=bus) for disk in disks)))
    said = manage("import", "-n", ova)
    assert 'Suggested OS type: "Debian_64"' in said
    assert "Number of CPUs: 2" in said
    assert "Guest memory: 640 MB" in said
    manage("import", ova, "--vsys", "0", "--vmname", "box1")
    machine = connect().find("box1")
    assert (machine.CPUCount, machine.memorySize, machine.description) == (2, 640, GUEST.description)
    shown = manage("showvminfo", "box1", "--machinereadable")
    assert shown.count(f'{ONE}"') + shown.count(f'{TWO}"') == len(disks)
    assert 'nic1="nat"' in shown
    assert 'nic2="intnet"' in shown
    assert 'nictype2="virtio"' in shown


@pytest.mark.parametrize("version", ["ovf10", "ovf20"])
@pytest.mark.parametrize("algorithm", ["--manifest", "--options=manifest,nomacs"])
def test_what_virtualbox_exports_we_read(subject: VirtualBoxSubject, version: str, algorithm: str) -> None:
    manage("import", written(GUEST), "--vsys", "0", "--vmname", "box1")
    ova = f"{host.ELSEWHERE}/exported.ova"
    manage("export", "box1", "--output", ova, f"--{version}", algorithm)
    package = open_package(ModuleHost(), ova)
    verify(ModuleHost(), package)
    found = package.appliance
    assert (found.name, found.description, found.vcpus, found.memory_mib) == ("box1", GUEST.description, 2, 640)
    assert [(disk.capacity_bytes, disk.format, disk.bus, disk.position) for disk in found.disks] == [
        (24 * MIB, "vmdk", "sata", 0),
        (8 * MIB, "vmdk", "sata", 1),
    ]
    assert [nic.network for nic in found.nics] == ["NAT", "Internal"]
    assert len(package.digests) == 3
    for disk, begin in zip(found.disks, (b"root", b"data"), strict=True):
        extract(ModuleHost(), package, disk.file or "", f"{host.ELSEWHERE}/x.vmdk")
        subprocess.run(
            ["qemu-img", "convert", "-O", "raw", f"{host.ELSEWHERE}/x.vmdk", f"{host.ELSEWHERE}/x"], check=True
        )
        assert Path(f"{host.ELSEWHERE}/x").read_bytes()[:4000] == begin * 1000
