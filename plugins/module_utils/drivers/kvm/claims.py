# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the guests of one task are to have: the host does not know it yet, and so no look at the host can tell."""

from __future__ import annotations

from collections.abc import Collection

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm import existing
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.passthrough import Device
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import PlanError
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Disk


class Claims:
    """The disks that are to be added in this run. Names of data that we make differ; data that is given may be any."""

    def __init__(self) -> None:
        self._all: dict[str, tuple[str, str]] = {}
        self._given: dict[str, tuple[str, str]] = {}
        self._below: dict[str, tuple[str, str]] = {}

    def add(self, guest: str, disk: Disk, given: bool, below: Collection[str] = ()) -> None:
        """Note a placed disk. Raises PlanError when it is data that another disk of the task is to have.

        given: the data is somebody else's, named by its path. below: the files that it is based on.
        """
        path, me = disk.path or "", (guest, disk.name)
        for other in existing.overlapping(path, self._all if given else self._given):
            _refuse(disk, me, self._all[other], f"{path} is that of")
        for base in below:
            for other in existing.overlapping(base, self._all):
                _refuse(disk, me, self._all[other], f"{path} is based on {base}, which is that of")
        for base in existing.overlapping(path, self._below):
            _refuse(disk, me, self._below[base], f"{path} must not change, for on it is based that of")
        self._all[path] = me
        self._below.update(dict.fromkeys(below, me))
        if given:
            self._given[path] = me


def _refuse(disk: Disk, me: tuple[str, str], other: tuple[str, str], what: str) -> None:
    if other != me:
        place = "" if other[0] == me[0] else f" of guest {other[0]}"
        raise PlanError(f"disk {disk.name}: {what} disk {other[1]}{place}, in the same task")


class Holders:
    """Which guest of a task is to run with which device of the host, and who gives it up before that.

    Guests are told of in the order of the wishes, in which those that have to do with the same device are changed.
    """

    def __init__(self) -> None:
        self._taken: dict[Device, str] = {}
        self._left: set[tuple[str, Device | None]] = set()

    def leave(self, guest: str, device: Device | None = None) -> None:
        """Note that a guest gives a device up, or all of its devices."""
        self._left.add((guest, device))

    def has_left(self, guest: str, device: Device) -> bool:
        """Whether a guest has given a device up."""
        return not self._left.isdisjoint({(guest, device), (guest, None)})

    def take(self, guest: str, device: Device, runs: bool) -> None:
        """Note that a guest is to have a device. PlanError when another is to run with it. runs: this one is."""
        option, name = device
        other = self._taken.get(device, guest)
        if other != guest:
            raise PlanError(f"{option}: {name} is that of guest {other}, in the same task")
        if runs:
            self._taken[device] = guest
