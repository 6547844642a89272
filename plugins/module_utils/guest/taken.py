# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Data that somebody else has come to have since it was looked at."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import HypervisorError
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Disk


class TakenError(HypervisorError):
    """Where a disk was to be made, data of somebody else has come into being."""

    def __init__(self, disk: Disk) -> None:
        super().__init__(f"disk {disk.name}: {disk.path} came into being meanwhile; nothing was replaced")


def refuse_used(disks: Iterable[Disk], others: Callable[[str], Sequence[str]]) -> None:
    """Refuse data that somebody has come to use. others: who uses a path at this moment beside the guest."""
    for disk in disks:
        users = others(disk.path or "")
        if users:
            raise HypervisorError(f"disk {disk.name}: {disk.path} came to be used by {', '.join(users)} meanwhile")
