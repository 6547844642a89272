# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SnapshotDriver: snapshots of guests of one user's VirtualBox, as a Resource of the engine."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.virtualbox import power
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.virtualbox.check import check_driver
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.virtualbox.connection import Api, connect
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.virtualbox.snapshot_look import (
    View,
    handles_of,
    look_at,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.virtualbox.snapshot_rules import (
    RULES,
    all_later_than,
    ambiguous,
    removal_reasons,
    revert_reasons,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.change import Change
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import HypervisorError, PlanError
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.host import Host
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.resource import Wish
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.snapshot_plan import refuse
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.snapshot_resource import SnapshotResource
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.snapshots import Snapshot, parse_snapshots


class SnapshotDriver(SnapshotResource[View]):
    """The snapshots of the guests of one user.

    going: the snapshots that the task deletes.
    """

    rules = RULES

    def __init__(self, host: Host, going: Sequence[Snapshot] = (), connect: Callable[[], Api] = connect) -> None:
        super().__init__(going)
        self._host = host
        self._connect = connect
        self._opened: Api | None = None
        self._removed: set[str] = set()

    @property
    def api(self) -> Api:
        """The connection, which is opened when it is first needed."""
        if self._opened is None:
            self._opened = self._connect()
        return self._opened

    def look(self, guests: Collection[str] | None) -> Mapping[str, View]:
        """The named guests (None: all), each with all its snapshots."""
        api = self.api
        with api.says("the snapshots cannot be read"):
            machines = [one for one in api.machines() if one.accessible]
            names = {str(one.id).lower(): str(one.name) for one in machines}
            chosen = [one for one in machines if guests is None or str(one.name) in guests]
            return {str(one.name): look_at(api, one, names) for one in chosen}

    def plan(self, wish: Wish[Snapshot], have: Snapshot | None) -> Iterator[Change]:
        """Yield the changes from state to wish."""
        view = (self._views or {}).get(wish.item.guest)
        if have is not None and view is not None:
            refuse(ambiguous(have, view))
        yield from super().plan(wish, have)

    def check(self, wish: Wish[Snapshot], changes: Sequence[Change]) -> Iterator[PlanError]:
        """Yield every reason why this host cannot do it, by looking only."""
        if any(change.verb == "start" for change in changes):
            try:
                check_driver(self._host)
            except PlanError as error:
                yield error

    def apply(self, change: Change) -> None:
        """Carry out one change."""
        if change.name in self._removed:  # before one that it was after
            return
        steps: Mapping[str, Callable[[Any, Change], None]] = {
            "create": self._take,
            "stop": lambda machine, change: power.stop(self.api, machine, change.timeout_s, change.force),
            "start": lambda machine, _change: power.start(self.api, machine),
            "set": self._describe,
            "revert": self._revert,
            "remove": self._remove,
        }
        guest = change.name.partition("/")[0]
        with self.api.says():
            machine = self.api.find(guest)
            if machine is None:
                raise HypervisorError(f"guest {guest}: somebody has removed or renamed it meanwhile")
            steps[change.verb](machine, change)

    def _take(self, machine: Any, change: Change) -> None:
        want: Snapshot = change.after
        with self.api.session(machine) as session:
            if want.snapshot in {str(one.name) for one in handles_of(self.api, session.machine)}:
                raise PlanError("somebody took one of that name meanwhile")
            progress, _uuid = session.machine.takeSnapshot(want.snapshot, want.description, True)
            self.api.wait(progress, "it cannot be taken")

    def _describe(self, machine: Any, change: Change) -> None:
        with self.api.session(machine) as session:
            self._handle(session.machine, self._found(machine, change)).description = change.after

    def _revert(self, machine: Any, change: Change) -> None:
        # Once more: what is lost here cannot be brought back.
        have = self._found(machine, change)
        refuse(revert_reasons(have, self._view(machine)))
        with self.api.session(machine) as session:
            progress = session.machine.restoreSnapshot(self._handle(session.machine, have))
            self.api.wait(progress, "it cannot be reverted to")
        self.note_reverted(change)

    def _remove(self, machine: Any, change: Change) -> None:
        """Those that go, too, and were taken after it go before it: so no snapshot has several after it."""
        have, view = self._found(machine, change), self._view(machine)
        going = self.going_of(view.guest)
        refuse(removal_reasons(have, view, going))
        for name in all_later_than(have.snapshot, view):
            if name in going:
                one = view.snapshots[name]
                self.apply(replace(change, name=one.name, before=one))
        with self.api.session(machine) as session:
            self.api.wait(session.machine.deleteSnapshot(have.uuid), "it cannot be deleted")
        self._removed.add(change.name)

    def _view(self, machine: Any) -> View:
        return self.look([str(machine.name)])[str(machine.name)]

    def _found(self, machine: Any, change: Change) -> Snapshot:
        name, view = change.name.partition("/")[2], self._view(machine)
        if name not in view.snapshots:
            raise PlanError("it was deleted meanwhile")
        refuse(ambiguous(view.snapshots[name], view))
        return view.snapshots[name]

    def _handle(self, machine: Any, have: Snapshot) -> Any:
        return next(one for one in handles_of(self.api, machine) if str(one.id) == have.uuid)


def make_snapshot_driver(params: dict[str, Any], host: Host) -> SnapshotDriver:
    """Make the driver from a module's parameters."""
    items = [wish.item for wish in parse_snapshots(params)]
    return SnapshotDriver(host, [one for one in items if one.state == "absent"])
