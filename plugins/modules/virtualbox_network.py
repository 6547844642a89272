# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes a user's networks of VirtualBox what a task says."""

from __future__ import annotations

DOCUMENTATION = r"""
module: virtualbox_network
short_description: Manage host-only interfaces and NAT networks of VirtualBox
version_added: 0.1.0
description:
  - Makes networks what the task says. One that exists and differs is changed, one that is right is left alone, and what
    is not written is left alone, too.
  - VirtualBox keeps networks for each user. These are those of the user that the task runs as (C(become_user)). The
    device of a host-only interface is the host's; VirtualBox makes it anew when it is first asked after the host's start.
  - What DHCP hands out changes when the network's server starts next, which is with its first guest.
  - All networks are handled in one task. When one fails the others are still made, and the task fails naming each that
    did not.
author: [The hostforge.hypervisor contributors (@hostforge)]
requirements:
  - VirtualBox 7.1 or later on the host, with its Python bindings (vboxapi) for the Python that modules run with
attributes:
  check_mode:
    support: full
    description: Changes nothing and returns the changes that a run would make. Where VirtualBox is not installed yet, it
      is taken to have no networks.
  diff_mode:
    support: full
    description: Returns what differs, before and after, as YAML.
options:
  networks:
    description:
      - Several networks at once. Each entry takes the same options; those of the task itself are the defaults of each
        entry.
      - Mutually exclusive with O(name).
    type: list
    elements: dict
    suboptions:
      name:
        description:
          - The name of the network. That of a host-only interface is V(vboxnet0), V(vboxnet1) and so on, in this order.
        type: str
        required: true
      state: &state
        description: V(absent) removes it.
        type: str
        choices: [present, absent]
      type: &type
        description: An interface of the host (V(host_only)), or a network hidden behind the host's address (V(nat)).
          Needed unless it is to be absent.
        type: str
        choices: [host_only, nat]
      address: &address
        description:
          - The host's address with its prefix where O(type=host_only), for example V(192.168.56.1/24), and the whole
            network where O(type=nat), for example V(10.0.2.0/24). A new network needs it.
          - VirtualBox refuses host-only addresses outside of those in C(/etc/vbox/networks.conf).
        type: str
      dhcp: &dhcp
        description: What hands out addresses.
        type: dict
        suboptions:
          enabled:
            description: Whether addresses are handed out.
            type: bool
            default: true
          address:
            description: The server's own address. For O(type=host_only) only, with O(dhcp.start) and O(dhcp.end).
            type: str
          start:
            description: The first address it hands out.
            type: str
          end:
            description: The last address it hands out.
            type: str
  name:
    description: The name of the network.
    type: str
  state:
    <<: *state
    default: present
  type: *type
  address: *address
  dhcp: *dhcp
seealso:
  - module: hostforge.hypervisor.virtualbox_guest
"""

EXAMPLES = r"""
- name: An interface for guests and host, and a network behind the host's address
  hostforge.hypervisor.virtualbox_network:
    networks:
      - name: vboxnet0
        type: host_only
        address: 192.168.56.1/24
        dhcp: {address: 192.168.56.2, start: 192.168.56.100, end: 192.168.56.199}
      - name: behind
        type: nat
        address: 10.0.5.0/24
  become: true
  become_user: vm
"""

RETURN = r"""
restart_required:
  description: Always false; there for the likeness to other modules.
  returned: always
  type: bool
networks:
  description: One entry for each network, in the order of the task.
  returned: always
  type: list
  elements: dict
  contains:
    name:
      description: The name of the network.
      type: str
    changed:
      description: Whether it was changed, or in check mode would be.
      type: bool
    actions:
      description: The changes in order, each with its verb, its field, and the values before and after.
      type: list
      elements: dict
    network:
      description: The network as it is now.
      type: dict
    error:
      description: Why it failed, where it did.
      type: str
"""

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.virtualbox.network_driver import (
    NetworkDriver,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.virtualbox.network_spec import (
    ENTRY,
    NETWORK,
    parse_networks,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.module import Module, run


def main() -> None:
    """Run the module."""
    spec = {"networks": {"type": "list", "elements": "dict", "options": ENTRY}, **NETWORK}
    module = Module("networks", parse_networks, NETWORK, argument_spec=spec)
    run(module, "virtualbox", lambda _params, _host: NetworkDriver())


if __name__ == "__main__":
    main()
