# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PoolDriver: storage pools through libvirt, as a Resource of the engine."""

from __future__ import annotations

import grp
import os
import pwd
from collections.abc import Collection, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.connect import connect, libvirt_says
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.pool_plan import plan_pool
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.pool_spec import FOLDER_TYPES, Pool
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.pool_xml import (
    edit_pool,
    read_pool,
    write_pool,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.change import Change
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.engine import Resource, Wish
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import HypervisorError

if TYPE_CHECKING:
    import libvirt

INACTIVE_XML = 1  # virStorageXMLFlags: what is stored, not what runs


def find_id(kind: str, name: str) -> str:
    """The number of a user ("owner") or group ("group") as text; the name itself when the host does not know it."""
    if name.isdigit():
        return name
    try:
        return str(pwd.getpwnam(name).pw_uid if kind == "owner" else grp.getgrnam(name).gr_gid)
    except KeyError:
        return name


class PoolDriver(Resource[Pool]):
    """The storage pools of the libvirt at a URI. The connection is opened when the first question is asked."""

    def __init__(self, uri: str) -> None:
        self._uri = uri
        self._connection: libvirt.virConnect | None = None

    def read(self, names: Collection[str] | None) -> dict[str, Pool]:
        """Read pools in one batch."""
        if self._connection is None:
            self._connection = connect(self._uri)
        with libvirt_says("reading the storage pools"):
            found = {pool.name(): pool for pool in self._connection.listAllStoragePools()}
            return {name: self._read(pool) for name, pool in found.items() if names is None or name in names}

    def _read(self, handle: libvirt.virStoragePool) -> Pool:
        pool = read_pool(handle.XMLDesc(INACTIVE_XML))
        active = bool(handle.isActive())
        pool = replace(
            pool,
            state="running" if active else "stopped",
            autostart=bool(handle.autostart()),
            volumes=handle.numOfVolumes() if active else None,
        )
        return self._with_permissions(pool)

    def _with_permissions(self, pool: Pool) -> Pool:
        """The folder's real permissions: libvirt only looks at them when a pool starts, and says nothing when off."""
        local = "://" in self._uri and self._uri.split("://", 1)[1].startswith("/")
        if pool.type not in FOLDER_TYPES or not pool.path or not local or not os.path.isdir(pool.path):
            return pool
        stat = os.stat(pool.path)
        return replace(pool, mode=f"{stat.st_mode & 0o777:o}", owner=str(stat.st_uid), group=str(stat.st_gid))

    def plan(self, wish: Wish[Pool], have: Pool | None) -> Iterator[Change]:
        """Yield the changes from state to wish."""
        return plan_pool(wish.item, have)

    def apply(self, change: Change) -> None:
        """Carry out one change. Nothing here ever deletes data: not a volume, not a folder, not a file system."""
        for value in (change.after.owner, change.after.group) if change.verb == "create" else (change.after,):
            if change.field in ("pool", "owner", "group") and value and not value.isdigit():
                raise HypervisorError(f"there is no user or group {value} on the host")
        with libvirt_says(f"{change.verb} {change.field} of storage pool {change.name}"):
            if change.verb == "create":
                self._create(change.after)
            elif change.field == "state":
                self._power(change)
            elif change.verb == "remove":
                self._handle(change.name).undefine()
            elif change.field == "autostart":
                self._handle(change.name).setAutostart(int(change.after))
            else:
                self._edit(change)

    def _handle(self, name: str) -> libvirt.virStoragePool:
        if self._connection is None:
            self._connection = connect(self._uri)
        return self._connection.storagePoolLookupByName(name)

    def _create(self, pool: Pool) -> None:
        if self._connection is None:
            self._connection = connect(self._uri)
        handle = self._connection.storagePoolDefineXML(write_pool(pool), 0)
        try:
            self._make_folder(handle, pool.type)
        except Exception:
            # Half a pool would be taken for a whole one on the next run, and its folder never made.
            handle.undefine()
            raise
        handle.setAutostart(int(bool(pool.autostart)))

    def _make_folder(self, handle: libvirt.virStoragePool, kind: str | None) -> None:
        # For these types building only makes the folder and sets its permissions; for the others it would format.
        if kind in FOLDER_TYPES:
            handle.build(0)

    def _power(self, change: Change) -> None:
        handle = self._handle(change.name)
        if change.verb == "start" and not handle.isActive():
            handle.create(0)
        elif change.verb == "stop" and handle.isActive():
            handle.destroy()

    def _edit(self, change: Change) -> None:
        handle = self._handle(change.name)
        if self._connection is None:
            self._connection = connect(self._uri)
        xml = edit_pool(handle.XMLDesc(INACTIVE_XML), change.field, change.after)
        handle = self._connection.storagePoolDefineXML(xml, 0)
        self._make_folder(handle, read_pool(xml).type)
