#!/usr/bin/python
# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module kvm_guest: guests of KVM, made what their specification says."""

from __future__ import annotations

DOCUMENTATION = r"""
module: kvm_guest
short_description: Make guests of KVM what their specification says
version_added: 0.1.0
description:
  - Creates, changes, starts, stops and removes guests of KVM (or of QEMU without acceleration), through libvirt.
  - All guests of a host travel in one task. What is not written is left alone, also in guests that others made.
  - One guest's failure does not stop the others. The task fails at its end and names each.
author:
  - The hostforge.hypervisor contributors (@hostforge)
extends_documentation_fragment:
  - hostforge.hypervisor.guest
  - hostforge.hypervisor.guest.nics
  - hostforge.hypervisor.kvm
  - hostforge.hypervisor.kvm.guests
  - hostforge.hypervisor.kvm.disks
seealso:
  - module: hostforge.hypervisor.guest
  - module: hostforge.hypervisor.kvm_guest_info
"""

EXAMPLES = r"""
- name: A guest with a system disk from an image, on libvirt's default network
  hostforge.hypervisor.kvm_guest:
    name: web1
    state: running
    vcpus: 2
    memory: 2 GiB
    disks:
      - name: root
        size: 20 GiB
        image:
          source: https://images.example.org/debian-12.qcow2
          checksum: sha512:https://images.example.org/SHA512SUMS
    nics:
      - network: default
    cloud_init:
      user_data:
        hostname: web1
        users:
          - name: ops
            ssh_authorized_keys: ["{{ lookup('ansible.builtin.file', '~/.ssh/id_ed25519.pub') }}"]
    wait_for: address

- name: Many guests in one task; the task's own options are the defaults of each
  hostforge.hypervisor.kvm_guest:
    state: running
    memory: 1 GiB
    nics:
      - network: default
    guests:
      - name: db1
        memory: 8 GiB
        disks:
          - {name: root, size: 40 GiB}
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

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.driver import TASK, make_kvm_driver
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.forms import FORMS
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.traits import OWN
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.module import run_guest_module


def main() -> None:
    """Run the module."""
    run_guest_module("kvm", OWN, TASK, make_kvm_driver, FORMS)


if __name__ == "__main__":
    main()
