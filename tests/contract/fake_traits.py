# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The data sheets of the fake hypervisor: much is changed while a guest runs, nothing is, or nothing can be stored."""

from __future__ import annotations

from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.traits import (
    CREATION,
    HOT,
    HOT_GROW,
    RESTART,
    Field,
    Traits,
)
from ansible_collections.hostforge.hypervisor.tests.contract.fake_hypervisor import HOT_PORTS

FIELDS = {
    "description": Field(HOT),
    "uuid": Field(CREATION),
    "vcpus": Field(HOT_GROW, limit="vcpus_max"),
    "vcpus_max": Field(RESTART),
    "memory_mib": Field(HOT, limit="memory_max_mib"),
    "memory_max_mib": Field(RESTART),
    "firmware": Field(CREATION),
    "secure_boot": Field(RESTART),
    "tpm": Field(RESTART),
    "boot_order": Field(RESTART),
    "disks": Field(HOT, only={"bus": frozenset({None, *HOT_PORTS})}),
    "disks.size_bytes": Field(HOT_GROW),
    "disks.bus": Field(RESTART),
    "disks.pool": Field(CREATION),
    "disks.format": Field(CREATION),
    "disks.path": Field(CREATION),
    "disks.tier": Field(RESTART),
    "cdroms": Field(RESTART),
    "cdroms.source": Field(HOT),
    "nics": Field(HOT),
    "nics.source": Field(HOT),
    "nics.vlan": Field(HOT),
    "nics.model": Field(RESTART),
    "nics.link": Field(HOT),
    "cloud_init": Field(RESTART),
    "autostart": Field(HOT),
    "cpu_mode": Field(RESTART),
    "type": Field(CREATION),
}
HOT_TRAITS = Traits("fake", FIELDS)
# Whether a machine starts with its host is nothing that the machine would notice.
SLOW_TRAITS = Traits(
    "fake",
    {
        name: Field(RESTART) if rule.when in (HOT, HOT_GROW) and name != "autostart" else rule
        for name, rule in FIELDS.items()
    },
)
COLD_TRAITS = Traits("fake", SLOW_TRAITS.fields, stores_pending=False)
