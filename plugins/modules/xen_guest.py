#!/usr/bin/python
# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module xen_guest: guests of Xen, made what their specification says."""

from __future__ import annotations

DOCUMENTATION = r"""
module: xen_guest
short_description: Make guests of Xen what their specification says
version_added: 0.1.0
description:
  - Creates, changes, starts, stops and removes guests of Xen, through xl and the files in C(/etc/xen).
  - A guest is defined by a file C(/etc/xen/*.cfg), whatever the file's name. What is not written is left alone in it, byte for
    byte. A guest that runs without a file gets one, made of what it runs with.
  - All guests of a host travel in one task. What is not written is left alone, also in guests that others made.
  - One guest's failure does not stop the others. The task fails at its end and names each.
author:
  - The hostforge.hypervisor contributors (@hostforge)
extends_documentation_fragment:
  - hostforge.hypervisor.guest
  - hostforge.hypervisor.guest.nics
  - hostforge.hypervisor.xen
  - hostforge.hypervisor.xen.guests
  - hostforge.hypervisor.xen.disks
seealso:
  - module: hostforge.hypervisor.guest
  - module: hostforge.hypervisor.xen_guest_info
"""

EXAMPLES = r"""
- name: A guest that boots a kernel of the host, with an empty disk and a card on a bridge
  hostforge.hypervisor.xen_guest:
    name: lab1
    state: running
    memory: 512 MiB
    disks:
      - {name: data, size: 10 GiB, format: raw}
    nics:
      - bridge: xenbr0
    xen:
      type: pvh
      kernel: /srv/boot/vmlinuz
      ramdisk: /srv/boot/initrd.img
      cmdline: console=hvc0 root=/dev/xvda1

- name: Guests with a system disk from an image, which GRUB boots; they start with the host, the database first
  hostforge.hypervisor.xen_guest:
    state: running
    nics:
      - bridge: xenbr0
    guests:
      - name: db1
        memory: 4 GiB
        memory_max: 8 GiB
        autostart: {order: 10, delay: 30}
        disks:
          - name: root
            size: 20 GiB
            image:
              source: https://images.example.org/debian-12.qcow2
              checksum: sha512:https://images.example.org/SHA512SUMS
          - {name: data, size: 200 GiB, pool: vg0}
        cloud_init:
          user_data:
            hostname: db1
      - name: old1
        state: absent
"""

RETURN = r"""
guests:
  description: What became of each guest, in the order of the task.
  returned: always
  type: list
  elements: dict
  contains:
    name:
      description: Name of the guest.
      type: str
    changed:
      description: Whether something was changed, or in check mode would be.
      type: bool
    actions:
      description: The changes, in order, each with C(verb), C(field), C(before) and C(after).
      type: list
      elements: dict
    restart_required:
      description: Whether the running guest only gets all that was written when it is restarted.
      type: bool
    guest:
      description: The guest as it is, in the words of the options, with C(uuid) and C(addresses).
      type: dict
    error:
      description: Why the guest is not what was written.
      returned: when it failed
      type: str
    kept_disks:
      description: Paths of disks that are no longer the guest's, whose data was kept.
      returned: when there are any
      type: list
      elements: str
restart_required:
  description: Whether any guest has to be restarted.
  returned: always
  type: bool
"""

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.xen.driver import TASK, make_xen_driver
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.xen.forms import FORMS
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.xen.traits import OWN
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.module import run_guest_module


def main() -> None:
    """Run the module."""
    run_guest_module("xen", OWN, TASK, make_xen_driver, FORMS)


if __name__ == "__main__":
    main()
