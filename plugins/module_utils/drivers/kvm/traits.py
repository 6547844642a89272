# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What KVM guests have, and when a change of it takes effect. Source: libvirt's domain documentation, and trial."""

from __future__ import annotations

from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.spec import Spec
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.traits import (
    CREATION,
    HOT,
    HOT_GROW,
    RESTART,
    Field,
    FromPackages,
    Traits,
)

# The options under C(kvm:).
OWN: Spec = {
    "type": {"type": "str", "choices": ["kvm", "qemu"]},
    "machine": {"type": "str"},
    "cpu_mode": {"type": "str", "choices": ["host-passthrough", "host-model", "maximum"]},
    "cpu_model": {"type": "str"},
    "topology": {
        "type": "dict",
        "options": {
            "sockets": {"type": "int"},
            "dies": {"type": "int"},
            "cores": {"type": "int"},
            "threads": {"type": "int"},
        },
    },
    "graphics": {"type": "str", "choices": ["none", "vnc", "spice"]},
    "watchdog": {"type": "raw"},
    "pci_devices": {"type": "list", "elements": "str"},
    "usb_devices": {"type": "list", "elements": "str"},
    "xml": {
        "type": "list",
        "elements": "dict",
        "options": {"path": {"type": "str", "required": True}, "element": {"type": "str", "required": True}},
    },
    "disks.cache": {"type": "str", "choices": ["none", "writeback", "writethrough", "directsync", "unsafe"]},
    "disks.io": {"type": "str", "choices": ["threads", "native", "io_uring"]},
    "disks.discard": {"type": "str", "choices": ["unmap", "ignore"]},
    "disks.serial": {"type": "str"},
}

_PLUGGED = {"bus": frozenset({None, "virtio", "scsi"})}

TRAITS = Traits(
    hypervisor="kvm",
    fields={
        "description": Field(HOT),
        "uuid": Field(CREATION),
        "vcpus": Field(HOT_GROW, limit="vcpus_max", note="up to vcpus_max; fewer, or more than that, at a restart"),
        "vcpus_max": Field(RESTART),
        "memory_mib": Field(HOT, limit="memory_max_mib", note="up to memory_max, through the guest's balloon driver"),
        "memory_max_mib": Field(RESTART),
        "firmware": Field(CREATION),
        "secure_boot": Field(CREATION),
        "tpm": Field(RESTART),
        "boot_order": Field(RESTART),
        "package": Field(CREATION, note="only looked at when the guest is made"),
        "disks": Field(HOT, only=_PLUGGED, note="adding and removing; on the buses sata and nvme at a restart"),
        "disks.size_bytes": Field(HOT, note="grows only; on the bus nvme only while the guest is off"),
        "disks.bus": Field(RESTART, note="nvme with libvirt 11.5 or later"),
        "disks.pool": Field(CREATION),
        "disks.format": Field(CREATION, note="qcow2 or raw"),
        "disks.path": Field(CREATION),
        "disks.image": Field(CREATION, note="only looked at when the disk is made"),
        "disks.cache": Field(RESTART),
        "disks.io": Field(RESTART),
        "disks.discard": Field(RESTART),
        "disks.serial": Field(RESTART),
        "cdroms": Field(RESTART, note="adding and removing drives"),
        "cdroms.source": Field(HOT),
        "nics": Field(HOT, note="adding and removing"),
        "nics.source": Field(HOT, note="network and bridge"),
        "nics.mac": Field(HOT, note="the card is replaced"),
        "nics.vlan": Field(RESTART),
        "nics.model": Field(RESTART),
        "nics.link": Field(HOT),
        "cloud_init": Field(RESTART, note="cloud-init reads it when the guest boots"),
        "autostart": Field(
            HOT, note="for the host's next start; order and delay take the unit that the role kvm_host installs"
        ),
        "type": Field(RESTART),
        "machine": Field(RESTART, note="another version; another family than that of the guest is refused"),
        "cpu_mode": Field(RESTART),
        "cpu_model": Field(RESTART),
        "topology": Field(RESTART),
        "graphics": Field(RESTART),
        "watchdog": Field(RESTART),
        "pci_devices": Field(HOT),
        "usb_devices": Field(HOT),
        "xml": Field(RESTART),
    },
    # Virtio in packages is a SCSI controller, which libvirt has as the bus scsi.
    packages=FromPackages(
        buses={"sata": "sata", "virtio": "scsi"},
        models={"virtio": "virtio", "e1000": "e1000", "e1000e": "e1000e", "vmxnet3": "vmxnet3", "pcnet32": "pcnet"},
    ),
)
