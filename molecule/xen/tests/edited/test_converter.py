# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The guests' files as libvirt's converter reads them, which is neither xl nor ours."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from xml.etree import ElementTree as ET

import pytest

Convert = Callable[[str], ET.Element]

START = (
    # libvirt asks for a processor of a model that it knows, and an emulated one lacks this, which all models have.
    "sed -i /vme/d /usr/share/libvirt/cpu_map/x86_486.xml",
    # The driver for QEMU has no part in this, and asks for a user whom another package makes.
    "rm -f /usr/lib/x86_64-linux-gnu/libvirt/connection-driver/libvirt_driver_qemu.so",
    "libvirtd --daemon --pid-file /run/converter.pid",
)


@pytest.fixture
def convert(root: Any) -> Iterator[Convert]:
    """Turns a guest's file into libvirt's XML. Its daemon, of which no role knows, runs for that long only."""
    root.check_output(" && ".join(START))

    def converted(name: str) -> ET.Element:
        command = f"virsh --quiet --connect xen:///system domxml-from-native xen-xl /etc/xen/{name}.cfg"
        return ET.fromstring(root.check_output(command))

    yield converted
    root.check_output("kill $(cat /run/converter.pid)")


def disks(guest: ET.Element) -> dict[str, str]:
    """What each disk of a guest is made of, by the name that the guest sees."""
    found = {disk.find("target"): disk.find("source") for disk in guest.findall("devices/disk")}
    return {
        target.get("dev", ""): source.get("file", "")
        for target, source in found.items()
        if target is not None and source is not None
    }


def test_it_reads_what_was_wished(convert: Convert) -> None:
    edit1 = convert("edit1")
    assert edit1.findtext("name") == "edit1"
    assert edit1.findtext("os/type") == "linux"
    assert edit1.findtext("os/kernel") == "/srv/tiny/vmlinuz"
    assert (edit1.findtext("memory"), edit1.findtext("currentMemory")) == (str(192 * 1024), str(160 * 1024))
    assert edit1.findtext("vcpu") == "2"
    assert disks(edit1) == {"xvda": "/var/lib/xen/images/edit1.root.raw", "xvdb": "/dev/vg0/edit1.logs"}
    assert [one.get("bridge") for one in edit1.findall("devices/interface/source")] == ["xenbr0", "xenbr0"]
    assert [one.get("address") for one in edit1.findall("devices/interface/mac")][1:] == ["00:16:3e:00:00:02"]

    pvh1 = convert("pvh1")
    assert pvh1.findtext("os/type") == "xenpvh"
    assert pvh1.findtext("memory") == str(96 * 1024)
    assert [one.get("mode") for one in pvh1.findall("clock/timer[@name='tsc']")] == ["native"]

    web1 = convert("web1")
    assert web1.findtext("os/kernel") == "/usr/lib/grub-xen/grub-x86_64-xen.bin"
    assert disks(web1).keys() == {"xvda", "xvdz"}
    assert len(web1.findall("devices/disk/readonly")) == 1
    assert [one.get("address") for one in web1.findall("devices/interface/mac")] == ["00:16:3e:00:00:01"]

    off1 = convert("off1")
    assert off1.findtext("memory") == str(64 * 1024)
    assert off1.findall("devices/interface") == []
