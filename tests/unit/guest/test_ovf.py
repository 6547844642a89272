# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""OVF descriptors: what is read of them, what is told, and what is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.appliance import (
    Appliance,
    ApplianceDisk,
    ApplianceNic,
    System,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import PlanError
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.ovf_read import read_ovf
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.ovf_units import bytes_of
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.ovf_xml import DESCRIPTOR_LARGEST
from ansible_collections.hostforge.hypervisor.tests.unit.guest.appliances import (
    BY_OVFTOOL,
    BY_VIRTUALBOX,
    CPU,
    DISK,
    FILE,
    HARD_DISK,
    MEMORY,
    PLAIN,
    SATA,
    envelope,
    item,
)

GIB = 1024**3


def test_what_virtualbox_writes_is_read() -> None:
    found = read_ovf(BY_VIRTUALBOX)
    assert found == Appliance(
        name="web1",
        description="front end\nof the shop",
        vcpus=2,
        memory_mib=512,
        system=System(96, None, "Debian_64"),
        disks=(ApplianceDisk("vmdisk1", GIB, "vmdk", "web1-disk001.vmdk", None, "sata"),),
        cdroms=1,
        nics=(ApplianceNic("NAT", None, "e1000", "up"),),
    )
    assert found.unread == ("VirtualSystem: Machine", "the item '4': USB controller of type 23 (given: '')")


def test_what_ovftool_writes_is_read() -> None:
    found = read_ovf(BY_OVFTOOL)
    assert found == Appliance(
        name="web 1",
        vcpus=4,
        memory_mib=4096,
        firmware="uefi",
        secure_boot=True,
        system=System(101, kind="debian11_64Guest"),
        disks=(
            ApplianceDisk("vmdisk1", 20 * GIB, "vmdk", "a disk.vmdk", 77, "pvscsi"),
            ApplianceDisk("vmdisk2", GIB, "vmdk", None, None, "ide", 1, 1),
        ),
        nics=(ApplianceNic("VM Network", "00:50:56:aa:00:01", "vmxnet3", "down"),),
    )
    assert found.unread == (
        "VirtualSystem: ProductSection",
        "VirtualHardwareSection: ExtraConfig (given: 'nvram')",
        "the item '4': graphics of type 24 (given: '')",
        "the file 'web1.nvram'",
    )


def test_what_is_not_understood_is_told() -> None:
    card = item(InstanceID=8, ResourceType=10, ResourceSubType="Token", Address="7")
    lost = HARD_DISK.replace("<rasd:Parent>3<", "<rasd:Parent>44<")
    disks = DISK.replace("http://www.vmware.com/interfaces/specifications/vmdk.html", "urn:other")
    more = '<Disk ovf:capacity="1" ovf:diskId="spare" ovf:format="vdi"/>'
    found = read_ovf(envelope(CPU + SATA + lost + card, FILE, disks + more, top="<StartupSection/>"))
    assert found.disks == (ApplianceDisk("vmdisk1", GIB, None, "web1-disk001.vmdk"),)
    assert found.nics == (ApplianceNic(),)
    assert found.memory_mib is None
    assert found.unread == (
        "DiskSection: the disk 'vmdisk1': the format (given: 'urn:other#streamOptimized')",
        "Envelope: StartupSection",
        "what the disk 'vmdisk1' is attached to",
        "the disk 'spare', which is attached to nothing",
        "the item '8': the model (given: 'Token')",
        "the item '8': the MAC address (given: '7')",
    )


def test_the_default_configuration_is_taken() -> None:
    small = item(attributes=' ovf:configuration="small"', InstanceID=1, ResourceType=3, VirtualQuantity=1)
    most = item(attributes=' ovf:bound="max"', InstanceID=1, ResourceType=3, VirtualQuantity=64)
    top = (
        '<DeploymentOptionSection><Info/><Configuration ovf:id="big"/>'
        '<Configuration ovf:id="small" ovf:default="true"/></DeploymentOptionSection>'
    )
    found = read_ovf(envelope(CPU + small + most, top=top))
    assert found.vcpus == 1
    assert found.unread == ("DeploymentOptionSection: 2 configurations, of which 'small' is taken",)
    assert read_ovf(envelope(CPU + small + most)).vcpus == 2


def changed(old: str, new: str) -> bytes:
    assert old.encode() in PLAIN
    return PLAIN.replace(old.encode(), new.encode())


BOMB = '<!DOCTYPE b [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><Envelope'


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "not well-formed XML"),
        (b"<a/>", r"an Envelope of OVF 1 or 2 is allowed \(given: 'a'\)"),
        (PLAIN[:-20], "not well-formed XML"),
        (b" " * (DESCRIPTOR_LARGEST + 1), "at most 4194304 bytes"),
        (changed("<Envelope", BOMB), "without document type and entities"),
        (changed("<Envelope", '<!DOCTYPE x SYSTEM "file:///etc/passwd"><Envelope'), "without document type"),
        (PLAIN.decode().encode("utf-16"), "a descriptor in UTF-8 is allowed"),
        (changed('encoding="UTF-8"', 'encoding="utf-7"'), r"in UTF-8 is allowed \(given: 'utf-7'\)"),
        (changed("List of", "&boom;"), "not well-formed XML"),
        (changed("web1-disk001.vmdk", "../web1.vmdk"), "the name of a file in the package"),
        (changed("web1-disk001.vmdk", "%2e%2e%2fweb1.vmdk"), "the name of a file in the package"),
        (changed("web1-disk001.vmdk", "/etc/shadow"), "the name of a file in the package"),
        (changed("web1-disk001.vmdk", "http://there/x"), "the name of a file in the package"),
        (changed("web1-disk001.vmdk", "file:x"), "the name of a file in the package"),
        (changed("/>", ' ovf:compression="gzip"/>'), r"not compressed are allowed \(given: 'gzip'\)"),
        (changed('vmdk"/>', 'vmdk" ovf:chunkSize="5"/>'), "files in one piece are allowed"),
        (envelope(CPU, FILE + FILE, DISK), "the file 'file1' is there twice"),
        (envelope(CPU, FILE, DISK + DISK), "the disk 'vmdisk1' is there twice"),
        (envelope(CPU, FILE, DISK + DISK.replace("vmdisk1", "two")), "a file that no other disk has"),
        (envelope(CPU, "", DISK), "a file of the References is allowed"),
        (envelope(CPU, FILE, DISK.replace("ovf:format", 'ovf:parentRef="x" ovf:format')), "it is based on another"),
        (changed('capacity="1073741824"', 'capacity="${size}"'), "capacity: a whole number"),
        (changed('capacity="1073741824"', 'capacity="99999999999999999999"'), "capacity: a whole number"),
        (changed("MegaBytes", "parsecs"), "a unit such as 'byte"),
        (changed("MegaBytes", "byte * 10^6"), None),
        (changed("MegaBytes", "byte * 10^3"), "memory of whole MiB"),
        (changed(">512<", ">0<"), "VirtualQuantity: a whole number"),
        (envelope(CPU + CPU), "the item '1' is there twice"),
        (envelope(CPU + CPU.replace(">1<", ">7<")), "one item of type 3 is allowed; there are 2"),
        (envelope(SATA + HARD_DISK, FILE, ""), "a disk of the DiskSection is allowed"),
        (envelope(SATA + HARD_DISK + HARD_DISK.replace(">5<", ">6<"), FILE, DISK), "is attached twice"),
        (changed("<rasd:InstanceID>3</rasd:InstanceID>", ""), "an InstanceID is needed"),
        (changed("</VirtualSystem>", "</VirtualSystem><VirtualSystem/>"), r"a package of one guest .* it has 2"),
        (changed("VirtualHardwareSection>", "Other>"), "one VirtualHardwareSection is allowed; it has 0"),
    ],
)
def test_what_cannot_be_is_refused(data: bytes, says: str | None) -> None:
    if says is None:
        data = data.replace(b">512<", b">524288<")
        assert read_ovf(data).memory_mib == 500000
        return
    with pytest.raises(PlanError, match=says) as raised:
        read_ovf(data, "web1.ovf")
    assert str(raised.value).startswith("web1.ovf: ")


def test_numbers_are_those_of_ascii() -> None:
    data = envelope(SATA.replace("<rasd:Address>0<", "<rasd:Address>\u00b2<") + HARD_DISK, FILE, DISK)
    assert read_ovf(data).disks[0].unit == 0


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (envelope(CPU, "".join(f'<File ovf:id="{i}" ovf:href="{i}"/>' for i in range(1001))), "File: at most 1000"),
        (envelope(CPU, "", "<Disk/>" * 1001), "Disk: at most 1000"),
        (envelope(CPU * 4097), "at most 4096 items"),
        (envelope(CPU, more="<a>" * 300000 + "</a>" * 300000), None),
        (envelope(CPU, more="<a/>" * 500000), None),
    ],
)
def test_what_is_much_is_bounded(data: bytes, says: str | None) -> None:
    if says is None:
        assert len(read_ovf(data).unread) <= 101
        return
    with pytest.raises(PlanError, match=says):
        read_ovf(data)


def test_two_disks_have_not_one_place() -> None:
    second = DISK.replace("vmdisk1", "two").replace(' ovf:fileRef="file1"', "")
    at_it = HARD_DISK.replace(">5<", ">6<").replace("vmdisk1", "two")
    with pytest.raises(PlanError, match="another disk is at place 0 of its controller"):
        read_ovf(envelope(SATA + HARD_DISK + at_it, FILE, DISK + second))
    free = at_it.replace("<rasd:AddressOnParent>0</rasd:AddressOnParent>", "")
    assert read_ovf(envelope(SATA + HARD_DISK + free, FILE, DISK + second)).disks[1].position == 1


@pytest.mark.parametrize(
    ("unit", "size"), [(None, 1), ("byte", 1), ("byte * 2^30", GIB), ("GigaBytes", GIB), ("MB * 4", 4 * 1024**2)]
)
def test_units_are_known(unit: str | None, size: int) -> None:
    assert bytes_of(unit, "here") == size


@pytest.mark.parametrize("unit", ["bit", "byte ^ 2", "byte * 2^99", "byte * 0", "byte *", "byte * 2 * 2 * 2 * 2 * 2"])
def test_other_units_are_refused(unit: str) -> None:
    with pytest.raises(PlanError, match=r"^here: a unit such as 'byte \* 2\^20' is allowed"):
        bytes_of(unit, "here")


@given(st.binary(max_size=300))
def test_any_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(PlanError):
        read_ovf(data)


@given(st.data())
def test_a_descriptor_that_was_written_over_is_read_or_refused(data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(BY_OVFTOOL)))
    length = data.draw(st.integers(0, 40))
    new = data.draw(st.sampled_from([b"", b"9" * 30, b"-1", b"\xff", b"<x>", b'"', b"\xc3\xa9"]))
    forged = BY_OVFTOOL[:start] + new + BY_OVFTOOL[start + length :]
    try:
        read_ovf(forged)
    except PlanError:
        return


def test_the_samples_are_whole() -> None:
    assert read_ovf(PLAIN).memory_mib == 512
    assert MEMORY.encode() in PLAIN
