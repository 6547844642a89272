# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which disk of the guest specification a file is, and which files are ours, by definitions of all sorts. Pure."""

from __future__ import annotations

from xml.etree.ElementTree import Element

import pytest

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm import ledger, xml
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.snapshot_chain import origin, stack
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.snapshot_xml import (
    describe_again,
    read_snapshot,
    write_snapshot,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.ledger import Entry
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.snapshots import Snapshot, SnapshotDisk


def definition(*chains: list[str], overlays: tuple[str, ...] = (), made: bool = True) -> Element:
    """A guest whose ledger knows of a disk root at /base; chains: of each disk, the file that is attached first."""
    root = Element("domain")
    ledger.write(root, Entry("root", "/base", made))
    for path in overlays:
        ledger.write_overlay(root, ledger.Overlay("root", path))
    parent = xml.add(root, "devices")
    for chain in chains:
        element = xml.add(parent, "disk", device="disk")
        for index, path in enumerate(chain):
            if index:
                element = xml.add(element, "backingStore")
                xml.add(element, "format", type=f"format of {path}")
            xml.add(element, "source", file=path)
    return root


@pytest.mark.parametrize(
    ("root", "expected"),
    [
        (definition(["/base"]), (True, None)),
        (definition(["/over", "/base"]), (False, "format of /base")),
        (definition(["/over", "/base", "/image"], overlays=("/over",)), (True, "format of /base")),
        (definition(["/two", "/one", "/base"], overlays=("/one", "/two")), (True, "format of /base")),
        (definition(["/two", "/one", "/base"], overlays=("/two",)), (False, "format of /base")),
        (definition(["/two"], overlays=("/one", "/two")), (True, None)),
        (definition(["/other"]), None),
        (definition(["/other", "/image"]), None),
        (definition(["/over", "/base"], ["/base"]), None),
    ],
)
def test_the_origin_of_a_disk(root: Element, expected: tuple[bool, str | None] | None) -> None:
    disk = root.find("devices/disk")
    assert disk is not None
    found = origin(root, root, disk)
    assert (None if found is None else (found.ours, found.format)) == expected
    assert found is None or found.entry.name == "root"


@pytest.mark.parametrize(
    ("root", "expected"),
    [
        (definition(["/over", "/base", "/image"], overlays=("/over",)), ["/over", "/base"]),
        (definition(["/over", "/base"], overlays=("/over",), made=False), ["/over"]),
        (definition(["/over", "/theirs", "/base"], overlays=("/over",)), ["/over"]),
        (definition(["/over", "/base"], ["/base"], overlays=("/over",)), ["/over"]),
        (definition(["/over"], overlays=("/one", "/over")), ["/over", "/one", "/base"]),
        (definition(), ["/over"]),
    ],
)
def test_the_files_of_a_disk_are_ours_without_a_gap(root: Element, expected: list[str]) -> None:
    assert stack(root, root, "/over") == expected


def test_a_snapshot_is_read_as_it_was_written() -> None:
    disks = (SnapshotDisk("vda", "external", None, "/p/<a>&b"), SnapshotDisk("sda", "no"))
    want = Snapshot("db1", "a<&>'\"", description="<&> 'x' \"y\"", kind="external", memory=False, disks=disks)
    root = xml.parse(write_snapshot(want, disks))
    assert read_snapshot("db1", root) == want
    xml.add(root, "theirs", "kept")
    again = xml.parse(describe_again(root, "new"))
    assert (again.findtext("description"), again.findtext("theirs")) == ("new", "kept")


@pytest.mark.parametrize(
    ("memory", "disks", "kind"),
    [
        ("internal", "internal", "internal"),
        ("no", "internal no", "internal"),
        ("no", "external no", "external"),
        ("external", "external", "external"),
        ("external", "no", "external"),
        ("external", "internal", "mixed"),
        ("no", "internal external", "mixed"),
        ("internal", "", "internal"),
    ],
)
def test_snapshots_of_others_have_a_kind(memory: str, disks: str, kind: str) -> None:
    root = Element("domainsnapshot")
    xml.add(root, "memory", snapshot=memory)
    parent = xml.add(root, "disks")
    for index, one in enumerate(disks.split()):
        xml.add(parent, "disk", name=f"vd{index}", snapshot=one)
    assert read_snapshot("db1", root).kind == kind
