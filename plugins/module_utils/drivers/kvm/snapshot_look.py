# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a guest is to its snapshots: its disks with what they are based on, its power, and the snapshots themselves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from xml.etree.ElementTree import Element

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm import (
    power,
    read,
    snapshot_chain,
    xml,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.connect import libvirt
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.roots import live_root, stored_root
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.snapshot_xml import (
    file_of,
    read_snapshot,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.snapshots import Snapshot

AGENT = "devices/channel/target[@name='org.qemu.guest_agent.0']"


@dataclass(frozen=True)
class Attached:
    """A disk that can be written to. chain: what it is based on, the nearest first.

    name: in the guest specification. device: what the guest's definition calls it. kind: file, block, network, …
    """

    name: str
    device: str
    kind: str
    path: str | None
    format: str | None
    shared: bool = False
    chain: tuple[str, ...] = ()


@dataclass(frozen=True)
class View:
    """A guest as its snapshots need it.

    power: running | paused | stopped. saved: its memory was saved when it was stopped, for the next start. variables:
    the format of the file of its UEFI variables, None where it has none. agent: the guest agent answers. read_only: the
    devices of all other disks and drives. version: libvirt's, as in 9000000.
    """

    guest: str
    power: str = "stopped"
    stored: bool = True
    saved: bool = False
    variables: str | None = None
    agent: bool = False
    disks: tuple[Attached, ...] = ()
    read_only: tuple[str, ...] = ()
    snapshots: Mapping[str, Snapshot] = field(default_factory=dict)
    version: int = 0


def look_at(domain: libvirt.virDomain) -> View:
    """Read one guest, with all its snapshots."""
    book = stored_root(domain)
    root = live_root(domain) if domain.isActive() else book
    attached = tuple(_attached(book, root, one) for one in read.disks(root) if one.find("readonly") is None)
    devices = {xml.attribute(one, "target", "dev") or "" for one in root.findall("devices/disk")}
    return View(
        guest=domain.name(),
        power=power.state_of(domain),
        stored=bool(domain.isPersistent()),
        saved=bool(domain.hasManagedSaveImage()),
        variables=_variables(root),
        agent=xml.attribute(root, AGENT, "state") == "connected",
        disks=attached,
        read_only=tuple(sorted(devices - {one.device for one in attached})),
        snapshots=_snapshots(domain),
        version=domain.connect().getLibVersion(),
    )


def _attached(book: Element, root: Element, disk: Element) -> Attached:
    origin = snapshot_chain.origin(book, root, disk)
    device = xml.attribute(disk, "target", "dev") or ""
    return Attached(
        name=origin.entry.name if origin else device,
        device=device,
        kind="file" if xml.attribute(disk, "source", "file") else disk.get("type", "file"),
        path=file_of(disk),
        format=xml.attribute(disk, "driver", "type"),
        shared=disk.find("shareable") is not None,
        chain=tuple(base for base, _format in snapshot_chain.below(book, disk)),
    )


def _variables(root: Element) -> str | None:
    """The format of the UEFI variables; where it is not said it is raw."""
    if not read.is_uefi(root):
        return None
    return xml.attribute(root, "os/nvram", "format") or xml.attribute(root, "os/loader", "format") or "raw"


def _snapshots(domain: libvirt.virDomain) -> dict[str, Snapshot]:
    handles = domain.listAllSnapshots(0)
    current = domain.snapshotCurrent().getName() if handles and domain.hasCurrentSnapshot() else None
    found = [(one.getName(), read_snapshot(domain.name(), xml.parse(one.getXMLDesc(0)))) for one in handles]
    return {name: replace(snapshot, current=name == current) for name, snapshot in found}
