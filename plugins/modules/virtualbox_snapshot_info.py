# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tells about the snapshots of VirtualBox guests."""

from __future__ import annotations

DOCUMENTATION = r"""
module: virtualbox_snapshot_info
short_description: Tell about snapshots of VirtualBox guests
version_added: 0.1.0
description:
  - Lists the snapshots of all guests of a host, or of those that are named, whoever took them. Changes nothing.
  - VirtualBox keeps guests for each user. These are the guests of the user that the task runs as (C(become_user)).
author: [The hostforge.hypervisor contributors (@hostforge)]
requirements:
  - VirtualBox 7.1 or later with its Python bindings (C(vboxapi)), for the interpreter that runs the module
attributes:
  check_mode:
    support: full
    description: Changes nothing anyway.
options:
  guests:
    description: Names of the guests to tell about; all where nothing is written. Names that do not exist are left out.
    type: list
    elements: str
seealso:
  - module: hostforge.hypervisor.virtualbox_snapshot
"""

EXAMPLES = r"""
- name: Look for snapshots
  hostforge.hypervisor.virtualbox_snapshot_info:
  register: found

- name: Name those that are older than a month
  ansible.builtin.debug:
    msg: "{{ found.snapshots | selectattr('taken', 'lt', '2026-10-25') | map(attribute='snapshot') }}"
"""

RETURN = r"""
snapshots:
  description: The snapshots by guest, in the order in which they were taken. What is not so, or not known, is left out.
  returned: success
  type: list
  elements: dict
  contains:
    guest:
      description: Name of the guest.
      type: str
    snapshot:
      description: Name of the snapshot.
      type: str
    description:
      description: Its description.
      type: str
    memory:
      description: Whether it holds the guest's memory.
      type: bool
    taken:
      description: When it was taken, in UTC, as ISO 8601.
      type: str
    power:
      description: What the guest was doing, V(running) where it holds the memory, V(stopped) otherwise.
      type: str
    parent:
      description: The snapshot that the guest had been on before.
      type: str
    current:
      description: Whether it is the one that the guest has gone on from.
      type: bool
    uuid:
      description: VirtualBox's identifier, for VirtualBox allows a name more than once.
      type: str
    disks:
      description: The guest's disks, each with its C(device), the place that it was in; the C(kind), V(no) where the
        snapshot does not hold it because its type is C(writethrough) or C(readonly), else V(external); and the C(path)
        of the file that it was in, which is left as it is while the snapshot is there.
      type: list
      elements: dict
"""

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.virtualbox.snapshot_driver import (
    SnapshotDriver,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.module import run_snapshot_info_module


def main() -> None:
    """Run the module."""
    run_snapshot_info_module({}, lambda _params, host: SnapshotDriver(host))


if __name__ == "__main__":
    main()
