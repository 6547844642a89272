#!/usr/bin/python
# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module virtualbox_guest: guests of VirtualBox, made what their specification says."""

from __future__ import annotations

DOCUMENTATION = r"""
module: virtualbox_guest
short_description: Make guests of VirtualBox what their specification says
version_added: 0.1.0
description:
  - Creates, changes, starts, stops and removes guests of VirtualBox, through its own Python bindings on the host.
  - VirtualBox keeps guests for each user. These are the guests of the user that the task runs as (C(become_user)).
  - All guests of a host travel in one task. What is not written is left alone, also in guests that others made.
  - VirtualBox takes few changes of a guest that runs. For all others the guest is shut down, changed and started again, if
    O(restart) allows that, and they are refused otherwise.
  - One guest's failure does not stop the others. The task fails at its end and names each.
author:
  - The hostforge.hypervisor contributors (@hostforge)
extends_documentation_fragment:
  - hostforge.hypervisor.guest
  - hostforge.hypervisor.virtualbox
  - hostforge.hypervisor.virtualbox.guests
  - hostforge.hypervisor.virtualbox.disks
  - hostforge.hypervisor.virtualbox.nics
seealso:
  - module: hostforge.hypervisor.guest
  - module: hostforge.hypervisor.virtualbox_guest_info
"""

EXAMPLES = r"""
- name: A guest with a system disk from an image, reached by ssh through a port of the host
  hostforge.hypervisor.virtualbox_guest:
    name: web1
    state: running
    vcpus: 2
    memory: 2 GiB
    disks:
      - name: root
        size: 20 GiB
        image:
          source: https://images.example.org/debian-13.qcow2
          checksum: sha512:https://images.example.org/SHA512SUMS
    nics:
      - network: nat
        virtualbox:
          forwards: ["ssh,tcp,127.0.0.1,2222,,22"]
    cloud_init:
      user_data:
        hostname: web1
    virtualbox:
      ostype: Debian_64
      groups: [/web]
      serial: file:/var/log/web1.serial
  become: true
  become_user: vm

- name: Guests on an internal network and on a bridge, which start with the host
  hostforge.hypervisor.virtualbox_guest:
    autostart: {delay: 30}
    guests:
      - name: db1
        memory: 4 GiB
        disks:
          - {name: root, size: 40 GiB}
          - {name: data, size: 200 GiB, pool: slow, format: vmdk}
        nics:
          - network: internal:backend
          - bridge: eth0
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

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.virtualbox.driver import (
    TASK,
    make_virtualbox_driver,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.virtualbox.forms import FORMS
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.virtualbox.traits import OWN
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.module import run_guest_module


def main() -> None:
    """Run the module."""
    run_guest_module("virtualbox", OWN, TASK, make_virtualbox_driver, FORMS)


if __name__ == "__main__":
    main()
