# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes libvirt storage pools what a task says."""

from __future__ import annotations

DOCUMENTATION = r"""
module: kvm_pool
short_description: Manage libvirt storage pools
version_added: 0.1.0
description:
  - Makes storage pools of a KVM host what the task says. A pool that exists and differs is changed, one that is right
    is left alone.
  - What is not written is left alone, and what this module does not know in a pool's definition survives a change.
  - No data is ever deleted. Removing a pool removes its definition and leaves its volumes, its folder and its file
    system where they are.
  - All pools of a host are handled in one task. When one fails the others are still made, and the task fails naming
    each that did not.
author: [The hostforge.hypervisor contributors (@hostforge)]
requirements:
  - libvirt and its Python bindings on the host (the role P(hostforge.hypervisor.kvm_host#role) installs them)
attributes:
  check_mode:
    support: full
    description: Changes nothing and returns the changes that a run would make. Where libvirt is not installed yet, it
      is taken to have no pools.
  diff_mode:
    support: full
    description: Returns what differs, before and after, as YAML.
options:
  uri:
    description: The libvirt to talk to.
    type: str
    default: qemu:///system
  pools:
    description:
      - Several pools at once. Each entry takes the same options; those of the task itself are the defaults of each
        entry.
      - Mutually exclusive with O(name).
    type: list
    elements: dict
    suboptions:
      name:
        description: The name of the pool.
        type: str
        required: true
      state: &state
        description:
          - V(running) makes the pool and starts it. V(stopped) makes it and stops it.
          - V(absent) stops it and removes its definition. Its data stays.
        type: str
        choices: [running, stopped, absent]
      type: &type
        description: The kind of storage. A new pool is of type V(dir) when nothing is written.
        type: str
        choices: [dir, fs, netfs, logical, disk, iscsi, mpath, zfs]
      path: &path
        description:
          - Where the pool's volumes are on the host. Needed for a new pool of type V(dir), V(fs) or V(netfs), whose
            folder is made when missing.
          - A pool that has volumes is not pointed at another place unless O(repoint=true).
        type: path
      source: &source
        description: Where the storage comes from, for the types that need it.
        type: dict
        suboptions:
          device:
            description: A block device of the host (V(fs), V(disk)), or an iSCSI target (V(iscsi)). It is used as it is
              and never formatted.
            type: str
          host:
            description: The name or address of the server (V(netfs), V(iscsi)).
            type: str
          dir:
            description: The folder that the server exports (V(netfs)).
            type: str
          name:
            description: The name of the volume group (V(logical)) or of the ZFS pool (V(zfs)). It must exist.
            type: str
          format:
            description: The file system or partition table, as libvirt names it.
            type: str
      autostart: &autostart
        description: Whether the pool starts with the host. A new pool does not unless this is written.
        type: bool
      mode: &mode
        description:
          - The permissions of the pool's folder as three octal digits in quotes, for example V('0755').
          - On the folder of a pool of type V(fs) or V(netfs) a file system is mounted, whose permissions are set in it or
            on its server. Another O(mode), O(owner) or O(group) than it has is refused.
        type: str
      owner: &owner
        description: The user that owns the pool's folder, a name or a number.
        type: str
      group: &group
        description: The group that owns the pool's folder, a name or a number.
        type: str
      repoint: &repoint
        description:
          - Whether O(type), O(path) and O(source) of a pool that has volumes may change.
          - No volume is moved. Guests that exist keep looking for their disks in the old place.
        type: bool
  name:
    description: The name of the pool.
    type: str
  state:
    <<: *state
    default: running
  type: *type
  path: *path
  source: *source
  autostart: *autostart
  mode: *mode
  owner: *owner
  group: *group
  repoint:
    <<: *repoint
    default: false
seealso:
  - module: hostforge.hypervisor.kvm_network
notes:
  - A pool is stopped for a moment when its place or its permissions change. Running guests hold their disks open and
    notice nothing.
"""

EXAMPLES = r"""
- name: A folder for disks and one for fast disks
  hostforge.hypervisor.kvm_pool:
    autostart: true
    pools:
      - name: default
        path: /var/lib/libvirt/images
      - name: fast
        path: /srv/nvme/guests
        mode: '0711'

- name: A volume group that exists
  hostforge.hypervisor.kvm_pool:
    name: lvm
    type: logical
    source:
      name: vg_guests

- name: Forget a pool and keep its data
  hostforge.hypervisor.kvm_pool:
    name: old
    state: absent
"""

RETURN = r"""
pools:
  description: One entry for each pool, in the order of the task.
  returned: always
  type: list
  elements: dict
  contains:
    name:
      description: The name of the pool.
      type: str
    changed:
      description: Whether it was changed, or in check mode would be.
      type: bool
    actions:
      description: The changes in order, each with its verb, its field, and the values before and after.
      type: list
      elements: dict
    pool:
      description: The pool as it is now.
      type: dict
    error:
      description: Why it failed, where it did.
      type: str
"""

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.pool_driver import PoolDriver, find_id
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.pool_spec import (
    POOL,
    parse_pools,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.module import Module, run
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.spec import entry_spec


def main() -> None:
    """Run the module."""
    pools = {"type": "list", "elements": "dict", "options": entry_spec(POOL)}
    spec = {"uri": {"type": "str", "default": "qemu:///system"}, "pools": pools, **POOL}
    module = Module("pools", lambda params: parse_pools(params, find_id), POOL, argument_spec=spec)
    run(module, "kvm", lambda params, _host: PoolDriver(params["uri"]))


if __name__ == "__main__":
    main()
