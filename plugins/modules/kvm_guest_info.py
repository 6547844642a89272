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
author:
  - The hostforge.hypervisor contributors (@hostforge)
extends_documentation_fragment:
  - hostforge.hypervisor.kvm
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
  - module: hostforge.hypervisor.kvm_guest
"""

EXAMPLES = r"""
- name: Look at all guests
  hostforge.hypervisor.kvm_guest_info:
  register: found

- name: Show their addresses
  ansible.builtin.debug:
    msg: "{{ found.guests | items2dict(key_name='name', value_name='addresses') }}"
"""

RETURN = r"""
guests:
  description: The guests in the order of their names, each in the words of M(hostforge.hypervisor.kvm_guest)'s options.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Name of the guest.
      type: str
    state:
      description: V(running), V(paused) or V(stopped).
      type: str
    uuid:
      description: The hypervisor's identifier.
      type: str
    addresses:
      description: Network addresses that are known of the guest.
      type: list
      elements: str
    disks:
      description: Its disks, each with C(name), C(size), C(path) and whether it is C(owned), made by this collection.
      type: list
      elements: dict
    nics:
      description: Its network cards.
      type: list
      elements: dict
"""

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.driver import URI, make_kvm_driver
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.module import run_info_module


def main() -> None:
    """Run the module."""
    run_info_module(URI, make_kvm_driver)


if __name__ == "__main__":
    main()
