# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Exports: guests as OVF packages, each one file that is whole, verified, and no older than the guest's data."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.appliance import Appliance, System
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.change import Change
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.driver import Driver
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import PlanError
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.give import appliance_of, told
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.host import Host
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.ova_write import write_ova
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.package import open_package
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.parts import dead_parts_of, part_of
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.reader import (
    LINE,
    LINE_SAYS,
    NAME,
    NAME_SAYS,
    Reader,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.resource import Resource, Wish
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.spec import Spec, parse_entries
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Guest

EXPORT: Spec = {"name": {"type": "str"}, "path": {"type": "path"}}
FIELD = "export"


@dataclass(frozen=True)
class Export:
    """A guest's package at a path."""

    name: str
    path: str
    state: str = "present"


@dataclass(frozen=True)
class Seen:
    """A guest, and what is at its package's path.

    found: what the package there says, None when there is none; foreign: why what is there is not the guest's package.
    stale: the guest's data has changed since.
    """

    guest: Guest
    found: Appliance | None = None
    foreign: str = ""
    stale: bool = False


class Giver(ABC):
    """What a hypervisor does for exports."""

    @abstractmethod
    def system(self, guest: Guest) -> System | None:
        """The operating system of a guest, as packages have it."""

    @abstractmethod
    def refusals(self, guest: Guest) -> Iterator[str]:
        """Why a guest's data cannot be read at this moment."""

    @abstractmethod
    def data(self, guest: Guest) -> list[str]:
        """The files that change when a guest's data changes."""

    @abstractmethod
    def write(self, guest: str, disk: str, path: str) -> None:
        """Write a disk, with what snapshots have on top of it, as a streamOptimized VMDK."""

    @abstractmethod
    def forget(self, folder: str) -> None:
        """Let go of files in a folder that a killed run was writing, before they are deleted."""


def parse_exports(params: Mapping[str, Any]) -> list[Wish[Export]]:
    """Turn a task's options into wishes."""
    return parse_entries("export", params, EXPORT, _parse)


def _parse(read: Reader) -> Wish[Export]:
    path = read.text("path", LINE, LINE_SAYS) or ""
    if not path.startswith("/") or not path.endswith(".ova") or os.path.normpath(path) != path:
        read.wrong("path", "the absolute path of an OVA file is needed, which ends in .ova and has no ..")
    return Wish(Export(read.text("name", NAME, NAME_SAYS) or "", path))


class Exports(Resource[Export]):
    """The packages of a driver's guests. paths: where each guest's is to be."""

    def __init__(self, driver: Driver, giver: Giver, host: Host, paths: Mapping[str, str]) -> None:
        self._driver = driver
        self._giver = giver
        self._host = host
        self._paths = paths
        self._seen: dict[str, Seen] = {}

    def read(self, names: Collection[str] | None) -> dict[str, Export]:
        """Read the guests, and what their packages say."""
        guests = self._driver.read(names)
        self._seen = {name: self._look(guest, self._paths[name]) for name, guest in guests.items()}
        return {name: Export(name, self._paths[name]) for name in guests}

    def _look(self, guest: Guest, path: str) -> Seen:
        written = self._host.info(path)
        if written is None:
            return Seen(guest)
        try:
            found = open_package(self._host, path).appliance
        except PlanError as error:
            return Seen(guest, foreign=f"{path} is there already and is no package, so it stays: {error}")
        if found.name != guest.name:
            return Seen(guest, foreign=f"{path} is there already and is the package of {found.name!r}, so it stays")
        data = [one.changed for one in map(self._host.info, self._giver.data(guest)) if one is not None]
        disks = tuple(replace(disk, file_bytes=None) for disk in found.disks)
        return Seen(guest, replace(found, disks=disks), stale=max(data, default=0) > written.changed)

    def plan(self, wish: Wish[Export], have: Export | None) -> Iterator[Change]:
        """Yield the one change there is: the package is written, be there an older one or not."""
        seen = self._seen.get(wish.item.name)
        if seen is None:
            raise PlanError("there is no such guest")
        if seen.foreign:
            raise PlanError(seen.foreign)
        wanted = self._appliance(seen.guest)
        if seen.found == wanted and not seen.stale:
            return
        before, after = told(seen.found) if seen.found else None, told(wanted)
        if before is not None and seen.stale:
            before, after = {**before, "data": "older than the guest's"}, {**after, "data": "the guest's of now"}
        yield Change(wish.item.name, "set" if before else "create", FIELD, wish.item.path, before, after)

    def _appliance(self, guest: Guest) -> Appliance:
        return appliance_of(guest, self._driver.traits.packages, self._giver.system(guest))

    def check(self, wish: Wish[Export], changes: Sequence[Change]) -> Iterator[PlanError]:
        """Yield every reason why a package cannot be written now."""
        folder = self._host.info(os.path.dirname(wish.item.path))
        if changes and (folder is None or folder.kind != "folder"):
            yield PlanError(f"there is no folder {os.path.dirname(wish.item.path)}")
        if changes:
            yield from (PlanError(said) for said in self._giver.refusals(self._seen[wish.item.name].guest))

    def apply(self, change: Change) -> None:
        """Write the package. Disks come first, in a folder beside it, which goes in the end."""
        guest = self._driver.read([change.name]).get(change.name)
        if guest is None:
            raise PlanError("it is not there any more")
        appliance = self._appliance(guest)
        disks = f"{change.key}.disks"
        for dead in dead_parts_of(self._host, disks):
            self._clear(dead)
        folder = part_of(disks)
        try:
            self._host.make_dir(folder, 0o700)
            data = {disk.file or "": os.path.join(folder, disk.file or "") for disk in appliance.disks}
            for disk in appliance.disks:
                self._giver.write(change.name, disk.name, data[disk.file or ""])
            write_ova(self._host, change.key, appliance, data)
        finally:
            self._clear(folder)

    def _clear(self, folder: str) -> None:
        self._giver.forget(folder)
        if self._host.info(folder) is not None:
            for name in self._host.list_dir(folder):
                self._host.remove(os.path.join(folder, name))
            self._host.run(["rmdir", "--", folder])
