# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which data the guests of one task are to have: what the host does not know yet, and so no look at it can tell."""

from __future__ import annotations

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm import existing
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import PlanError
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Disk


class Claims:
    """The disks that are to be added in this run. Names of data that we make differ; data that is given may be any."""

    def __init__(self) -> None:
        self._all: dict[str, tuple[str, str]] = {}
        self._given: dict[str, tuple[str, str]] = {}

    def add(self, guest: str, disk: Disk, given: bool) -> None:
        """Note a placed disk. Raises PlanError when it is data that another disk of the task is to have.

        given: the data is somebody else's, named by its path.
        """
        path, me = disk.path or "", (guest, disk.name)
        for other in existing.overlapping(path, self._all if given else self._given):
            whose = self._all[other]
            if whose != me:
                place = "" if whose[0] == guest else f" of guest {whose[0]}"
                raise PlanError(f"disk {disk.name}: {path} is that of disk {whose[1]}{place}, in the same task")
        self._all[path] = me
        if given:
            self._given[path] = me
