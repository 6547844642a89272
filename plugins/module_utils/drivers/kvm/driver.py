# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""KvmDriver: guests of KVM and QEMU, through libvirt."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm import (
    check,
    disk_options,
    existing,
    info,
    own,
    own_disks,
    passthrough,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.abilities import Facts
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.connect import (
    connect,
    libvirt,
    libvirt_says,
    steadily,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.look import Look
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.steps import History, Steps
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.storage import Storage
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.traits import TRAITS
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.change import Change
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.driver import Driver
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import (
    PlanError,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.host import Host
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.resource import Wish
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.seeds import Seeds
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.spec import Spec
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Guest, Image

URI: Spec = {"uri": {"type": "str", "default": "qemu:///system"}}
# The options of kvm_guest_info, but for the names.
INFO: Spec = {**URI, "statistics": {"type": "bool", "default": False}}
# The options of a kvm_guest task as a whole.
TASK: Spec = {
    **URI,
    "image_cache": {"type": "path", "default": "/var/lib/hostforge/images"},
    "seed_dir": {"type": "path", "default": "/var/lib/hostforge/seeds"},
}


class KvmDriver(Driver):
    """Guests of one libvirt connection, opened when it is first needed."""

    traits = TRAITS
    # libvirt serves five calls of one client at a time; the other threads wait for guests, servers and copies.
    workers = 8

    def __init__(self, uri: str, image_cache: str, seed_dir: str, host: Host) -> None:
        self._uri = uri
        self._image_cache = image_cache
        self._seeds = Seeds(host, seed_dir)
        self._host = host
        self._opened: libvirt.virConnect | None = None
        self._storage: Storage | None = None
        self._seen: Look | None = None
        self._facts: Facts | None = None
        self._history = History()
        self._tells = False

    @property
    def _connection(self) -> libvirt.virConnect:
        if self._opened is None:
            self._opened = connect(self._uri)
        return self._opened

    @property
    def _disks(self) -> Storage:
        if self._storage is None:
            self._storage = Storage(self._connection, self._host, self._image_cache)
        return self._storage

    @property
    def _host_facts(self) -> Facts:
        if self._facts is None:
            self._facts = Facts(self._connection, None, self._disks)
        return self._facts

    @property
    def _steps(self) -> Steps:
        return Steps(self._host_facts, self._host, self._seeds, self._history)

    def read(self, names: Collection[str] | None) -> dict[str, Guest]:
        """Read guests in one batch."""
        with libvirt_says("the guests cannot be read"):
            # What was known of pools may be old: this is also how a run looks again after it has waited for another.
            self._storage = None
            return steadily(lambda: self._look(names))

    def _look(self, names: Collection[str] | None) -> dict[str, Guest]:
        self._seeds.look()
        self._seen = Look(self._connection, self._host, self._disks, self._history.stale)
        self._facts = Facts(self._connection, self._seen, self._disks)
        # Addresses beyond leases take time: only who asks about guests, or waits for them, wants them.
        return self._seen.guests(names, None if self._tells else ())

    def look_again(self, names: Collection[str]) -> dict[str, Guest]:
        """Read again those guests alone, with all addresses, and of the others nothing."""
        seen = self._seen
        if seen is None:
            return self.read(names)

        def look() -> dict[str, Guest]:
            seen.again(names)
            return seen.guests(names, names)

        with libvirt_says("the guests cannot be read"):
            return steadily(look)

    def tell(self, names: Collection[str] | None, params: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Tell about guests, with the addresses of each card and, if asked to, with what they use."""
        self._tells = True
        told = super().tell(names, params)
        seen = self._seen
        if seen is None:
            return told
        with libvirt_says("the statistics cannot be read"):
            records = seen.records(names) if params["statistics"] else {}
        return [info.complete(one, seen, records.get(one["name"])) for one in told]

    def plan(self, wish: Wish[Guest], have: Guest | None) -> Iterator[Change]:
        """Yield the changes; a guest that runs without a stored definition gets one first.

        What a killed run was making goes before everything, and old seeds last.
        """
        if self._seen is not None and have is not None:
            parts = own_disks.dead_parts(self._seen, wish.item.name)
            if parts:
                yield Change(wish.item.name, "delete", "parts", before=parts)
            if wish.item.name in self._seen.transient:
                yield Change(wish.item.name, "set", "definition", before="only while it runs", after="stored")
            have = own_disks.with_disks(self._seen, wish, have)
        wish = self._as_here(wish, have)
        if wish.item.state != "absent":
            disk_options.check(wish.item.disks or (), have.disks or () if have else ())
        changes: list[Change] = []
        try:
            changes.extend(super().plan(wish, self._as_wished(wish.item, have)))
        except PlanError:
            # The host is asked what it thinks of them all the same.
            yield from own.one_by_one(changes)
            raise
        own.refuse(wish.item, have, changes)
        yield from own.one_by_one(changes)
        used = self._seen.users if self._seen else ()
        old = self._seeds.leftover(wish.item.name, wish.item.cloud_init, used)
        if old and self._seen is not None:
            needed = self._seen.needed(wish.item.name)
            old = tuple(path for path in old if os.path.realpath(path) not in needed)
        if old:
            yield Change(wish.item.name, "delete", "seeds", before=old)

    def pending(self, wish: Wish[Guest], have: Guest | None) -> bool:
        """Whether the running guest differs from the wish in what only a restart brings."""
        return super().pending(self._as_here(wish, have), self._as_wished(wish.item, have))

    def _as_here(self, wish: Wish[Guest], have: Guest | None) -> Wish[Guest]:
        """The wish with its disks' paths and sizes as this host would write them."""
        item = wish.item
        if self._seen is None or item.state == "absent" or not item.disks:
            return wish
        if have is not None:
            item = existing.aligned(item, have, self._seen.noted(have.name))
        return replace(wish, item=self._disks.rounded(item, have))

    def _as_wished(self, want: Guest, have: Guest | None) -> Guest | None:
        if have is None or self._seen is None or want.state == "absent":
            return have
        look = self._seen.whole if want.option("xml") else self._seen.definitions
        with libvirt_says("the guest cannot be read"):
            stored, live = look(want.name)
        return own.as_wished(want, have, stored, live)

    def find(self, image: Image) -> str | None:
        """The path of a package that is on the host."""
        return self._disks.files.find(image)

    def bring(self, image: Image) -> str:
        """Bring a package into the cache."""
        return self._disks.files.bring(image)

    def check(self, wish: Wish[Guest], changes: Sequence[Change]) -> Iterator[PlanError]:
        """Yield every reason why this host cannot do it, by looking only."""
        host = self._host_facts
        for change in changes:
            yield from check.check(change, self._typed(wish.item), host)

    def _typed(self, want: Guest) -> Guest:
        """The wish with the type that its guest has, where it says nothing of it."""
        kind = self._seen.kind(want.name) if self._seen else None
        return replace(want, options=tuple(sorted({"type": kind, **dict(want.options)}.items()))) if kind else want

    def claims(self, change: Change) -> Collection[str]:
        """The same, and the devices of the host, which one guest may give up for another."""
        names = set(super().claims(change))
        if change.field in passthrough.KINDS:
            found = {(change.field, one) for side in (change.before, change.after) for one in side or ()}
        elif change.verb == "create":
            found = {(option, one) for option in passthrough.KINDS for one in change.after.option(option) or ()}
        else:
            on_off = change.field in ("state", "guest")
            found = self._seen.held(change.name) if on_off and self._seen is not None else set()
        return names.union(" ".join(device) for device in found)

    def notes(self, wish: Wish[Guest], have: Guest | None) -> tuple[str, ...]:
        """What libvirt, or the guest, does not do with what was written."""
        want, said = wish.item, []
        ordered = want.autostart is not None and want.autostart.is_ordered
        if want.state != "absent" and ordered and not check.starts_in_order(self._connection):
            said.append(check.NO_ORDER)
        # One that was started just now has not come so far.
        if want.memory_mib is not None and self._seen and want.name in self._seen.mute - self._history.started:
            said.append(
                f"guest {want.name}: no balloon driver in it has taken its memory of {want.memory_mib} MiB yet; until "
                "one does, it has all of its memory_max"
            )
        return tuple(said)

    def apply(self, change: Change) -> None:
        """Carry out one change."""
        self._seeds.clear()
        with libvirt_says():
            self._steps.carry_out(change)


def make_kvm_driver(params: dict[str, Any], host: Host) -> KvmDriver:
    """Make the driver from a module's parameters; a module that only reads has no folders for data."""
    return KvmDriver(params["uri"], params.get("image_cache", ""), params.get("seed_dir", ""), host)
