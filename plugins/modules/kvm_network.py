# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes libvirt virtual networks what a task says."""

from __future__ import annotations

DOCUMENTATION = r"""
module: kvm_network
short_description: Manage libvirt virtual networks
version_added: 0.1.0
description:
  - Makes virtual networks of a KVM host what the task says. A network that exists and differs is changed, one that is
    right is left alone.
  - What is not written is left alone, and what this module does not know in a network's definition survives a change,
    as do its UUID and its bridge's MAC address.
  - DHCP's range and fixed addresses change at once. Everything else takes a restart of the network, which cuts the
    guests that are plugged in,
    so see O(restart).
  - All networks of a host are handled in one task. When one fails the others are still made, and the task fails naming
    each that did not.
author: [The hostforge.hypervisor contributors (@hostforge)]
requirements:
  - libvirt and its Python bindings on the host (the role P(hostforge.hypervisor.kvm_host#role) installs them)
attributes:
  check_mode:
    support: full
    description: Changes nothing and returns the changes that a run would make. Where libvirt is not installed yet, it
      is taken to have no networks.
  diff_mode:
    support: full
    description: Returns what differs, before and after, as YAML.
options:
  uri:
    description: The libvirt to talk to.
    type: str
    default: qemu:///system
  networks:
    description:
      - Several networks at once. Each entry takes the same options; those of the task itself are the defaults of each
        entry.
      - Mutually exclusive with O(name).
    type: list
    elements: dict
    suboptions:
      name:
        description: The name of the network.
        type: str
        required: true
      state: &state
        description:
          - V(running) makes the network and starts it. V(stopped) makes it and stops it. V(absent) stops it and removes
            it.
          - Stopping cuts the guests that are plugged in.
        type: str
        choices: [running, stopped, absent]
      mode: &mode
        description:
          - How guests reach the world. A new network is of mode V(nat) when nothing is written.
          - V(nat) hides them behind the host's address, V(route) routes their own addresses, V(isolated) lets them
            reach the host and each other
            only, V(open) routes without any firewall rule of libvirt's, V(bridge) plugs them into a bridge of the host
              that exists.
          - V(bridge) and the others cannot be turned into each other.
        type: str
        choices: [nat, route, isolated, open, bridge]
      bridge: &bridge
        description: The device name of the network's bridge. libvirt chooses one when nothing is written; for
          O(mode=bridge) it must be written.
        type: str
      address: &address
        description: The host's addresses in this network, each with its prefix, for example V(192.168.122.1/24). IPv4
          and IPv6.
        type: list
        elements: str
      dhcp: &dhcp
        description: The IPv4 addresses that guests are given.
        type: dict
        suboptions:
          enabled:
            description: Whether guests are given addresses. V(false) forgets the range and the hosts.
            type: bool
            default: true
          start:
            description: The first address of the range. Needs O(dhcp.end).
            type: str
          end:
            description: The last address of the range. Needs O(dhcp.start).
            type: str
          hosts:
            description: Guests that are always given the same address. A written list is the whole list; an entry that
              is missing is removed.
            type: list
            elements: dict
            suboptions:
              mac:
                description: The MAC address of the guest's card.
                type: str
                required: true
              address:
                description: The address it is given.
                type: str
                required: true
              name:
                description: The host name it is given.
                type: str
      domain: &domain
        description: The DNS domain of the network. An empty text removes it.
        type: str
      mtu: &mtu
        description: The largest packet, in bytes.
        type: int
      autostart: &autostart
        description: Whether the network starts with the host. A new network does not unless this is written.
        type: bool
      restart: &restart
        description:
          - Whether a network with running guests on it may be restarted for a change.
          - V(never) stores the change for the network's next start and returns RV(restart_required=true), on every run
            until it is true no longer.
          - V(force) restarts it and plugs the cards of running guests in again. They are cut for some seconds, and keep
            an old address until they ask anew.
          - A network without guests on it is restarted either way, as that cuts nobody.
        type: str
        choices: [never, force]
  name:
    description: The name of the network.
    type: str
  state:
    <<: *state
    default: running
  mode: *mode
  bridge: *bridge
  address: *address
  dhcp: *dhcp
  domain: *domain
  mtu: *mtu
  autostart: *autostart
  restart:
    <<: *restart
    default: never
seealso:
  - module: hostforge.hypervisor.kvm_pool
"""

EXAMPLES = r"""
- name: The usual network, and one for a closed circle
  hostforge.hypervisor.kvm_network:
    autostart: true
    networks:
      - name: default
        mode: nat
        address: 192.168.122.1/24
        dhcp:
          start: 192.168.122.100
          end: 192.168.122.199
          hosts:
            - mac: "52:54:00:12:34:56"
              address: 192.168.122.10
              name: web1
      - name: backstage
        mode: isolated
        address: [10.20.0.1/24, "fd00:20::1/64"]

- name: Guests straight on a bridge of the host
  hostforge.hypervisor.kvm_network:
    name: lan
    mode: bridge
    bridge: br0
"""

RETURN = r"""
restart_required:
  description: Whether a network runs with something other than what is stored, because guests are plugged in and
    O(restart=never).
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
      description: The changes in order, each with its verb, its field, and the values before and after. C(hot) is true
        for what took effect at once.
      type: list
      elements: dict
    restart_required:
      description: Whether this network waits for a restart.
      type: bool
    network:
      description: The network as it is now.
      type: dict
    error:
      description: Why it failed, where it did.
      type: str
"""

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.network_driver import NetworkDriver
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.network_spec import (
    NETWORK,
    parse_networks,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.module import Module, run
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.spec import entry_spec


def main() -> None:
    """Run the module."""
    networks = {"type": "list", "elements": "dict", "options": entry_spec(NETWORK)}
    spec = {"uri": {"type": "str", "default": "qemu:///system"}, "networks": networks, **NETWORK}
    module = Module("networks", parse_networks, NETWORK, argument_spec=spec)
    run(module, "kvm", lambda params, host: NetworkDriver(params["uri"], host))


if __name__ == "__main__":
    main()
