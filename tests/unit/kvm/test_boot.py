# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a guest starts from, read in both of libvirt's ways, and written in one."""

from __future__ import annotations

import pytest

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm import boot, xml

CARD, DISK = "<interface>{}</interface>", "<disk device='disk'>{}</disk>"
CDROM, LUN = "<disk device='cdrom'>{}</disk>", "<disk device='lun'>{}</disk>"


def place(number: int) -> str:
    return f"<boot order='{number}'/>"


@pytest.mark.parametrize(
    ("definition", "order"),
    [
        ("<domain><os/></domain>", ()),
        ("<domain><os><boot dev='network'/><boot dev='hd'/></os></domain>", ("network", "disk")),
        ("<domain><os><boot dev='fd'/><boot dev='new'/></os></domain>", ("floppy", "new")),
        (f"<domain><devices>{DISK.format(place(2))}{CARD.format(place(1))}</devices></domain>", ("network", "disk")),
        (f"<domain><devices>{DISK.format(place(2))}{DISK.format(place(10))}</devices></domain>", ("disk",)),
        (
            f"<domain><devices>{DISK.format(place(1))}{CARD.format(place(2))}{LUN.format(place(3))}</devices></domain>",
            ("disk", "network", "disk"),
        ),
        (
            f"<domain><devices>{CDROM.format(place(1))}<hostdev>{place(3)}</hostdev><disk/></devices></domain>",
            ("cdrom", "hostdev"),
        ),
    ],
)
def test_the_order_is_read(definition: str, order: tuple[str, ...]) -> None:
    assert boot.order(xml.parse(definition)) == order


def test_the_order_is_told_in_one_way_only() -> None:
    disk = DISK.format(f"{place(1)}<serial>S</serial>")
    system = "<os><boot dev='hd'/><bootmenu enable='yes'/></os>"
    root = xml.parse(f"<domain>{system}<devices>{disk}</devices></domain>")
    boot.set_order(root, ("network", "disk"))
    assert xml.render(root) == (
        '<domain><os><bootmenu enable="yes" /><boot dev="network" /><boot dev="hd" /></os><devices>'
        '<disk device="disk"><serial>S</serial></disk></devices></domain>'
    )
