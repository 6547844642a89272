# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""OVF descriptors that are written: they are read again as what they were written of, and are the same each time."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.appliance import (
    Appliance,
    ApplianceDisk,
    ApplianceNic,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import PlanError
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.ovf_read import read_ovf
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.ovf_write import write_ovf
from ansible_collections.hostforge.hypervisor.tests.unit.guest.appliances import appliances


@given(appliances(), st.integers(0, 2))
def test_what_is_written_is_read_again(appliance: Appliance, cdroms: int) -> None:
    room = not any(disk.bus == "ide" for disk in appliance.disks)
    appliance = replace(appliance, cdroms=cdroms if room else 0)
    data = write_ovf(appliance)
    assert read_ovf(data) == appliance
    assert read_ovf(data).unread == ()
    assert write_ovf(appliance) == data


@pytest.mark.parametrize(
    ("appliance", "says"),
    [
        (Appliance("a", description="\x00"), "control characters are not allowed"),
        (Appliance("a", description="a\rb"), "control characters are not allowed"),
        (Appliance(" a"), "a descriptor cannot tell all of it"),
        (Appliance("a", cdroms=5), "at most 4 are allowed"),
        (Appliance("a", disks=(ApplianceDisk("d", 1),)), "the buses ide, "),
        (Appliance("a", disks=(ApplianceDisk("d", 1, bus="sata", file="a/b"),)), "the name of a file"),
        (Appliance("a", nics=(ApplianceNic(model="Token"),)), "the models e1000, "),
        (Appliance("a", disks=2 * (ApplianceDisk("d", 1, bus="sata"),)), "is there twice"),
    ],
)
def test_what_a_descriptor_cannot_hold_is_not_written(appliance: Appliance, says: str) -> None:
    with pytest.raises(PlanError, match=says):
        write_ovf(appliance)
