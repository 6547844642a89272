# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Xen guests have, and when a change of it takes effect. Source: xl(1), xl.cfg(5), and trial on Xen 4.17."""

from __future__ import annotations

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.xen.nic_spec import NETFRONT
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.spec import Spec
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.traits import (
    CREATION,
    HOT,
    RESTART,
    Field,
    Traits,
)

TYPES = ("pv", "pvh", "hvm")
DOES = ("destroy", "restart", "rename-restart", "preserve", "coredump-destroy", "coredump-restart", "soft-reset")
EVENTS = {"on_poweroff": "destroy", "on_reboot": "restart", "on_crash": "destroy"}

# The options under C(xen:).
OWN: Spec = {
    "type": {"type": "str", "choices": list(TYPES)},
    "bootloader": {"type": "str"},
    "kernel": {"type": "str"},
    "ramdisk": {"type": "str"},
    "cmdline": {"type": "str"},
    **{event: {"type": "str", "choices": list(DOES)} for event in EVENTS},
    "config": {"type": "dict"},
    "disks.vdev": {"type": "str"},
}

TRAITS = Traits(
    hypervisor="xen",
    fields={
        "description": Field(HOT),
        "uuid": Field(CREATION),
        "vcpus": Field(HOT, limit="vcpus_max", note="up to vcpus_max; more than that at a restart"),
        "vcpus_max": Field(RESTART),
        "memory_mib": Field(HOT, limit="memory_max_mib", note="up to memory_max, through the guest's balloon driver"),
        "memory_max_mib": Field(RESTART),
        "firmware": Field(CREATION, note="type hvm only"),
        "boot_order": Field(RESTART, note="type hvm only"),
        "disks": Field(HOT, note="adding and removing"),
        "disks.size_bytes": Field(RESTART, note="grows only"),
        "disks.pool": Field(CREATION),
        "disks.format": Field(CREATION, note="qcow2 or raw"),
        "disks.path": Field(CREATION),
        "disks.image": Field(CREATION, note="only looked at when the disk is made"),
        "disks.vdev": Field(RESTART),
        "cdroms": Field(RESTART, note="type hvm only; adding and removing drives"),
        "cdroms.source": Field(HOT),
        "nics": Field(HOT, only={"model": frozenset({None, NETFRONT})}, note="emulated models at a restart"),
        "nics.source": Field(RESTART, note="bridge only; there are no networks"),
        "nics.mac": Field(HOT, note="the card is replaced"),
        "nics.vlan": Field(RESTART, note="on Open vSwitch, or with Xen 4.20 or later"),
        "nics.model": Field(RESTART),
        "cloud_init": Field(RESTART, note="cloud-init reads it when the guest boots"),
        "autostart": Field(HOT, note="for the host's next start; a delay takes the unit of the role xen_host"),
        "type": Field(RESTART),
        "bootloader": Field(RESTART),
        "kernel": Field(RESTART),
        "ramdisk": Field(RESTART),
        "cmdline": Field(RESTART),
        **{event: Field(RESTART) for event in EVENTS},
        "config": Field(RESTART),
    },
)
