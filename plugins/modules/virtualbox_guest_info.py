#!/usr/bin/python
# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module virtualbox_guest_info: tells about the guests of VirtualBox on a host."""

from __future__ import annotations

DOCUMENTATION = r"""
module: virtualbox_guest_info
short_description: Tell about guests of VirtualBox
version_added: 0.1.0
description:
  - Reads all guests of a host, or those that are named, in one batch. Changes nothing.
  - VirtualBox keeps guests for each user. These are the guests of the user that the task runs as (C(become_user)).
  - Addresses are those that the guest itself tells, by its Guest Additions.
author:
  - The hostforge.hypervisor contributors (@hostforge)
extends_documentation_fragment:
  - hostforge.hypervisor.virtualbox
options:
  names:
    description: Names of the guests to tell about; all where nothing is written. Names that do not exist are left out.
    type: list
    elements: str
attributes:
  check_mode:
    support: full
    description: Changes nothing anyway.
seealso:
  - module: hostforge.hypervisor.virtualbox_guest
"""

EXAMPLES = r"""
- name: Look at all guests
  hostforge.hypervisor.virtualbox_guest_info:
  register: found

- name: Show those whose memory is saved
  ansible.builtin.debug:
    msg: "{{ found.guests | selectattr('machine_state', 'eq', 'Saved') | map(attribute='name') }}"
"""

RETURN = r"""
guests:
  description:
    - The guests in the order of their names, each in the words of M(hostforge.hypervisor.virtualbox_guest)'s options.
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
      description: Network addresses that the guest tells.
      type: list
      elements: str
      sample: [192.0.2.57]
    disks:
      description: Its disks, each with C(name), C(size), C(path) and whether it is C(owned), made by this collection.
      type: list
      elements: dict
      sample: [{name: root, size: 20 GiB, pool: default, format: vdi, bus: sata, path: /home/vm/disks/web1.root.vdi, owned: true, hotplug: true}]
    file:
      description: The file with the guest's settings.
      type: str
      sample: /home/vm/VirtualBox VMs/web1/web1.vbox
    machine_state:
      description: The state in VirtualBox's own word, such as V(Running), V(PoweredOff), V(Saved), V(Aborted) or V(Stuck).
      type: str
      sample: Running
    snapshots:
      description: How many snapshots the guest has.
      type: int
      sample: 0
"""

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.virtualbox.driver import (
    INFO,
    make_virtualbox_driver,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.module import run_info_module


def main() -> None:
    """Run the module."""
    run_info_module(INFO, make_virtualbox_driver)


if __name__ == "__main__":
    main()
