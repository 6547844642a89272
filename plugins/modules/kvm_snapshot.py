# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes, reverts to and deletes snapshots of KVM guests."""

from __future__ import annotations

DOCUMENTATION = r"""
module: kvm_snapshot
short_description: Manage snapshots of KVM guests
version_added: 0.1.0
description:
  - Takes snapshots of guests, goes back to them, and deletes them. A snapshot of that name that is there is left alone.
  - Nothing is lost that was not named. To go back costs what the guest has written since, and takes
    O(discard_newer=true). To delete a snapshot leaves the guest as it is now, and all other snapshots.
  - Guests whose disks have moved to the overlays of an external snapshot stay the same guests with the same disks for
    M(hostforge.hypervisor.kvm_guest).
  - M(hostforge.hypervisor.kvm_snapshot_info) lists snapshots.
author: [The hostforge.hypervisor contributors (@hostforge)]
requirements:
  - libvirt and its Python bindings on the host (the role P(hostforge.hypervisor.kvm_host#role) installs them)
  - libvirt 9.0 or later on the host to delete external snapshots
attributes:
  check_mode:
    support: full
    description: Changes nothing and returns the changes that a run would make. Where libvirt is not installed yet, it
      is taken to have no snapshots.
  diff_mode:
    support: full
    description: Returns what differs, before and after, as YAML.
options:
  uri:
    description: The libvirt to talk to.
    type: str
    default: qemu:///system
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
      kind: &kind
        description:
          - V(internal) keeps the snapshot within the disks, all of which must be qcow2. Of a running guest it holds its
            memory as well, and the guest stands still while that is written. UEFI guests cannot have one, but for
            libvirt 10.10 or later and UEFI variables in a qcow2 file.
          - V(external) leaves the disks' files as they are and has the guest go on in new ones beside them, named
            C(GUEST.DISK.SNAPSHOT.qcow2). It holds the disks only. Disks of any format that are files can have one.
          - V(auto) is V(internal) where that can be, and V(external) otherwise, or where O(quiesce=true) or
            O(memory=false) of a running guest ask for it.
          - That of a snapshot that is there cannot be changed.
        type: str
        choices: [auto, internal, external]
      memory: &memory
        description:
          - Whether the snapshot of a running guest holds its memory, so that it goes on from there when it is reverted
            to. Only internal snapshots do, and of a running guest they always do.
          - That of a snapshot that is there cannot be changed.
        type: bool
      quiesce: &quiesce
        description:
          - Whether the guest's agent brings its file systems into a clean state while an external snapshot of a running
            guest is taken. Needs the QEMU guest agent in the guest. Without it such a snapshot is what a disk is after a
            power failure.
          - Of a guest that is off there is nothing to do.
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
  kind:
    <<: *kind
    default: auto
  memory: *memory
  quiesce:
    <<: *quiesce
    default: false
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
  - module: hostforge.hypervisor.kvm_snapshot_info
  - module: hostforge.hypervisor.kvm_guest
notes:
  - A snapshot is no backup. It is on the same storage as the guest, and an external one is worth nothing without the
    files below it.
  - An internal snapshot brings the guest's settings of its time back as well. Run M(hostforge.hypervisor.kvm_guest)
    afterwards to have them as they are wished. An external one brings back the disks only.
  - UEFI variables, TPM state, and what is on cdroms and read-only disks, are in no external snapshot.
  - An external snapshot can be reverted to while no later one builds upon it.
"""

EXAMPLES = r"""
- name: Take a snapshot before an upgrade
  hostforge.hypervisor.kvm_snapshot:
    guest: web1
    name: before-upgrade
    description: Debian 12

- name: Take one of the disks of a running guest, with clean file systems
  hostforge.hypervisor.kvm_snapshot:
    guest: db1
    name: nightly
    kind: external
    quiesce: true

- name: Go back
  hostforge.hypervisor.kvm_snapshot:
    guest: web1
    name: before-upgrade
    state: reverted
    discard_newer: true
    restart: graceful

- name: All went well
  hostforge.hypervisor.kvm_snapshot:
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
      description: The snapshot as it is now, as M(hostforge.hypervisor.kvm_snapshot_info) tells.
      type: dict
    error:
      description: Why it failed, where it did.
      type: str
"""

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.driver import URI
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.snapshot_driver import (
    make_snapshot_driver,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.snapshot_spec import (
    SNAPSHOT,
    parse_snapshots,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.module import Module, run
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.spec import entry_spec


def main() -> None:
    """Run the module."""
    snapshots = {"type": "list", "elements": "dict", "options": entry_spec(SNAPSHOT)}
    spec = {**URI, "snapshots": snapshots, **SNAPSHOT}
    module = Module("snapshots", parse_snapshots, SNAPSHOT, argument_spec=spec)
    run(module, "kvm", make_snapshot_driver)


if __name__ == "__main__":
    main()
