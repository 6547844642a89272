# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Descriptors in the shapes that tools of the field write, and strategies of appliances."""

from __future__ import annotations

from hypothesis import strategies as st

from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.appliance import (
    CONTROLLERS,
    MODELS,
    URIS,
    Appliance,
    ApplianceDisk,
    ApplianceNic,
    System,
    disk_file,
)

CIM = "http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/"
VMDK = "http://www.vmware.com/interfaces/specifications/vmdk.html#streamOptimized"


def item(prefix: str = "rasd", tag: str = "Item", attributes: str = "", more: str = "", **values: object) -> str:
    """An item of the hardware section."""
    inner = "".join(f"<{prefix}:{key}>{value}</{prefix}:{key}>" for key, value in values.items())
    return f"<{tag}{attributes}>{inner}{more}</{tag}>"


def envelope(
    items: str, files: str = "", disks: str = "", more: str = "", settings: str = "", version: int = 1, top: str = ""
) -> bytes:
    """A descriptor of one guest, web1."""
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<Envelope ovf:version="{version}.0" xml:lang="en-US" xmlns="http://schemas.dmtf.org/ovf/envelope/{version}"
 xmlns:ovf="http://schemas.dmtf.org/ovf/envelope/{version}" xmlns:vmw="http://www.vmware.com/schema/ovf"
 xmlns:rasd="{CIM}CIM_ResourceAllocationSettingData" xmlns:vssd="{CIM}CIM_VirtualSystemSettingData"
 xmlns:sasd="{CIM}CIM_StorageAllocationSettingData.xsd" xmlns:epasd="{CIM}CIM_EthernetPortAllocationSettingData.xsd"
 xmlns:vbox="http://www.virtualbox.org/ovf/machine">
  <References>{files}</References>
  <DiskSection><Info>List of the virtual disks</Info>{disks}</DiskSection>
  <NetworkSection><Info>Logical networks</Info><Network ovf:name="NAT"/></NetworkSection>{top}
  <VirtualSystem ovf:id="web1">
    <Info>A virtual machine</Info>{more}
    <VirtualHardwareSection>
      <Info>Virtual hardware requirements</Info>
      <System><vssd:ElementName>Virtual Hardware Family</vssd:ElementName><vssd:InstanceID>0</vssd:InstanceID></System>
      {items}{settings}
    </VirtualHardwareSection>
  </VirtualSystem>
</Envelope>
""".encode()


CPU = item(Caption="2 virtual CPU", InstanceID=1, ResourceType=3, VirtualQuantity=2)
MEMORY = item(AllocationUnits="MegaBytes", Caption="512 MB", InstanceID=2, ResourceType=4, VirtualQuantity=512)
SATA = item(Address=0, BusNumber=0, InstanceID=3, ResourceSubType="AHCI", ResourceType=20)
HARD_DISK = item(AddressOnParent=0, HostResource="/disk/vmdisk1", InstanceID=5, Parent=3, ResourceType=17)
FILE = '<File ovf:id="file1" ovf:href="web1-disk001.vmdk"/>'
DISK = f'<Disk ovf:capacity="1073741824" ovf:diskId="vmdisk1" ovf:fileRef="file1" ovf:format="{VMDK}"/>'
PLAIN = envelope(CPU + MEMORY + SATA + HARD_DISK, FILE, DISK)

# As VirtualBox 7 exports: version 2 has elements of its own for storage and cards.
BY_VIRTUALBOX = envelope(
    "".join(
        (
            CPU,
            MEMORY,
            SATA,
            item(InstanceID=4, Address=0, ResourceType=23, Caption="usb"),
            item(
                "sasd",
                "StorageItem",
                AddressOnParent=0,
                HostResource="/disk/vmdisk1",
                InstanceID=5,
                Parent=3,
                ResourceType=17,
            ),
            item(
                "sasd",
                "StorageItem",
                AddressOnParent=1,
                AutomaticAllocation="true",
                InstanceID=6,
                Parent=3,
                ResourceType=15,
            ),
            item(
                "epasd",
                "EthernetPortItem",
                AutomaticAllocation="true",
                Connection="NAT",
                InstanceID=7,
                ResourceSubType="E1000",
                ResourceType=10,
            ),
        )
    ),
    FILE,
    DISK,
    '<OperatingSystemSection ovf:id="96"><Info/><Description>Debian_64</Description>'
    '<vbox:OSType ovf:required="false">Debian_64</vbox:OSType></OperatingSystemSection>'
    "<AnnotationSection><Info/><Annotation>front end\nof the shop</Annotation></AnnotationSection>"
    '<vbox:Machine ovf:required="false" version="1.19-linux" name="web1"><vbox:Hardware/></vbox:Machine>',
    version=2,
)

# As ovftool writes it from a host of VMware.
BY_OVFTOOL = envelope(
    "".join(
        (
            item(AllocationUnits="hertz * 10^6", InstanceID=1, ResourceType=3, VirtualQuantity=4),
            item(AllocationUnits="byte * 2^20", InstanceID=2, ResourceType=4, VirtualQuantity=4096),
            item(Address=1, InstanceID=9, ResourceType=5, ElementName="IDE 1"),
            item(Address=0, InstanceID=10, ResourceType=5, ElementName="IDE 0"),
            item(Address=0, InstanceID=3, ResourceSubType="VirtualSCSI", ResourceType=6),
            item(
                AutomaticAllocation="false",
                InstanceID=4,
                ResourceType=24,
                more='<vmw:Config vmw:key="x" vmw:value="y"/>',
            ),
            item(AddressOnParent=0, HostResource="ovf:/disk/vmdisk1", InstanceID=5, Parent=3, ResourceType=17),
            item(AddressOnParent=1, HostResource="ovf:/disk/vmdisk2", InstanceID=6, Parent=9, ResourceType=17),
            item(
                AddressOnParent=7,
                Address="00:50:56:AA:00:01",
                AutomaticAllocation="false",
                Connection="VM Network",
                InstanceID=7,
                ResourceSubType="VmxNet3",
                ResourceType=10,
            ),
        )
    ),
    '<File ovf:href="a%20disk.vmdk" ovf:id="file1" ovf:size="77"/><File ovf:href="web1.nvram" ovf:id="file2"/>',
    f'<Disk ovf:capacity="20" ovf:capacityAllocationUnits="byte * 2^30" ovf:diskId="vmdisk1" ovf:fileRef="file1"'
    f' ovf:format="{VMDK}"/><Disk ovf:capacity="1" ovf:capacityAllocationUnits="GigaBytes" ovf:diskId="vmdisk2"'
    f' ovf:format="{VMDK}"/>',
    '<Name>web 1</Name><OperatingSystemSection ovf:id="101" vmw:osType="debian11_64Guest"><Info/>'
    "</OperatingSystemSection><ProductSection><Info/></ProductSection>",
    '<vmw:Config ovf:required="false" vmw:key="firmware" vmw:value="efi"/>'
    '<vmw:Config ovf:required="false" vmw:key="uefi.secureBoot.enabled" vmw:value="true"/>'
    '<vmw:ExtraConfig ovf:required="false" vmw:key="nvram" vmw:value="web1.nvram"/>',
)

TEXT = st.text(st.characters(exclude_categories=["Cc", "Cs"], exclude_characters="\ufffe\uffff"), min_size=1)
LINE = TEXT.map(str.strip).filter(bool)
NAMES = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.+-]{0,62}", fullmatch=True)
MACS = st.integers(1, 2**40 - 1).map(lambda number: f"02:{number.to_bytes(5, 'big').hex(':')}")
NICS = st.builds(
    ApplianceNic,
    network=st.none() | LINE,
    mac=st.none() | MACS,
    model=st.none() | st.sampled_from(sorted(MODELS)),
    link=st.sampled_from([None, "up", "down"]),
)
PLACES = st.lists(
    st.tuples(st.sampled_from(sorted(CONTROLLERS)), st.integers(0, 3), st.integers(0, 14)), max_size=5, unique=True
)


@st.composite
def appliances(draw: st.DrawFn, filled: bool = False) -> Appliance:
    """Any guest that a package can hold. filled: each disk has a file."""
    name, disks = draw(NAMES), []
    for number, (bus, unit, position) in enumerate(draw(PLACES), 1):
        kind = draw(st.sampled_from(sorted(URIS)))
        file = disk_file(name, number, kind) if filled or draw(st.booleans()) else None
        size = draw(st.integers(0, 10**12)) if file and not filled else None
        capacity = draw(st.integers(1, 2**60))
        disks.append(ApplianceDisk(f"d{number}", capacity, kind, file, size, bus, unit, position))
    return Appliance(
        name=name,
        description=draw(st.none() | TEXT),
        vcpus=draw(st.none() | st.integers(1, 4096)),
        memory_mib=draw(st.none() | st.integers(1, 2**30)),
        firmware=draw(st.sampled_from([None, "bios", "uefi"])),
        secure_boot=draw(st.sampled_from([None, False, True])),
        tpm=draw(st.sampled_from([None, True])),
        system=draw(st.none() | st.builds(System, st.integers(0, 200), st.none() | LINE, st.none() | TEXT)),
        disks=tuple(disks),
        nics=draw(st.lists(NICS, max_size=4).map(tuple)),
    )
