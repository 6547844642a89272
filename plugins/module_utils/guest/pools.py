# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where in a pool the data of a disk belongs, be the pool a folder or a volume group; pure but for a group's extent."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace

from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import PlanError
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.groups import Groups
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.image_files import QCOW2, RAW
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Disk, Guest

DEFAULT_POOL = "default"


def placed(guest: str, disk: Disk, pool: str, folder: str, groups: Groups) -> Disk:
    """A disk with its pool, format and path. folder: that of the pool's files or volumes."""
    if groups.has(f"{folder}/"):
        if disk.format not in (None, RAW):
            raise PlanError(f"disk {disk.name}: the volumes of LVM in the pool {pool} are raw, not {disk.format}")
        return replace(disk, pool=pool, format=RAW, path=os.path.join(folder, f"{guest}.{disk.name}"))
    kind = disk.format or QCOW2
    return replace(disk, pool=pool, format=kind, path=os.path.join(folder, f"{guest}.{disk.name}.{kind}"))


def rounded(want: Guest, have: Guest | None, groups: Groups, folder_of: Callable[[str], str | None]) -> Guest:
    """A wish with the sizes of its disks as volume groups have them. folder_of: a pool's folder, if there is one."""
    pools = {disk.name: disk.pool for disk in (have.disks or () if have else ())}

    def fit(disk: Disk) -> Disk:
        if disk.size_bytes is None or disk.path:
            return disk
        folder = folder_of(disk.pool or pools.get(disk.name) or DEFAULT_POOL)
        if folder is None or not groups.has(f"{folder}/"):
            return disk
        return replace(disk, size_bytes=groups.rounded(folder, disk.size_bytes))

    return want if want.disks is None else replace(want, disks=tuple(map(fit, want.disks)))
