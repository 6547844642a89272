# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""libvirt's XML of snapshots: read it, write it, edit it so that what we do not know survives. Pure.

Format: https://libvirt.org/formatsnapshot.html
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timezone
from xml.etree.ElementTree import Element

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm import xml
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.snapshots import (
    Snapshot,
    SnapshotDisk,
)

# libvirt's words for what a guest was doing; of a snapshot of disks alone it says "disk-snapshot".
POWER = {"running": "running", "blocked": "running", "paused": "paused", "shutoff": "stopped", "crashed": "stopped"}


def read_snapshot(guest: str, root: Element) -> Snapshot:
    """What a snapshot's definition says; which one is the current is not in it."""
    disks = tuple(_disk(root, one) for one in root.findall("disks/disk"))
    memory = xml.attribute(root, "memory", "snapshot")
    state = root.findtext("state", "")
    taken = root.findtext("creationTime", "")
    return Snapshot(
        guest=guest,
        snapshot=root.findtext("name", ""),
        description=root.findtext("description", "").strip(),
        kind=_kind({one.kind for one in disks} - {"no"}, memory),
        memory=memory in ("internal", "external"),
        taken=datetime.fromtimestamp(int(taken), timezone.utc).isoformat() if taken.isdecimal() else None,
        power=POWER.get(state),
        parent=root.findtext("parent/name"),
        disks=disks,
    )


def _kind(kinds: set[str], memory: str | None) -> str:
    if len(kinds) > 1 or (memory == "external" and kinds == {"internal"}):
        return "mixed"
    # Where libvirt lists no disks, as it once did, they are in the snapshot as its memory is.
    return kinds.pop() if kinds else "external" if memory == "external" else "internal"


def _disk(root: Element, disk: Element) -> SnapshotDisk:
    name = disk.get("name", "")
    before = [one for one in root.findall("domain/devices/disk") if xml.attribute(one, "target", "dev") == name]
    path = file_of(before[0]) if before else None
    return SnapshotDisk(name, disk.get("snapshot", "internal"), path, file_of(disk))


def file_of(disk: Element) -> str | None:
    """The file or device that a disk is in."""
    return xml.attribute(disk, "source", "file") or xml.attribute(disk, "source", "dev")


def write_snapshot(want: Snapshot, disks: Iterable[SnapshotDisk]) -> str:
    """The definition of a new snapshot. disks: every disk of the guest, with what is to become of it."""
    root = Element("domainsnapshot")
    xml.add(root, "name", want.snapshot)
    if want.description:
        xml.add(root, "description", want.description)
    xml.add(root, "memory", snapshot="internal" if want.memory else "no")
    parent = xml.add(root, "disks")
    for disk in disks:
        element = xml.add(parent, "disk", name=disk.device, snapshot=disk.kind)
        if disk.overlay:
            element.set("type", "file")
            xml.add(element, "driver", type="qcow2")
            xml.add(element, "source", file=disk.overlay)
    return xml.render(root)


def describe_again(root: Element, description: str) -> str:
    """A snapshot's definition with another description and everything else as it was."""
    xml.set_text(root, "description", description)
    return xml.render(root)
