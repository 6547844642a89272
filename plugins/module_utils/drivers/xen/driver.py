# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""XenDriver: guests of Xen, through xl and the files in /etc/xen."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.xen import (
    addresses,
    check,
    own,
    store,
    unfinished,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.xen.facts import Facts
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.xen.look import Look
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.xen.now import Now
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.xen.steps import Steps
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.xen.storage import Storage
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.xen.traits import TRAITS
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.change import Change
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.driver import Driver
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import (
    PlanError,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.host import Host
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.resource import Wish
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.seeds import Seeds
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.spec import Spec
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Guest

# The options of a xen_guest task as a whole; xen_guest_info has the folders, by which a disk's pool is told.
INFO: Spec = {
    "disk_dir": {"type": "path", "default": "/var/lib/xen/images"},
    "seed_dir": {"type": "path", "default": "/var/lib/hostforge/seeds"},
}
TASK: Spec = {**INFO, "image_cache": {"type": "path", "default": "/var/lib/hostforge/images"}}


UNTOLD = "shut it down, or write its file in /etc/xen and shut it down, and it will be told again once it is started"


class XenDriver(Driver):
    """Guests of one host."""

    traits = TRAITS
    # xl makes one domain at a time; the other threads wait for guests, servers and copies.
    workers = 4

    def __init__(self, host: Host, disk_dir: str, seed_dir: str, image_cache: str) -> None:
        self._host = host
        self._seed_dir = seed_dir.rstrip("/")
        self._seeds = Seeds(host, self._seed_dir)
        self._storage = Storage(host, disk_dir.rstrip("/"), image_cache.rstrip("/"))
        self._seen = Look(host, self._storage, self._seed_dir)
        self._facts = Facts(host, self._seen, self._storage)
        self._now = Now(host, self._look)
        self._tells = False

    def _look(self) -> Look:
        """The host as it is at this moment."""
        seen = Look(self._host, self._storage, self._seed_dir)
        seen.look()
        return seen

    @property
    def _steps(self) -> Steps:
        return Steps(self._facts, self._seeds, self._seed_dir, self._now)

    def read(self, names: Collection[str] | None) -> dict[str, Guest]:
        """Read guests in one batch."""
        self._seeds.look()
        self._seen = self._look()
        self._facts = Facts(self._host, self._seen, self._storage)
        self._now = Now(self._host, self._look)
        found = self._seen.guests(names)
        # Only who asks about guests, or waits for them, wants to know.
        return self._with_addresses(found) if self._tells else found

    def look_again(self, names: Collection[str]) -> dict[str, Guest]:
        """Read again, with addresses."""
        return self._with_addresses(self.read(names))

    def _with_addresses(self, found: Mapping[str, Guest]) -> dict[str, Guest]:
        known = addresses.seen(self._host) if any(guest.live for guest in found.values()) else {}
        return {name: _addressed(guest, known) for name, guest in found.items()}

    def tell(self, names: Collection[str] | None, params: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Tell about guests, with the addresses that the host has seen, where they are defined, and what is saved."""
        self._tells = True
        return [{**one, **self._more(one["name"])} for one in super().tell(names, params)]

    def _more(self, name: str) -> dict[str, Any]:
        files, domain = self._seen.files.get(name, []), self._seen.domains.get(name)
        return {
            "files": sorted(file.path for file in files),
            "domid": domain.number if domain else None,
            "saved": self._seen.saved.get(name),
        }

    def plan(self, wish: Wish[Guest], have: Guest | None) -> Iterator[Change]:
        """Yield the changes; a guest that runs without a definition gets one first. Old seeds go last.

        What a killed run was making goes before the rest.
        """
        name, want = wish.item.name, wish.item
        files = self._seen.files.get(name, [])
        if len(files) > 1:
            paths = " and ".join(sorted(file.path for file in files))
            raise PlanError(f"{paths} both define {name}: keep one of them, and move the others out of /etc/xen")
        if self._seen.is_untold(name) and want.state != "absent" and not (want.state == "stopped" and files):
            raise PlanError(f"it runs, and xl list -l does not tell with what: {UNTOLD}")
        if self._seen.is_transient(name) and want.state != "absent":
            yield Change(name, "set", "definition", before="only while it runs", after="stored")
        if want.state == "absent" and self._seen.is_left_over(name):
            yield Change(name, "remove", "domain", before="left over", after="gone")
        parts = unfinished.dead_parts(self._seen, name)
        if parts:
            yield Change(name, "delete", "parts", before=parts)
        have = unfinished.with_disks(self._seen, wish, have) if have else None
        own.refuse(want, have)
        changes: list[Change] = []
        try:
            changes.extend(super().plan(self._as_here(wish, have), self._as_wished(want, have)))
        finally:
            self._note_memory(changes)
            # Also when something is refused the host is asked what it thinks of the rest.
            yield from own.one_by_one(changes)
        used = self._seen.users
        old = self._seeds.leftover(name, want.cloud_init, used)
        if old:
            yield Change(name, "delete", "seeds", before=old)

    def _note_memory(self, changes: Sequence[Change]) -> None:
        """Note what guests give up that go down in this run: those that come up may need it."""
        for change in changes:
            domain = self._seen.domains.get(change.name)
            if change.verb in ("stop", "restart") and domain is not None:
                self._facts.freed[change.name] = domain.memory_mib

    def pending(self, wish: Wish[Guest], have: Guest | None) -> bool:
        """Whether the running guest differs from the wish in what only a restart brings."""
        return super().pending(self._as_here(wish, have), self._as_wished(wish.item, have))

    def _as_here(self, wish: Wish[Guest], have: Guest | None) -> Wish[Guest]:
        """The wish with its disks' paths and sizes as this host would write them."""
        item = wish.item
        if item.state == "absent" or not item.disks:
            return wish
        known = {self._seen.real(disk.path): disk.path for disk in (have.disks or () if have else ()) if disk.path}
        same = (
            replace(one, path=known.get(self._seen.real(one.path), one.path)) if one.path else one for one in item.disks
        )
        return replace(wish, item=self._storage.rounded(replace(item, disks=tuple(same)), have))

    def _as_wished(self, want: Guest, have: Guest | None) -> Guest | None:
        if have is None or want.state == "absent":
            return have
        file, domain = self._seen.file(want.name), self._seen.domains.get(want.name)
        started = None
        if want.option("config") is not None and domain is not None and have.live is not None:
            started = store.started(self._host, domain.number, have.live.uuid or "")
        return own.as_wished(want, have, file.definition if file else None, started)

    def notes(self, wish: Wish[Guest], have: Guest | None) -> tuple[str, ...]:
        """What this host does not do with what was written."""
        place = wish.item.autostart
        delayed = wish.item.state != "absent" and place is not None and place.delay_s is not None
        return (check.NO_DELAY,) if delayed and not self._facts.keeps_delays else ()

    def check(self, wish: Wish[Guest], changes: Sequence[Change]) -> Iterator[PlanError]:
        """Yield every reason why this host cannot do it, by looking only."""
        have = self._seen.guest(wish.item.name) if changes and self._is_known(wish.item.name) else None
        for change in changes:
            yield from check.check(change, wish.item, have, self._facts)

    def _is_known(self, name: str) -> bool:
        return name in self._seen.files or self._seen.is_transient(name)

    def apply(self, change: Change) -> None:
        """Carry out one change."""
        self._seeds.clear()
        self._steps.carry_out(change)


def _addressed(guest: Guest, known: Mapping[str, Sequence[str]]) -> Guest:
    cards = guest.live.nics or () if guest.live else ()
    found = tuple(address for card in cards for address in known.get(card.mac or "", ()))
    live = replace(guest.live, addresses=found) if guest.live else None
    return replace(guest, addresses=found, live=live)


def make_xen_driver(params: dict[str, Any], host: Host) -> XenDriver:
    """Make the driver from a module's parameters; a module that only reads has no cache."""
    return XenDriver(host, params["disk_dir"], params["seed_dir"], params.get("image_cache", ""))
