# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SnapshotDriver: snapshots of guests through libvirt, as a Resource of the engine."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any
from xml.etree.ElementTree import Element

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm import ledger, power, xml
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.connect import (
    connect,
    libvirt,
    libvirt_says,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.look import Look
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.roots import stored_root
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.snapshot_allow import (
    all_later_than,
    removal_reasons,
    revert_reasons,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.snapshot_files import Overlays
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.snapshot_look import View, look_at
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.snapshot_plan import RULES
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.snapshot_spec import parse_snapshots
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.snapshot_xml import (
    describe_again,
    write_snapshot,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.storage import Storage
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.change import Change
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import PlanError
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.host import Host
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.resource import Wish
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.snapshot_plan import refuse
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.snapshot_resource import SnapshotResource
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.snapshots import Snapshot, SnapshotDisk

# What destroys something.
LOSING = ("revert", "remove")


class SnapshotDriver(SnapshotResource[View]):
    """The snapshots of the guests of one libvirt, whose connection is opened when it is first needed.

    going: the snapshots that the task deletes.
    """

    rules = RULES

    def __init__(self, uri: str, host: Host, going: Sequence[Snapshot] = ()) -> None:
        super().__init__(going)
        self._uri = uri
        self._host = host
        self._opened: libvirt.virConnect | None = None
        self._removed: set[str] = set()

    def _connection(self) -> libvirt.virConnect:
        if self._opened is None:
            self._opened = connect(self._uri)
        return self._opened

    def look(self, guests: Collection[str] | None) -> dict[str, View]:
        """The named guests (None: all), each with all its snapshots."""
        connection = self._connection()
        with libvirt_says("the snapshots cannot be read"):
            domains = [one for one in connection.listAllDomains(0) if guests is None or one.name() in guests]
            return {domain.name(): look_at(domain) for domain in domains}

    def check(self, wish: Wish[Snapshot], changes: Sequence[Change]) -> Iterator[PlanError]:
        """Yield what others than the guest itself would suffer from, by looking only."""
        for change in changes:
            try:
                self._check(change)
            except PlanError as error:
                yield error

    def _check(self, change: Change) -> None:
        domain = self._domain(change)
        with libvirt_says():
            view = look_at(domain)
        if (change.verb, change.field) == ("create", "snapshot"):
            self._refuse_others(view, [disk.path for disk in view.disks])
            if change.after.kind == "external":
                overlays = Overlays(self._host, domain)
                overlays.check(overlays.place(change.after.snapshot, view.disks))
        elif change.verb in LOSING:
            have = _snapshot(view, change)
            going = self.going_of(view.guest)
            refuse(revert_reasons(have, view) if change.verb == "revert" else removal_reasons(have, view, going))
            files = [file for disk in have.disks if disk.kind != "no" for file in (disk.path, disk.overlay)]
            # To delete an internal snapshot changes nothing that others could see.
            self._refuse_others(view, files, based=change.verb == "revert" or have.kind == "external")

    def _refuse_others(self, view: View, files: Sequence[str | None], based: bool = False) -> None:
        """Refuse to touch files that other guests use. based: or that others than the guest's disks are based on."""
        seen = Look(self._connection(), self._host, Storage(self._connection(), self._host, ""))
        chained = {os.path.realpath(one) for disk in view.disks for one in (disk.path or "", *disk.chain)}
        for path in dict.fromkeys(file for file in files if file):
            real = os.path.realpath(path)
            others = sorted(seen.users.get(real, set()) - {view.guest})
            if based:
                others += [one for one in seen.bases().get(real, []) if os.path.realpath(one) not in chained]
            if others:
                raise PlanError(f"{path} is used by {', '.join(others)} as well, which would suffer from it")

    def apply(self, change: Change) -> None:
        """Carry out one change."""
        if change.name in self._removed:  # before one that it was on
            return
        steps: Mapping[str, Callable[[libvirt.virDomain, Change], None]] = {
            "create": self._take,
            "stop": lambda domain, change: power.stop(domain, change.timeout_s, change.force),
            "start": lambda domain, _change: power.start(domain),
            "set": self._describe,
            "revert": self._revert,
            "remove": self._remove,
        }
        domain = self._domain(change)
        if change.verb == "remove":
            self._remove_later(domain, change)
        if change.verb in LOSING:
            # Once more: what is lost here cannot be brought back.
            self._check(change)
        with libvirt_says():
            steps[change.verb](domain, change)

    def _domain(self, change: Change) -> libvirt.virDomain:
        guest = change.name.partition("/")[0]
        with libvirt_says(f"guest {guest}"):
            return self._connection().lookupByName(guest)

    def _take(self, domain: libvirt.virDomain, change: Change) -> None:
        want: Snapshot = change.after
        view = look_at(domain)
        rest = [SnapshotDisk(device, "no") for device in view.read_only]
        if want.kind == "internal":
            inside = [SnapshotDisk(disk.device, "internal") for disk in view.disks]
            domain.snapshotCreateXML(write_snapshot(want, [*inside, *rest]), libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_ATOMIC)
            return
        overlays = Overlays(self._host, domain)
        placed = overlays.place(want.snapshot, view.disks)
        flags = libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_DISK_ONLY | libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_REUSE_EXT
        flags |= libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_ATOMIC
        flags |= libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_QUIESCE if want.quiesce else 0
        try:
            overlays.make(placed, view.disks)
            domain.snapshotCreateXML(write_snapshot(want, [*placed, *rest]), flags)
        finally:
            overlays.settle()

    def _describe(self, domain: libvirt.virDomain, change: Change) -> None:
        snapshot = domain.snapshotLookupByName(change.name.partition("/")[2], 0)
        root = xml.parse(snapshot.getXMLDesc(libvirt.VIR_DOMAIN_SNAPSHOT_XML_SECURE))
        self._redefine(domain, describe_again(root, change.after), bool(snapshot.isCurrent(0)))

    def _redefine(self, domain: libvirt.virDomain, definition: str, current: bool) -> None:
        flags = libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_REDEFINE
        flags |= libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_CURRENT if current else 0
        domain.snapshotCreateXML(definition, flags)

    def _revert(self, domain: libvirt.virDomain, change: Change) -> None:
        have = _snapshot(look_at(domain), change)
        snapshot = domain.snapshotLookupByName(have.snapshot, 0)
        if have.kind == "internal":
            book = stored_root(domain)
            domain.revertToSnapshot(snapshot, 0)
            self._keep_notes(domain, book)
        else:
            for disk in have.disks:
                if disk.kind == "external":
                    Overlays(self._host, domain).empty(disk.overlay or "")
            if not have.current:
                self._redefine(domain, snapshot.getXMLDesc(libvirt.VIR_DOMAIN_SNAPSHOT_XML_SECURE), True)
        self.note_reverted(change)

    def _keep_notes(self, domain: libvirt.virDomain, book: Element) -> None:
        """A revert brings the definition of its time back, whose ledger knows nothing of what was made since."""
        root = stored_root(domain, secure=True)
        before = xml.render(root)
        for entry in ledger.entries(book):
            if ledger.find(root, entry.path) is None:
                ledger.write_beside(root, entry)
        known = {overlay.path for overlay in ledger.overlays(root)}
        for overlay in ledger.overlays(book):
            if overlay.path not in known:
                ledger.write_overlay(root, overlay)
        if xml.render(root) != before:
            self._connection().defineXML(xml.render(root))

    def _remove_later(self, domain: libvirt.virDomain, change: Change) -> None:
        """While a guest is off, only its last external snapshot can be merged: those that go, too, go before it."""
        with libvirt_says():
            view = look_at(domain)
        have = _snapshot(view, change)
        if view.power != "stopped" or have.kind != "external":
            return
        for name in all_later_than(have, view):
            if name in self.going_of(view.guest):
                one = view.snapshots[name]
                self.apply(replace(change, name=one.name, before=one))

    def _remove(self, domain: libvirt.virDomain, change: Change) -> None:
        have = _snapshot(look_at(domain), change)
        domain.snapshotLookupByName(have.snapshot, 0).delete(0)
        self._removed.add(change.name)
        if have.kind == "external":
            Overlays(self._host, domain).settle()


def _snapshot(view: View, change: Change) -> Snapshot:
    name = change.name.partition("/")[2]
    if name not in view.snapshots:
        raise PlanError("it was deleted meanwhile")
    return view.snapshots[name]


def make_snapshot_driver(params: dict[str, Any], host: Host) -> SnapshotDriver:
    """Make the driver from a module's parameters."""
    items = [wish.item for wish in parse_snapshots(params)]
    return SnapshotDriver(params["uri"], host, [one for one in items if one.state == "absent"])
