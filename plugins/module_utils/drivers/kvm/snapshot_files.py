# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The overlays that we make for external snapshots: noted before they are made, private, and never left half-made."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import replace
from xml.etree.ElementTree import Element

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm import (
    ledger,
    read,
    snapshot_chain,
    xml,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.connect import libvirt, libvirt_says
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.roots import roots_of, stored_root
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.snapshot_look import Attached
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import HypervisorError, PlanError
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.host import Host
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.parts import dead_parts, part_of
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.snapshots import SnapshotDisk

LONGEST_NAME = 255  # bytes, on Linux's file systems


class Overlays:
    """The overlays of one guest."""

    def __init__(self, host: Host, domain: libvirt.virDomain) -> None:
        self._host = host
        self._domain = domain

    def place(self, snapshot: str, disks: Sequence[Attached]) -> tuple[SnapshotDisk, ...]:
        """Say where the overlays of a snapshot belong: beside the disks."""
        guest = self._domain.name()
        return tuple(
            SnapshotDisk(
                disk.device,
                "external",
                disk.path,
                os.path.join(os.path.dirname(disk.path or ""), f"{guest}.{disk.name}.{snapshot}.qcow2"),
            )
            for disk in disks
        )

    def check(self, placed: Sequence[SnapshotDisk]) -> None:
        """Refuse a place that is taken, unless by what a killed run has left."""
        left = {note.path for note in self._unused(stored_root(self._domain))}
        for disk in placed:
            path = disk.overlay or ""
            if len(os.path.basename(path).encode()) > LONGEST_NAME:
                raise PlanError(f"the name of the overlay {path} would be too long: give the snapshot a shorter one")
            if path not in left and self._host.info(path) is not None:
                raise PlanError(f"{path} is there already: move it away, or give the snapshot another name")

    def make(self, placed: Sequence[SnapshotDisk], disks: Sequence[Attached]) -> None:
        """Make empty overlays, noted as ours and as pending first."""
        self.settle()
        root = stored_root(self._domain, secure=True)
        for new, disk in zip(placed, disks):
            ledger.write_overlay(root, ledger.Overlay(disk.name, new.overlay or "", pending=True))
        self._store(root)
        for new, disk in zip(placed, disks):
            self._make(new.overlay or "", disk)

    def empty(self, path: str) -> None:
        """Put an empty overlay in the place of one, in one step. What was written to that one is gone."""
        info = json.loads(self._host.run(["qemu-img", "info", "-f", "qcow2", "--output=json", "--", path]))
        base, kind = info.get("full-backing-filename"), info.get("backing-filename-format")
        if not base or not kind:
            raise HypervisorError(f"{path} does not tell on what it is based; nothing was changed")
        part = self._part(path)
        try:
            self._host.run(["qemu-img", "create", "-q", "-f", "qcow2", "-F", kind, "-b", base, "--", part])
            self._host.run(["chown", f"--reference={path}", "--", part])
            self._host.run(["chmod", "0600", "--", part])
            self._host.rename(part, path)
        finally:
            self._host.remove(part)

    def _make(self, path: str, base: Attached) -> None:
        # The base may be in use, so it is not looked into ("-u"), and its size is asked of libvirt.
        size = str(self._domain.blockInfo(base.path or "")[0])
        create = ["qemu-img", "create", "-q", "-f", "qcow2", "-u", "-F", base.format or "raw", "-b", base.path or ""]
        part = self._part(path)
        try:
            self._host.run([*create, "--", part, size])
            self._host.run(["chmod", "0600", "--", part])
            if self._host.info(path) is not None:
                raise HypervisorError(f"{path} came into being meanwhile; nothing was replaced")
            self._host.rename(part, path)
        finally:
            self._host.remove(part)

    def _part(self, path: str) -> str:
        for dead in dead_parts(self._host, os.path.dirname(path)):
            self._host.remove(dead)
        return part_of(path)

    def settle(self) -> None:
        """Bring the notes in line with what is there: delete what a killed run has left, strike out what is gone."""
        root = stored_root(self._domain, secure=True)
        before = xml.render(root)
        for note in self._unused(root):
            self._host.remove(note.path)
        used = self._used()
        for note in ledger.overlays(root):
            if self._host.info(note.path) is None and note.path not in used:
                ledger.forget(root, note.path)
            elif note.pending:
                ledger.write_overlay(root, replace(note, pending=False))
        if xml.render(root) != before:
            self._store(root)

    def _unused(self, root: Element) -> list[ledger.Overlay]:
        """Overlays that were being made when a run was killed, and that nothing of the guest refers to."""
        used = self._used()
        pending = [note for note in ledger.overlays(root) if note.pending and note.path not in used]
        return [note for note in pending if self._host.info(note.path) is not None]

    def _used(self) -> set[str]:
        files = snapshot_chain.snapshot_files(self._domain)
        return files.union(*(read.sources(root) for root in roots_of(self._domain)))

    def _store(self, root: Element) -> None:
        with libvirt_says("its notes cannot be stored"):
            self._domain.connect().defineXML(xml.render(root))
