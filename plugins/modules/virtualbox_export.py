#!/usr/bin/python
# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module virtualbox_export: guests of VirtualBox as OVF packages."""

from __future__ import annotations

DOCUMENTATION = r"""
module: virtualbox_export
short_description: Write guests of VirtualBox as OVF packages
version_added: 0.1.0
description:
  - Writes a guest as one file (OVA), which other hosts and hypervisors can make a guest from, such as
    M(hostforge.hypervisor.guest) with its option C(package).
  - The package has the guest's processors, memory, firmware, Secure Boot, TPM, description, disks, network cards and drives.
    Media, the data of cloud-init, and what only VirtualBox has are not in it.
  - Nothing is done where the file is there, says of the guest what is so now, and is no older than the data of its disks.
    An older package of the same guest is replaced when the new one is whole and was read again. Any other file stays, and
    the task fails.
  - The guest has to be off. VirtualBox itself writes the disks, as streamOptimized VMDK, with all that snapshots have on top.
  - VirtualBox keeps guests for each user. These are the guests of the user that the task runs as (C(become_user)), and only
    that user can read the file.
author:
  - The hostforge.hypervisor contributors (@hostforge)
extends_documentation_fragment:
  - hostforge.hypervisor.virtualbox
options:
  name:
    description: Name of the guest. One export is described by the task itself, several by O(exports).
    type: str
  path:
    description: Path of the file on the host, which ends in C(.ova). Its folder has to be there, with room for it twice.
    type: path
  exports:
    description: Exports to make, all in one task.
    type: list
    elements: dict
    suboptions:
      name:
        description: Name of the guest.
        type: str
        required: true
      path:
        description: As that of the task.
        type: path
attributes:
  check_mode:
    support: full
    description: Changes nothing, and says what a run would change.
  diff_mode:
    support: full
    description: Shows what the package says, before and after.
  idempotent:
    support: full
    description: Does nothing when the package is that of the guest as it is.
seealso:
  - module: hostforge.hypervisor.virtualbox_guest
"""

EXAMPLES = r"""
- name: A package of a guest that is off
  hostforge.hypervisor.virtualbox_export:
    name: web1
    path: /srv/packages/web1.ova
  become: true
  become_user: vm
"""

RETURN = r"""
exports:
  description: One entry for each export, in the order of the task.
  returned: always
  type: list
  elements: dict
  contains:
    name:
      description: Name of the guest.
      type: str
    changed:
      description: Whether a package was written, or in check mode would be.
      type: bool
    actions:
      description: The changes, each with C(verb), C(field), and what the package says C(before) and C(after).
      type: list
      elements: dict
    export:
      description: The C(path) of the package.
      type: dict
    error:
      description: Why it failed, where it did.
      type: str
"""

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.virtualbox.driver import (
    INFO,
    make_virtualbox_driver,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.virtualbox.export import VirtualBoxGiver
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.export import EXPORT, Exports, parse_exports
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.host import Host
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.module import Module, run


def main() -> None:
    """Run the module."""
    entry = {**EXPORT, "name": {**EXPORT["name"], "required": True}}
    exports = {"type": "list", "elements": "dict", "options": entry}
    module = Module("exports", parse_exports, EXPORT, argument_spec={**EXPORT, "exports": exports, **INFO})

    def make(params: dict[str, object], host: Host) -> Exports:
        driver = make_virtualbox_driver(params, host)
        paths = {wish.item.name: wish.item.path for wish in parse_exports(params)}
        return Exports(driver, VirtualBoxGiver(driver), host, paths)

    run(module, "virtualbox", make)


if __name__ == "__main__":
    main()
