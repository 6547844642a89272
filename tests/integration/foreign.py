# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What other tools do to guests: definitions written by hand, and parts of them that the driver knows nothing of."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Mapping

import libvirt

from ansible_collections.hostforge.hypervisor.tests.integration.private import run

QEMU = "http://libvirt.org/schemas/domain/qemu/1.0"
OTHER = "http://example.org/inventory/1.0"
ET.register_namespace("qemu", QEMU)
ET.register_namespace("other", OTHER)

# In the style of older tools: another machine type, other buses and names, no metadata.
GUEST = """
<domain type='qemu'>
  <name>{name}</name>
  <memory unit='KiB'>131072</memory>
  <vcpu placement='static'>2</vcpu>
  <os><type arch='x86_64' machine='pc'>hvm</type><boot dev='hd'/></os>
  <features><acpi/><apic/><pae/></features>
  <clock offset='localtime'/>
  <devices>
    <disk type='file' device='disk'>
      <driver name='qemu' type='{format}' cache='none' io='native'/>
      <source file='{path}'/>
      <target dev='hda' bus='ide'/>
    </disk>
    <disk type='file' device='cdrom'><target dev='hdc' bus='ide'/><readonly/></disk>
    <disk type='file' device='floppy'><target dev='fda' bus='fdc'/></disk>
    <interface type='network'>
      <mac address='52:54:00:f0:f0:f0'/><source network='default'/><model type='e1000'/>
    </interface>
    <input type='tablet' bus='usb'/>
    <sound model='ich6'/>
    <watchdog model='i6300esb' action='reset'/>
    <video><model type='cirrus'/></video>
  </devices>
</domain>
"""
METADATA = f"""
<other:machine xmlns:other="{OTHER}" rack="7"><other:owner>somebody</other:owner></other:machine>
"""
SYSINFO = """
<sysinfo type='smbios'><system><entry name='manufacturer'>Somebody</entry></system></sysinfo>
"""
COMMANDLINE = f"""
<qemu:commandline xmlns:qemu="{QEMU}"><qemu:arg value="-msg"/><qemu:arg value="timestamp=on"/></qemu:commandline>
"""
IOTUNE = "<iotune><total_iops_sec>500</total_iops_sec></iotune>"
SOUND = "<sound model='ich9'/>"
CONTROLLER = "<controller type='scsi' index='3' model='virtio-scsi'/>"


def make_disk(path: str, kind: str) -> str:
    """A disk's data that nobody noted."""
    run("qemu-img", "create", "-q", "-f", kind, path, "24M")
    return path


def add_guest(connection: libvirt.virConnect, name: str, path: str) -> None:
    """A guest with that disk."""
    kind = "raw" if path.endswith((".img", ".raw")) else "qcow2"
    connection.defineXML(GUEST.format(name=name, path=path, format=kind))


def attach_disk(connection: libvirt.virConnect, name: str, path: str) -> str:
    """Put a disk into a stored definition; returns the name of its device."""
    domain = connection.lookupByName(name)
    device = f"""
    <disk type='file' device='disk'>
      <driver name='qemu' type='qcow2'/><source file='{path}'/><target dev='vdx' bus='virtio'/>
    </disk>"""
    domain.attachDeviceFlags(device, libvirt.VIR_DOMAIN_AFFECT_CONFIG)
    return "vdx"


def stored(connection: libvirt.virConnect, name: str) -> ET.Element:
    """A guest's definition for its next boot."""
    flags = libvirt.VIR_DOMAIN_XML_INACTIVE | libvirt.VIR_DOMAIN_XML_SECURE
    return ET.fromstring(connection.lookupByName(name).XMLDesc(flags))


def add_unknown(connection: libvirt.virConnect, name: str) -> None:
    """Put into a guest, its disks, its cards and its drives what the driver knows nothing of."""
    root = stored(connection, name)
    _only(root, "metadata").append(ET.fromstring(METADATA))
    ET.SubElement(_only(root, "os"), "smbios", mode="sysinfo")
    ET.SubElement(_only(root, "features"), "vmcoreinfo", state="on")
    ET.SubElement(_only(root, "cpu"), "feature", policy="disable", name="la57")
    root.append(ET.fromstring(SYSINFO))
    root.append(ET.fromstring(COMMANDLINE))
    for device in (SOUND, CONTROLLER):
        _only(root, "devices").append(ET.fromstring(device))
    for disk in root.findall("devices/disk[@device='disk']"):
        disk.append(ET.fromstring(IOTUNE))
        _only(disk, "driver").set("rerror_policy", "report")
    for drive in root.findall("devices/disk[@device='cdrom']"):
        ET.SubElement(drive, "serial").text = "D-1"
    for number, card in enumerate(root.findall("devices/interface")):
        ET.SubElement(card, "mtu", size="1400")
        ET.SubElement(card, "alias", name=f"ua-card-{number}")
    connection.defineXML(ET.tostring(root, encoding="unicode"))


def unknown(connection: libvirt.virConnect, name: str) -> Mapping[str, object]:
    """What add_unknown put there, by place."""
    root = stored(connection, name)
    own = [f"metadata/{{{OTHER}}}machine", "os/smbios", "features/vmcoreinfo", "cpu/feature", "sysinfo"]
    own += [f"{{{QEMU}}}commandline", "devices/sound[@model='ich9']", "devices/controller[@index='3']"]
    found: dict[str, object] = {"": _texts(root, own)}
    for disk in root.findall("devices/disk[@device='disk']"):
        path = _only(disk, "source").get("file", "")
        found[path] = (_texts(disk, ["iotune"]), _only(disk, "driver").get("rerror_policy"))
    for drive in root.findall("devices/disk[@device='cdrom']"):
        found[_only(drive, "target").get("dev", "")] = _texts(drive, ["serial"])
    for card in root.findall("devices/interface"):
        found[_only(card, "mac").get("address", "")] = _texts(card, ["mtu", "alias"])
    return found


def _texts(parent: ET.Element, places: list[str]) -> tuple[str, ...] | None:
    elements = [one for place in places for one in parent.findall(place)]
    return tuple(ET.canonicalize(ET.tostring(one, encoding="unicode"), strip_text=True) for one in elements) or None


def _only(parent: ET.Element, tag: str) -> ET.Element:
    found = parent.find(tag)
    return ET.SubElement(parent, tag) if found is None else found
