# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PoolDriver: storage pools through libvirt, as a Resource of the engine."""

from __future__ import annotations

import grp
import os
import pwd
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.connect import (
    connect,
    libvirt_says,
    steadily,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.pool_plan import plan_pool
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.pool_spec import FOLDER_TYPES, Pool
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.pool_xml import (
    edit_pool,
    read_pool,
    write_pool,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.change import Change
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import PlanError
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.resource import Resource, Wish

if TYPE_CHECKING:
    import libvirt

INACTIVE_XML = 1  # virStorageXMLFlags: what is stored, not what runs


def find_id(kind: str, name: str) -> str:
    """The number of a user ("owner") or group ("group") as text; the name itself when the host does not know it."""
    if name.isascii() and name.isdigit():
        return name
    try:
        return str(pwd.getpwnam(name).pw_uid if kind == "owner" else grp.getgrnam(name).gr_gid)
    except KeyError:
        return name


class PoolDriver(Resource[Pool]):
    """The storage pools of the libvirt at a URI. The connection is opened when the first question is asked."""

    def __init__(self, uri: str) -> None:
        self._uri = uri
        self._opened: libvirt.virConnect | None = None

    def _connection(self) -> libvirt.virConnect:
        if self._opened is None:
            self._opened = connect(self._uri)
        return self._opened

    def read(self, names: Collection[str] | None) -> dict[str, Pool]:
        """Read pools in one batch."""
        connection = self._connection()
        with libvirt_says("reading the storage pools"):
            return steadily(
                lambda: {
                    pool.name(): self._read(pool)
                    for pool in connection.listAllStoragePools()
                    if names is None or pool.name() in names
                }
            )

    def _read(self, handle: libvirt.virStoragePool) -> Pool:
        active, persistent = bool(handle.isActive()), bool(handle.isPersistent())
        pool = replace(
            read_pool(handle.XMLDesc(INACTIVE_XML)),
            state="running" if active else "stopped",
            autostart=bool(handle.autostart()) if persistent else False,
            volumes=handle.numOfVolumes() if active else None,
            persistent=persistent,
        )
        return self._with_permissions(pool)

    def _with_permissions(self, pool: Pool) -> Pool:
        """The folder's real permissions: libvirt only looks at them when a pool starts, and says nothing when off."""
        local = self._uri.partition("://")[2].startswith("/")
        if pool.type not in FOLDER_TYPES or not pool.path or not local or not os.path.isdir(pool.path):
            return pool
        stat = os.stat(pool.path)
        return replace(pool, mode=f"{stat.st_mode & 0o777:o}", owner=str(stat.st_uid), group=str(stat.st_gid))

    def plan(self, wish: Wish[Pool], have: Pool | None) -> Iterator[Change]:
        """Yield the changes from state to wish."""
        return plan_pool(wish.item, have)

    def check(self, wish: Wish[Pool], changes: Sequence[Change]) -> Iterator[PlanError]:
        """Yield owners that the host does not know, before the pool is stopped for them."""
        for kind, value in (("user", wish.item.owner), ("group", wish.item.group)):
            if value is not None and not value.isdigit():
                yield PlanError(f"there is no {kind} {value} on the host")

    def apply(self, change: Change) -> None:
        """Carry out one change. Nothing here ever deletes data: not a volume, not a folder, not a file system."""
        with libvirt_says(f"pool {change.name}"):
            if change.verb == "create":
                self._create(change.after)
            elif change.field == "state":
                self._power(change)
            elif change.verb == "remove":
                # One that was never stored is gone when it is stopped.
                if self.read([change.name]):
                    self._handle(change.name).undefine()
            elif change.field == "autostart":
                self._handle(change.name).setAutostart(int(change.after))
            else:
                self._edit(change)

    def _handle(self, name: str) -> libvirt.virStoragePool:
        return self._connection().storagePoolLookupByName(name)

    def _create(self, pool: Pool) -> None:
        handle = self._connection().storagePoolDefineXML(write_pool(pool), 0)
        try:
            _make_folder(handle, pool.type)
        except Exception:
            # Half a pool would be taken for a whole one on the next run, and its folder never made.
            handle.undefine()
            raise
        handle.setAutostart(int(bool(pool.autostart)))

    def _power(self, change: Change) -> None:
        handle = self._handle(change.name)
        if change.verb == "start" and not handle.isActive():
            handle.create(0)
        elif change.verb == "stop" and handle.isActive():
            handle.destroy()

    def _edit(self, change: Change) -> None:
        xml = self._handle(change.name).XMLDesc(INACTIVE_XML)
        if change.field == "persistent":
            self._connection().storagePoolDefineXML(xml, 0)
            return
        xml = edit_pool(xml, change.field, change.after)
        _make_folder(self._connection().storagePoolDefineXML(xml, 0), read_pool(xml).type)


def _make_folder(handle: libvirt.virStoragePool, kind: str | None) -> None:
    """Make a pool's folder and set its permissions. For other types building would format, so it is never asked for."""
    if kind in FOLDER_TYPES:
        handle.build(0)
