# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A guest as virt-install and virt-manager write it, and what differs between two definitions, line by line."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Iterator

from ansible_collections.hostforge.hypervisor.tests.integration import foreign

DISK = "/var/lib/hostforge/old.qcow2"
ISO = "/var/lib/hostforge/tools.iso"
MAC = "52:54:00:f0:f0:f1"
# As virt-install and virt-manager write it, with the odd things that people add over the years.
RICH = f"""
<domain type='qemu' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>
  <name>old1</name>
  <title>an old one</title>
  <metadata>
    <libosinfo:libosinfo xmlns:libosinfo="http://libosinfo.org/xmlns/libvirt/domain/1.0">
      <libosinfo:os id="http://debian.org/debian/11"/>
    </libosinfo:libosinfo>
    <o:inventory xmlns:o="{foreign.OTHER}" rack="7"><o:owner>somebody</o:owner></o:inventory>
  </metadata>
  <memory unit='KiB'>262144</memory>
  <currentMemory unit='KiB'>196608</currentMemory>
  <memtune><swap_hard_limit unit='KiB'>1048576</swap_hard_limit></memtune>
  <vcpu placement='static' cpuset='0-1' current='2'>4</vcpu>
  <iothreads>1</iothreads>
  <cputune><shares>2048</shares><vcpupin vcpu='0' cpuset='0'/></cputune>
  <resource><partition>/machine/old</partition></resource>
  <sysinfo type='smbios'><bios><entry name='vendor'>Somebody</entry></bios></sysinfo>
  <os>
    <type arch='x86_64' machine='pc-q35-7.2'>hvm</type>
    <bootmenu enable='yes' timeout='1000'/>
    <smbios mode='sysinfo'/>
  </os>
  <features><acpi/><apic/><pae/><hyperv mode='custom'><relaxed state='on'/></hyperv><vmport state='off'/></features>
  <cpu mode='custom' match='exact' check='none'>
    <model fallback='forbid'>qemu64</model>
    <topology sockets='1' dies='1' cores='2' threads='2'/>
    <feature policy='require' name='aes'/>
  </cpu>
  <clock offset='timezone' timezone='Europe/Berlin'><timer name='rtc' tickpolicy='catchup'/></clock>
  <on_poweroff>destroy</on_poweroff><on_reboot>restart</on_reboot><on_crash>preserve</on_crash>
  <pm><suspend-to-mem enabled='no'/><suspend-to-disk enabled='no'/></pm>
  <devices>
    <disk type='file' device='disk'>
      <driver name='qemu' type='qcow2' cache='none' io='native' discard='unmap' iothread='1'/>
      <source file='{DISK}'/>
      <target dev='sdq' bus='virtio'/>
      <iotune><total_iops_sec>500</total_iops_sec></iotune>
      <serial>S-1</serial>
      <boot order='1'/>
    </disk>
    <disk type='file' device='cdrom'>
      <driver name='qemu' type='raw'/><target dev='sdb' bus='sata'/><readonly/><boot order='2'/>
    </disk>
    <disk type='file' device='floppy'><target dev='fda' bus='fdc'/></disk>
    <controller type='scsi' index='0' model='virtio-scsi'/>
    <controller type='usb' index='0' model='qemu-xhci' ports='15'/>
    <filesystem type='mount' accessmode='mapped'><source dir='/srv'/><target dir='srv'/></filesystem>
    <interface type='network'>
      <mac address='{MAC}'/>
      <source network='default' portgroup='lan'/>
      <bandwidth><inbound average='1000' peak='5000' burst='1024'/></bandwidth>
      <model type='virtio'/>
      <driver name='qemu' queues='2'/>
      <filterref filter='clean-traffic'><parameter name='IP' value='192.168.122.9'/></filterref>
      <link state='down'/>
      <mtu size='1400'/>
      <alias name='ua-lan'/>
    </interface>
    <serial type='pty'><target port='0'/></serial>
    <channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>
    <channel type='spicevmc'><target type='virtio' name='com.redhat.spice.0'/></channel>
    <input type='tablet' bus='usb'/>
    <graphics type='spice' port='5999' autoport='no' listen='127.0.0.1' passwd='not-to-be-lost'/>
    <sound model='ich9'/>
    <video><model type='qxl' ram='65536' vram='65536'/></video>
    <hostdev mode='subsystem' type='usb' managed='yes'>
      <source startupPolicy='optional'><vendor id='0x1234'/><product id='0xbeef'/></source>
    </hostdev>
    <redirdev bus='usb' type='spicevmc'/>
    <watchdog model='i6300esb' action='poweroff'/>
    <memballoon model='virtio' autodeflate='on'/>
    <rng model='virtio'><rate bytes='1024' period='1000'/><backend model='random'>/dev/urandom</backend></rng>
    <panic model='isa'/>
    <vsock model='virtio'><cid auto='no' address='77'/></vsock>
  </devices>
  <qemu:commandline><qemu:arg value='-msg'/><qemu:arg value='timestamp=on'/></qemu:commandline>
</domain>
"""


def flat(element: ET.Element, above: str = "") -> Iterator[str]:
    """Every element as a line of its place, attributes and text."""
    place = f"{above}/{element.tag}"
    yield f"{place} {sorted(element.attrib.items())} {(element.text or '').strip()}"
    for child in element:
        yield from flat(child, place)


def differences(before: ET.Element, after: ET.Element) -> tuple[list[str], list[str]]:
    """The lines that are gone, and those that are new."""
    old, new = Counter(flat(before)), Counter(flat(after))
    return sorted((old - new).elements()), sorted((new - old).elements())
