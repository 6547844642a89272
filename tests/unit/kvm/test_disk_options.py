# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What only disks of KVM have: read from and written to libvirt's XML, and refused where no guest would start."""

from __future__ import annotations

import pytest

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm import devices, disk_options, xml
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.traits import OWN, TRAITS
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import PlanError
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Disk, Options

PLAIN = {"cache": "writeback", "discard": "ignore", "io": "threads"}


def disk(**options: str) -> Disk:
    return Disk("root", 1024, path="/pool/a.root.qcow2", options=tuple(sorted(options.items())))


def read(text: str) -> dict[str, str]:
    return dict(disk_options.read(xml.parse(text)))


def test_what_is_not_said_is_what_qemu_does() -> None:
    assert read("<disk/>") == PLAIN
    assert read("<disk><driver name='qemu' cache='default'/></disk>") == PLAIN
    assert read("<disk><driver cache='none'/><serial>S1</serial></disk>") == {**PLAIN, "cache": "none", "serial": "S1"}


def test_every_option_comes_back_as_it_was_written() -> None:
    values = {"cache": "none", "discard": "ignore", "io": "native", "serial": "S-1"}
    assert sorted(values) == sorted(disk_options.NAMES)
    element = devices.disk_element(disk(**values), "vda")
    assert dict(disk_options.read(element)) == values
    disk_options.write(element, "cache", "directsync")
    disk_options.write(element, "serial", "S_2")
    assert dict(disk_options.read(element)) == {**values, "cache": "directsync", "serial": "S_2"}


def test_the_options_are_those_of_the_data_sheet() -> None:
    named = {f"disks.{name}" for name in disk_options.NAMES}
    assert named == {name for name in OWN if name.startswith("disks.")}
    assert named <= set(TRAITS.fields)


@pytest.mark.parametrize(
    ("want", "have"),
    [({"io": "native"}, None), ({"io": "native", "cache": "unsafe"}, None), ({"io": "native"}, {"cache": "writeback"}),
     ({"cache": "writethrough"}, {"cache": "none", "io": "native"})],
    ids=str,
)  # fmt: skip
def test_native_io_needs_a_cache_that_is_passed_by(want: dict[str, str], have: dict[str, str] | None) -> None:
    with pytest.raises(PlanError, match="disk root: io native needs cache none or directsync, and its cache is"):
        disk_options.check([disk(**want)], [] if have is None else [disk(**have)])


@pytest.mark.parametrize(
    ("want", "have"),
    [((("cache", "none"), ("io", "native")), None), ((("io", "native"),), (("cache", "directsync"),)),
     ((("io", "threads"),), (("cache", "none"), ("io", "native"))), ((), (("cache", "unsafe"), ("io", "native")))],
    ids=str,
)  # fmt: skip
def test_what_fits_or_was_not_written_is_not_refused(want: Options, have: Options | None) -> None:
    found = [] if have is None else [Disk("root", options=have)]
    disk_options.check([Disk("root", options=want)], found)


@pytest.mark.parametrize("serial", ["", "x" * 21, "a b", "a\n", "<>", "ü"])
def test_a_serial_number_that_no_guest_would_see_is_refused(serial: str) -> None:
    with pytest.raises(PlanError, match=r"disk root: serial .*1 to 20 letters"):
        disk_options.check([disk(serial=serial)], [])
