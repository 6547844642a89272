# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SnapshotResource: what all drivers of snapshots have in common, as a Resource of the engine."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Generic

from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.change import Change
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.resource import Resource, Wish
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.snapshot_plan import Rules, View, plan_snapshot
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.snapshots import Snapshot


class SnapshotResource(Resource[Snapshot], Generic[View]):
    """The snapshots of the guests of one host.

    rules: what they can and cannot do. going: the snapshots that the task deletes.
    """

    rules: Rules[View]

    def __init__(self, going: Sequence[Snapshot] = ()) -> None:
        self._going = going
        self._views: Mapping[str, View] | None = None
        self._reverted: set[str] = set()

    @abstractmethod
    def look(self, guests: Collection[str] | None) -> Mapping[str, View]:
        """The named guests (None: all), each with all its snapshots."""

    def read(self, names: Collection[str] | None) -> dict[str, Snapshot]:
        """Read snapshots, each under GUEST/SNAPSHOT, with a look at their guests."""
        guests = None if names is None else {name.partition("/")[0] for name in names}
        found = self.of_guests(guests)
        return {one.name: one for one in found if names is None or one.name in names}

    def of_guests(self, guests: Collection[str] | None) -> list[Snapshot]:
        """All snapshots of the named guests (None: of all), by guest and in the order in which they were taken."""
        self._views = self.look(guests)
        snapshots = [one for name in sorted(self._views) for one in self._views[name].snapshots.values()]
        return sorted(snapshots, key=lambda one: (one.guest, one.taken or "", one.snapshot))

    def plan(self, wish: Wish[Snapshot], have: Snapshot | None) -> Iterator[Change]:
        """Yield the changes from state to wish."""
        if wish.item.name in self._reverted and have is not None and have.current:
            return iter(())
        known, guest = self._views is not None, wish.item.guest
        return plan_snapshot(self.rules, wish, have, (self._views or {}).get(guest), known, self.going_of(guest))

    def going_of(self, guest: str) -> list[str]:
        """The guest's snapshots that the task deletes."""
        return [one.snapshot for one in self._going if one.guest == guest]

    def note_reverted(self, change: Change) -> None:
        """Note that a guest was brought back, which is done once in a run."""
        self._reverted.add(change.name)
