# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Packaged: the guests of any driver, of which some are made from OVF packages."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.change import Change
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.driver import Driver
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import (
    AbsentError,
    MissingImageError,
    PlanError,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.fill import beside, filled, not_taken
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.hidden import without_secrets
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.host import Host
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.resource import Resource, Wish
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Guest, Image

FIELD = "package"


class Packaged(Resource[Guest]):
    """A driver, and packages: a guest that is not there yet is planned as what is written and its package says.

    A package that is not on the host yet is read when the guest is made, before anything else is. Of a guest that is
    there a package says nothing more, unless a run was killed that was making it: then it is finished, in one change.
    """

    def __init__(self, driver: Driver, host: Host) -> None:
        self.workers = driver.workers
        self._driver = driver
        self._host = host
        self._written: dict[str, tuple[Wish[Guest], Guest | None]] = {}
        self._planned: dict[str, Wish[Guest]] = {}
        self._made: dict[str, Wish[Guest]] = {}
        self._said: dict[str, tuple[str, ...]] = {}

    def read(self, names: Collection[str] | None) -> dict[str, Guest]:
        """Read guests in one batch."""
        return self._driver.read(names)

    def look_again(self, names: Collection[str]) -> dict[str, Guest]:
        """Read those again that a run waits for."""
        return self._driver.look_again(names)

    def plan(self, wish: Wish[Guest], have: Guest | None) -> Iterator[Change]:
        """Yield the changes from state to wish."""
        name, package, missing = wish.item.name, wish.item.package, None
        self._written[name] = wish, have
        self._said.pop(name, None)
        if package is not None and wish.item.state != "absent":
            if FIELD not in self._driver.traits.fields:
                raise PlanError(f"{self._driver.traits.hypervisor} guests are not made from packages: leave it out")
            if have is not None and have.unfinished:
                yield Change(name, "set", FIELD, before="unfinished", after=without_secrets(package.source))
                # One that is yet to come from the controller is asked for before anything is touched.
                self._driver.find(package)
                return
            if name in self._made:
                wish = self._made[name]
            elif have is not None:
                wish = replace(wish, item=beside(wish.item, have))
            else:
                wish, missing = self._at_hand(wish, package)
        self._planned[name] = wish
        yield from self._driver.plan(wish, have)
        if missing is not None:
            raise missing

    def _at_hand(self, wish: Wish[Guest], package: Image) -> tuple[Wish[Guest], MissingImageError | None]:
        """The whole wish; the one that is written where the package is yet to be brought, and what is missing."""
        try:
            path = self._driver.find(package)
        except MissingImageError as error:
            path, missing = None, error
        except AbsentError:
            path, missing = None, None
        else:
            missing = None
        if path is not None:
            return self._whole(wish, path), None
        said = f"guest {wish.item.name}: {without_secrets(package.source)} is not on the host yet, so what it says"
        self._said[wish.item.name] = (f"{said} is not in what is shown",)
        return wish, missing

    def _whole(self, wish: Wish[Guest], path: str) -> Wish[Guest]:
        # Only here, for all tasks would wait for the reader to be loaded, and few have packages.
        from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.package import open_package

        name, traits = wish.item.name, self._driver.traits
        found = open_package(self._host, path).appliance
        try:
            whole = replace(wish, item=filled(wish.item, found, traits))
        except PlanError as error:
            raise PlanError(f"{path}: {error}") from error
        left = not_taken(found, traits)
        self._said[name] = (f"guest {name}: not taken from its package: {'; '.join(left)}",) if left else ()
        return whole

    def check(self, wish: Wish[Guest], changes: Sequence[Change]) -> Iterator[PlanError]:
        """Yield every reason why this host cannot do it."""
        asked = [change for change in changes if change.field != FIELD]
        return self._driver.check(self._planned.get(wish.item.name, wish), asked)

    def apply(self, change: Change) -> None:
        """Carry out one change."""
        finishes = change.field == FIELD
        if finishes or (change.verb == "create" and change.after.package is not None):
            self._make(change, finishes)
        else:
            self._driver.apply(change)

    def _make(self, change: Change, finishes: bool) -> None:
        """Make a guest from its package, or what is missing of it, with all that is refused only now seen first."""
        wish, have = self._written[change.name]
        if wish.item.package is None:
            raise PlanError("a package is needed")
        whole = self._whole(wish, self._driver.bring(wish.item.package))
        if have is not None:
            whole = replace(whole, item=beside(whole.item, have))
        changes = list(self._driver.plan(whole, have))
        refusals = [str(error) for error in self._driver.check(whole, changes)]
        if refusals:
            raise PlanError("; ".join(refusals))
        self._made[change.name] = whole
        for one in changes:
            if finishes or one.verb == "create":
                self._driver.apply(one)
        if finishes:
            self._driver.apply(change)

    def claims(self, change: Change) -> Collection[str]:
        """Names of what a change takes or gives up."""
        return self._driver.claims(change)

    def pending(self, wish: Wish[Guest], have: Guest | None) -> bool:
        """Whether something of the wish only comes about with a restart."""
        return self._driver.pending(self._planned.get(wish.item.name, wish), have)

    def notes(self, wish: Wish[Guest], have: Guest | None) -> tuple[str, ...]:
        """What the driver says, and what of a package was not taken."""
        said = self._driver.notes(self._planned.get(wish.item.name, wish), have)
        return (*said, *self._said.get(wish.item.name, ()))

    def is_ready(self, wish: Wish[Guest], have: Guest | None) -> bool:
        """Whether what the policy says to wait for has come about."""
        return self._driver.is_ready(wish, have)
