# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Thin disks from an image that the host has: no byte of it is read again, however large it is."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

import libvirt
import pytest

from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.engine import converge
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.module_host import ModuleHost
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.resource import Wish
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Disk, Guest, Image, Policy
from ansible_collections.hostforge.hypervisor.tests.integration.daemon import POOLS, URI
from ansible_collections.hostforge.hypervisor.tests.integration.kvm_subject import EmulatedKvmDriver, virtual_size

FOLDER = "/var/lib/hostforge"
MIB = 1024**2


class CountingHost(ModuleHost):
    """This machine, and what was read of files as a whole."""

    def __init__(self) -> None:
        self.read: list[str] = []

    def digest(self, path: str, algorithm: str) -> str:
        self.read.append("digest")
        return super().digest(path, algorithm)

    def copy(self, source: str, path: str) -> None:
        self.read.append("copy")
        super().copy(source, path)

    def run(self, argv: Sequence[str], stdin: str = "", timeout_s: float | None = None) -> str:
        if argv[0] == "qemu-img" and argv[1] != "info":
            self.read.append(argv[1])
        return super().run(argv, stdin, timeout_s)


def make(name: str, image: Image) -> list[str]:
    """Make a guest; what was read of whole files."""
    host = CountingHost()
    driver = EmulatedKvmDriver(URI, f"{FOLDER}/images", f"{FOLDER}/seeds", host)
    wish = Wish(Guest(name, memory_mib=128, disks=(Disk("root", 512 * MIB, image=image),)), Policy())
    (done,) = converge(driver, [wish], check_mode=False)
    assert not done.error
    return host.read


@pytest.mark.parametrize("size_mib", [1, 256])
@pytest.mark.parametrize("checked", [True, False])
def test_the_second_guest_reads_nothing_of_the_image(kvm: libvirt.virConnect, size_mib: int, checked: bool) -> None:
    path = Path(FOLDER, "base.raw")
    path.write_bytes(b"content")
    os.truncate(path, size_mib * MIB)
    with path.open("rb") as file:
        checksum = f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}" if checked else None
    image = Image(str(path), checksum, "raw")
    assert make("one", image) == (["copy", "digest"] if checked else ["copy"])
    for name in ("two", "three"):
        assert make(name, image) == []
        disk = f"{POOLS['default']}/{name}.root.qcow2"
        assert virtual_size(disk) == 512 * MIB
        assert os.stat(disk).st_blocks * 512 < MIB
