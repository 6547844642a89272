#!/usr/bin/python
# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module guest: guests of whichever hypervisor the host has. The work is done by the action plugin of this name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: guest
short_description: Make guests what their specification says, on any hypervisor
version_added: 0.1.0
description:
  - Picks the module of the host's hypervisor, C(<hypervisor>_guest), and gives it the options of this task.
  - One guest specification serves all hypervisors. What only one of them has stands under its own name, such as
    C(kvm), and is left out on the others.
author:
  - The hostforge.hypervisor contributors (@hostforge)
extends_documentation_fragment:
  - hostforge.hypervisor.guest
  - hostforge.hypervisor.guest.nics
  - hostforge.hypervisor.guest.disks
options:
  hypervisor:
    description: Hypervisor of the host. The host's variable C(hypervisor) where nothing is written.
    type: str
notes:
  - Other options of the task are those of the hypervisor's own module; see there.
seealso:
  - module: hostforge.hypervisor.kvm_guest
"""

EXAMPLES = r"""
- name: The guests of every hypervisor host, from its inventory
  hostforge.hypervisor.guest:
    guests: "{{ hypervisor_guests }}"

- name: Remove a guest and the disks that were made for it
  hostforge.hypervisor.guest:
    hypervisor: kvm
    name: web1
    state: absent
    delete_disks: true
"""

RETURN = r"""
guests:
  description: As of the hypervisor's own module.
  returned: always
  type: list
  elements: dict
restart_required:
  description: Whether any guest has to be restarted to get all that was written.
  returned: always
  type: bool
"""
