#!/usr/bin/python
# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module xen_guest_info: tells about the guests of Xen on a host."""

from __future__ import annotations

DOCUMENTATION = r"""
module: xen_guest_info
short_description: Tell about guests of Xen
version_added: 0.1.0
description:
  - Reads all guests of a host, or those that are named, in one batch. Changes nothing.
  - Guests are those that a file C(/etc/xen/*.cfg) defines, whether they run or not, and those that run without one.
  - Xen knows no addresses of guests. Those are told that the host itself has seen lately (ARP and neighbour discovery).
author:
  - The hostforge.hypervisor contributors (@hostforge)
extends_documentation_fragment:
  - hostforge.hypervisor.xen
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
  - module: hostforge.hypervisor.xen_guest
"""

EXAMPLES = r"""
- name: Look at all guests
  hostforge.hypervisor.xen_guest_info:
  register: found

- name: Show those whose memory was saved when the host was shut down
  ansible.builtin.debug:
    msg: "{{ found.guests | selectattr('saved') | map(attribute='name') }}"
"""

RETURN = r"""
guests:
  description:
    - The guests in the order of their names, each in the words of M(hostforge.hypervisor.xen_guest)'s options.
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
      returned: when it is written in the file
      type: str
      sample: 6a1a3bcd-0a53-4c7e-a0e5-6e8a5f1a2f10
    addresses:
      description: Network addresses that the host has seen of the guest lately.
      returned: when the guest has a uuid
      type: list
      elements: str
      sample: [192.0.2.57]
    disks:
      description: Its disks, each with C(name), C(size), C(path) and whether it is C(owned), made by this collection.
      type: list
      elements: dict
      sample: [{name: root, size: 20 GiB, pool: default, format: qcow2, path: /var/lib/xen/images/web1.root.qcow2, owned: true, vdev: xvda}]
    files:
      description: The files that define the guest. None for one that runs without; more than one is too many.
      type: list
      elements: str
      sample: [/etc/xen/web1.cfg]
    domid:
      description: Number of the guest's domain, null when there is none.
      type: int
      sample: 7
    saved:
      description: File that the memory of the guest was saved in when the host was shut down, null when there is none.
      type: str
      sample: /var/lib/xen/save/web1
"""

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.xen.driver import INFO, make_xen_driver
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.module import run_info_module


def main() -> None:
    """Run the module."""
    run_info_module(INFO, make_xen_driver)


if __name__ == "__main__":
    main()
