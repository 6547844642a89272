# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What VirtualBox guests have, and when a change of it takes effect. Source: the SDK reference, and trial on 7.2.22."""

from __future__ import annotations

from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.spec import Spec
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.traits import (
    CREATION,
    HOT,
    RESTART,
    Field,
    FromPackages,
    Traits,
)

CHIPSETS = ("piix3", "ich9")
# The options under C(virtualbox:).
OWN: Spec = {
    "ostype": {"type": "str"},
    "groups": {"type": "list", "elements": "str"},
    "chipset": {"type": "str", "choices": list(CHIPSETS)},
    "serial": {"type": "str"},
    "extradata": {"type": "dict"},
    "shared_folders": {
        "type": "list",
        "elements": "dict",
        "options": {
            "name": {"type": "str", "required": True},
            "path": {"type": "path", "required": True},
            "writable": {"type": "bool", "default": False},
            "automount": {"type": "bool", "default": False},
        },
    },
    "disks.hotplug": {"type": "bool"},
    "nics.forwards": {"type": "list", "elements": "str"},
}

# A disk can come and go under a running guest on these only.
HOT_BUSES = frozenset({None, "sata"})

TRAITS = Traits(
    hypervisor="virtualbox",
    fields={
        "description": Field(HOT),
        "uuid": Field(CREATION),
        "vcpus": Field(RESTART),
        "memory_mib": Field(RESTART),
        "firmware": Field(RESTART),
        "secure_boot": Field(RESTART),
        "tpm": Field(RESTART),
        "boot_order": Field(RESTART),
        "package": Field(CREATION, note="only looked at when the guest is made"),
        "disks": Field(HOT, only={"bus": HOT_BUSES}, note="adding and removing; on a bus other than sata at a restart"),
        "disks.size_bytes": Field(RESTART, note="grows only"),
        "disks.pool": Field(CREATION),
        "disks.format": Field(CREATION, note="vdi, vmdk or vhd"),
        "disks.path": Field(CREATION),
        "disks.bus": Field(RESTART),
        "disks.image": Field(CREATION, note="only looked at when the disk is made"),
        "disks.hotplug": Field(RESTART),
        "cdroms": Field(RESTART, note="adding and removing drives"),
        "cdroms.source": Field(HOT),
        "nics": Field(RESTART),
        "nics.source": Field(HOT),
        "nics.mac": Field(RESTART, note="the card is replaced"),
        "nics.model": Field(RESTART),
        "nics.link": Field(HOT),
        "nics.forwards": Field(HOT),
        "cloud_init": Field(RESTART, note="cloud-init reads it when the guest boots"),
        "autostart": Field(HOT, note="for the host's next start; there is no order"),
        "ostype": Field(RESTART),
        "groups": Field(RESTART),
        "chipset": Field(RESTART),
        "serial": Field(RESTART),
        "extradata": Field(HOT),
        "shared_folders": Field(HOT),
    },
    stores_pending=False,
    formats=("vdi", "vmdk", "vhd"),
    packages=FromPackages(
        buses={"sata": "sata", "scsi": "scsi", "virtio": "virtio", "nvme": "nvme"},
        models={"virtio": "virtio", "e1000": "e1000", "pcnet32": "pcnet-fast3"},
        # As VirtualBox itself exports them, and the name of the internal network where nobody chose one.
        networks={"NAT": "nat", "Internal": "internal:intnet"},
    ),
)
