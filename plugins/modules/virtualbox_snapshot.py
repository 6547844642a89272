# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes, reverts to and deletes snapshots of VirtualBox guests."""

from __future__ import annotations

DOCUMENTATION = r"""
module: virtualbox_snapshot
short_description: Manage snapshots of VirtualBox guests
version_added: 0.1.0
description:
  - Takes snapshots of guests, goes back to them, and deletes them. A snapshot of that name that is there is left alone.
  - Nothing is lost that was not named. To go back costs what the guest has written since, and takes
    O(discard_newer=true). To delete a snapshot leaves the guest as it is now, and all other snapshots.
  - VirtualBox keeps guests for each user. These are the guests of the user that the task runs as (C(become_user)).
  - M(hostforge.hypervisor.virtualbox_snapshot_info) lists snapshots.
author: [The hostforge.hypervisor contributors (@hostforge)]
requirements:
  - VirtualBox 7.1 or later with its Python bindings (C(vboxapi)), for the interpreter that runs the module
attributes:
  check_mode:
    support: full
    description: Changes nothing and returns the changes that a run would make. Where VirtualBox is not installed yet, it
      is taken to have no snapshots.
  diff_mode:
    support: full
    description: Returns what differs, before and after, as YAML.
options:
  snapshots:
    description:
      - Several snapshots at once, of one guest or of many. Each entry takes the same options; those of the task itself
        are the defaults of each entry. They are handled in their order.
      - Mutually exclusive with O(name).
    type: list
    elements: dict
    suboptions:
      guest: &guest
        description: The name of the guest. It must exist where a snapshot is to be taken.
        type: str
      name:
        description: The name of the snapshot.
        type: str
        required: true
      state: &state
        description:
          - V(present) takes the snapshot unless it is there.
          - V(reverted) brings the guest back to the snapshot, which must be there, and keeps the snapshot. What the guest
            has written since is lost, so this needs O(discard_newer=true). It is done on every run.
          - V(absent) deletes the snapshot. The guest and its other snapshots stay as they are.
        type: str
        choices: [present, reverted, absent]
      description: &description
        description: A description. That of a snapshot that is there is changed.
        type: str
      memory: &memory
        description:
          - Whether the snapshot holds the guest's memory, so that it goes on from there when it is reverted to. That of
            a guest that is running, paused or saved always does, and the guest stands still while it is written.
          - That of a snapshot that is there cannot be changed.
        type: bool
      discard_newer: &discard_newer
        description: Whether O(state=reverted) may discard what the guest has written since the snapshot was taken.
        type: bool
      restart: &restart
        description:
          - Whether a running guest may be shut down to be reverted. V(never) refuses, V(graceful) asks it to shut down,
            V(force) cuts its power when it does not within O(shutdown_timeout).
          - It then runs again, from its memory where the snapshot holds that.
        type: str
        choices: [never, graceful, force]
      shutdown_timeout: &shutdown_timeout
        description: Seconds that a guest gets to shut down.
        type: int
  guest: *guest
  name:
    description: The name of the snapshot.
    type: str
  state:
    <<: *state
    default: present
  description: *description
  memory: *memory
  discard_newer:
    <<: *discard_newer
    default: false
  restart:
    <<: *restart
    default: never
  shutdown_timeout:
    <<: *shutdown_timeout
    default: 120
seealso:
  - module: hostforge.hypervisor.virtualbox_snapshot_info
  - module: hostforge.hypervisor.virtualbox_guest
notes:
  - A snapshot is no backup. It is on the same storage as the guest, and what the guest has written since is worth nothing
    without it.
  - A snapshot brings the guest's settings of its time back as well, such as its memory and its cards. Run
    M(hostforge.hypervisor.virtualbox_guest) afterwards to have them as they are wished.
  - Disks of the types C(writethrough) and C(readonly) are in no snapshot.
  - VirtualBox deletes no snapshot that several later ones, or the guest and a later one, go on from. Delete the later
    ones first, or in the same task.
"""

EXAMPLES = r"""
- name: Take a snapshot before an upgrade
  hostforge.hypervisor.virtualbox_snapshot:
    guest: web1
    name: before-upgrade
    description: Debian 12
  become: true
  become_user: vm

- name: Go back
  hostforge.hypervisor.virtualbox_snapshot:
    guest: web1
    name: before-upgrade
    state: reverted
    discard_newer: true
    restart: graceful

- name: All went well
  hostforge.hypervisor.virtualbox_snapshot:
    state: absent
    snapshots:
      - {guest: web1, name: before-upgrade}
      - {guest: db1, name: nightly}
"""

RETURN = r"""
snapshots:
  description: One entry for each snapshot, in the order of the task.
  returned: always
  type: list
  elements: dict
  contains:
    name:
      description: The guest and the snapshot, as C(GUEST/SNAPSHOT).
      type: str
    changed:
      description: Whether something was changed, or in check mode would be.
      type: bool
    actions:
      description: The changes in order, each with its verb, its field, and the values before and after.
      type: list
      elements: dict
    snapshot:
      description: The snapshot as it is now, as M(hostforge.hypervisor.virtualbox_snapshot_info) tells.
      type: dict
    error:
      description: Why it failed, where it did.
      type: str
"""

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.virtualbox.snapshot_driver import (
    make_snapshot_driver,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.module import Module, run
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.snapshots import SNAPSHOT, parse_snapshots
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.spec import entry_spec


def main() -> None:
    """Run the module."""
    snapshots = {"type": "list", "elements": "dict", "options": entry_spec(SNAPSHOT)}
    module = Module("snapshots", parse_snapshots, SNAPSHOT, argument_spec={"snapshots": snapshots, **SNAPSHOT})
    run(module, "virtualbox", make_snapshot_driver)


if __name__ == "__main__":
    main()
