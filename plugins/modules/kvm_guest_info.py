#!/usr/bin/python
# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module kvm_guest_info: tells about the guests of KVM on a host."""

from __future__ import annotations

DOCUMENTATION = r"""
module: kvm_guest_info
short_description: Tell about guests of KVM
version_added: 0.1.0
description:
  - Reads all guests of a host, or those that are named, in one batch. Changes nothing.
  - The addresses of a network card come from the lease of a network of libvirt. Of a running guest that has a card without a
    lease, the guest agent is asked if it is connected, and then what addresses the host has seen lately (ARP).
  - All agents together are waited for no longer than 20 seconds; one that does not answer tells nothing.
author:
  - The hostforge.hypervisor contributors (@hostforge)
extends_documentation_fragment:
  - hostforge.hypervisor.kvm
options:
  names:
    description: Names of the guests to tell about; all where nothing is written. Names that do not exist are left out.
    type: list
    elements: str
  statistics:
    description:
      - Whether to tell what each guest uses at this moment, too. That is one more call to libvirt for all guests, which asks
        the process of each.
    type: bool
    default: false
attributes:
  check_mode:
    support: full
    description: Changes nothing anyway.
seealso:
  - module: hostforge.hypervisor.kvm_guest
"""

EXAMPLES = r"""
- name: Look at all guests
  hostforge.hypervisor.kvm_guest_info:
  register: found

- name: Show their addresses
  ansible.builtin.debug:
    msg: "{{ found.guests | items2dict(key_name='name', value_name='addresses') }}"

- name: Look at what two guests use
  hostforge.hypervisor.kvm_guest_info:
    names: [web1, db1]
    statistics: true
  register: used

- name: Show the disks that take more than 50 GiB on the host
  ansible.builtin.debug:
    msg: "{{ used.guests | map(attribute='statistics.disks') | flatten | selectattr('physical_bytes', '>', 50 * 1024**3) }}"
"""

RETURN = r"""
guests:
  description:
    - The guests in the order of their names, each in the words of M(hostforge.hypervisor.kvm_guest)'s options.
    - What is listed here comes with every guest, other options where the guest has them.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Name of the guest.
      type: str
      sample: web1
    state:
      description: V(running), V(paused) or V(stopped).
      type: str
      sample: running
    uuid:
      description: The hypervisor's identifier.
      type: str
      sample: 6a1a3bcd-0a53-4c7e-a0e5-6e8a5f1a2f10
    addresses:
      description: Network addresses that are known of the guest, those of all its cards.
      type: list
      elements: str
      sample: [192.168.122.57]
    interfaces:
      description: The cards that the running guest has, each with its addresses. Empty for a guest that is off.
      type: list
      elements: dict
      contains:
        mac:
          description: MAC address of the card.
          type: str
          sample: "52:54:00:12:34:56"
        addresses:
          description: Its addresses, without those that only the guest itself or its own link can reach.
          type: list
          elements: dict
          contains:
            address:
              description: IPv4 or IPv6 address.
              type: str
              sample: 192.168.122.57
            prefix:
              description: Length of the network's prefix.
              returned: when it is known
              type: int
              sample: 24
            source:
              description:
                - V(lease) if a network of libvirt has given it to the card, V(agent) if the guest agent says so, V(arp) if the host
                  has seen it lately.
              type: str
              sample: lease
    disks:
      description: Its disks, each with C(name), C(size), C(path) and whether it is C(owned), made by this collection.
      type: list
      elements: dict
      sample: [{name: root, size: 20 GiB, pool: default, format: qcow2, bus: virtio, path: /var/lib/libvirt/images/web1.root.qcow2, owned: true}]
    nics:
      description: Its network cards.
      type: list
      elements: dict
      sample: [{network: default, mac: "52:54:00:12:34:56", vlan: 0, model: virtio}]
    statistics:
      description:
        - What the guest uses. Counters count from the start of the guest's process on this host.
        - What libvirt does not know, or cannot tell at once because the guest is busy, is left out. Of a guest that is off there
          are the state, its processors, its memory and the sizes of its disks.
      returned: when O(statistics=true)
      type: dict
      contains:
        state:
          description: V(running), V(paused), V(stopped), V(blocked), V(shutting down), V(crashed) or V(suspended).
          type: str
          sample: running
        state_reason:
          description: Why it is in that state, such as V(booted), V(user), V(i/o error), V(shut down), V(power cut) or V(crashed).
          type: str
          sample: booted
        started:
          description: When the guest's process was started on this host, in UTC.
          returned: when it runs, with O(uri=qemu:///system)
          type: str
          sample: "2026-11-25T09:30:24Z"
        cpu_time_ns:
          description: Processor time that the guest has used, in nanoseconds.
          type: int
          sample: 4150000000
        cpu_user_ns:
          description: Processor time in the process's own code (without acceleration that is the guest), in nanoseconds.
          type: int
          sample: 3900000000
        cpu_system_ns:
          description: Processor time in the host's kernel for the guest, in nanoseconds.
          type: int
          sample: 250000000
        vcpus:
          description: Virtual processors that the guest has now.
          type: int
          sample: 2
        vcpus_max:
          description: Virtual processors that it can be given while it runs.
          type: int
          sample: 4
        memory_bytes:
          description: Memory that the guest has now, by its balloon.
          type: int
          sample: 2147483648
        memory_max_bytes:
          description: Memory that it can be given while it runs.
          type: int
          sample: 4294967296
        memory_available_bytes:
          description: Memory that the guest's own system sees.
          returned: when the guest's balloon driver tells
          type: int
          sample: 2061000704
        memory_unused_bytes:
          description: Memory that the guest's system leaves wholly unused.
          returned: when the guest's balloon driver tells
          type: int
          sample: 1503238553
        memory_usable_bytes:
          description: Memory that programs in the guest could still get without swapping.
          returned: when the guest's balloon driver tells
          type: int
          sample: 1803550720
        memory_resident_bytes:
          description: Memory of the host that the guest's process holds.
          type: int
          sample: 1288490188
        swap_in_bytes:
          description: What the guest's system has read from its swap.
          returned: when the guest's balloon driver tells
          type: int
          sample: 0
        swap_out_bytes:
          description: What the guest's system has written to its swap.
          returned: when the guest's balloon driver tells
          type: int
          sample: 0
        major_faults:
          description: Page faults in the guest that took reading from a disk.
          returned: when the guest's balloon driver tells
          type: int
          sample: 812
        minor_faults:
          description: Page faults in the guest that did not.
          returned: when the guest's balloon driver tells
          type: int
          sample: 512034
        disks:
          description: Its disks, without cdrom drives.
          type: list
          elements: dict
          contains:
            name:
              description: Name of the disk, as in the guest's RV(guests[].disks).
              type: str
              sample: root
            device:
              description: Device name that libvirt knows it by.
              type: str
              sample: vda
            read_bytes:
              description: What the guest has read.
              type: int
              sample: 52428800
            read_requests:
              description: How often it has read.
              type: int
              sample: 4021
            read_time_ns:
              description: Time that reading took, in nanoseconds.
              type: int
              sample: 801000000
            write_bytes:
              description: What the guest has written.
              type: int
              sample: 10485760
            write_requests:
              description: How often it has written.
              type: int
              sample: 911
            write_time_ns:
              description: Time that writing took, in nanoseconds.
              type: int
              sample: 302000000
            flush_requests:
              description: How often it has asked for its data to be on the disk.
              type: int
              sample: 40
            flush_time_ns:
              description: Time that this took, in nanoseconds.
              type: int
              sample: 90000000
            capacity_bytes:
              description: Size of the disk as the guest sees it.
              type: int
              sample: 21474836480
            allocation_bytes:
              description: How far the guest's data reaches in the image, or what of it is allocated where the guest is off.
              type: int
              sample: 1717986918
            physical_bytes:
              description: Size of the image's file, or of the device, on the host.
              type: int
              sample: 1718026240
        nics:
          description: Its network cards. Empty for a guest that is off.
          type: list
          elements: dict
          contains:
            mac:
              description: MAC address of the card.
              type: str
              sample: "52:54:00:12:34:56"
            rx_bytes:
              description: What the guest has received.
              type: int
              sample: 10240
            rx_packets:
              description: Packets that it has received.
              type: int
              sample: 120
            rx_errors:
              description: Errors in receiving.
              type: int
              sample: 0
            rx_drops:
              description: Packets for it that were dropped.
              type: int
              sample: 0
            tx_bytes:
              description: What the guest has sent.
              type: int
              sample: 8192
            tx_packets:
              description: Packets that it has sent.
              type: int
              sample: 96
            tx_errors:
              description: Errors in sending.
              type: int
              sample: 0
            tx_drops:
              description: Packets from it that were dropped.
              type: int
              sample: 0
"""

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.driver import INFO, make_kvm_driver
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.module import run_info_module


def main() -> None:
    """Run the module."""
    run_info_module(INFO, make_kvm_driver)


if __name__ == "__main__":
    main()
