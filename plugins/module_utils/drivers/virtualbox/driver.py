# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""VirtualBoxDriver: guests of one user's VirtualBox, through its Python bindings."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.virtualbox import check, own
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.virtualbox.connection import Api, connect
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.virtualbox.facts import Facts
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.virtualbox.look import Look
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.virtualbox.read import addresses_of
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.virtualbox.steps import Steps
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.virtualbox.storage import (
    Storage,
    VirtualBoxFiles,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.virtualbox.traits import TRAITS
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.change import Change
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.driver import Driver
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import PlanError
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.host import Host
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.plan import pending, plan
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.resource import Wish
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.seeds import Seeds
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.spec import Spec
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Guest, Image

# The options of a virtualbox_guest task as a whole; virtualbox_guest_info has the folders, by which a pool is told.
INFO: Spec = {"disk_dir": {"type": "path"}, "seed_dir": {"type": "path"}}
TASK: Spec = {**INFO, "image_cache": {"type": "path"}}
FOLDERS = {"disk_dir": "disks", "seed_dir": "seeds", "image_cache": "images"}
OURS = "hostforge"


class VirtualBoxDriver(Driver):
    """Guests of one user on one host.

    folders: where disks, seeds and images are, by the names of the options; those that are not named are in the folder
    that VirtualBox has its machines in.
    """

    traits = TRAITS

    def __init__(self, host: Host, folders: Mapping[str, str | None], connect: Callable[[], Api] = connect) -> None:
        self._host = host
        self._folders = folders
        self._connect = connect
        self._api: Api | None = None
        self._tells = False

    def _open(self) -> None:
        """Connect, once."""
        if self._api is not None:
            return
        api = self._connect()
        home = os.path.join(str(api.box.systemProperties.defaultMachineFolder), OURS)
        folder = {key: self._folders.get(key) or os.path.join(home, name) for key, name in FOLDERS.items()}
        folder = {key: path.rstrip("/") for key, path in folder.items()}
        self._seeds = Seeds(self._host, folder["seed_dir"])
        files = VirtualBoxFiles(self._host, folder["image_cache"], api)
        self._storage = Storage(self._host, folder["disk_dir"], files)
        self._api = api

    def _look(self) -> Look:
        """The host as it is at this moment."""
        self._open()
        seen = Look(self.api, self._host, self._storage, self._seeds)
        seen.look()
        return seen

    @property
    def api(self) -> Api:
        """The connection; only there after something was read."""
        if self._api is None:
            raise PlanError("nothing was read yet")
        return self._api

    def read(self, names: Collection[str] | None) -> dict[str, Guest]:
        """Read guests in one batch."""
        self._open()
        with self.api.says():
            self._seeds.look()
            self._seen = self._look()
            self._facts = Facts(self._seen)
            found = self._seen.guests(names)
            # Only who asks about guests, or waits for them, wants to know.
            return self._with_addresses(found) if self._tells else found

    def look_again(self, names: Collection[str]) -> dict[str, Guest]:
        """Read again, with addresses."""
        found = self.read(names)
        with self.api.says():
            return self._with_addresses(found)

    def _with_addresses(self, found: Mapping[str, Guest]) -> dict[str, Guest]:
        return {name: self._addressed(guest) for name, guest in found.items()}

    def _addressed(self, guest: Guest) -> Guest:
        if guest.live is None:
            return guest
        known = addresses_of(self.api, self._seen.machines[guest.name])
        return replace(guest, addresses=known, live=replace(guest.live, addresses=known))

    def tell(self, names: Collection[str] | None, params: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Tell about guests, with the addresses that they tell, their settings files, and how they are in detail."""
        self._tells = True
        return [{**one, **self._more(one["name"])} for one in super().tell(names, params)]

    def _more(self, name: str) -> dict[str, Any]:
        machine = self._seen.machines[name]
        return {
            "file": str(machine.settingsFilePath),
            "machine_state": self._seen.state(name),
            "snapshots": self._seen.snapshots(name),
        }

    def plan(self, wish: Wish[Guest], have: Guest | None) -> Iterator[Change]:
        """Yield the changes. Old seeds go last."""
        want = own.as_here(wish.item, have)
        own.refuse(want)
        changes: list[Change] = []
        try:
            changes.extend(plan(want, self._as_wished(want, have), own.traits_for(want, have), wish.policy))
        finally:
            # Also when something is refused the host is asked what it thinks of the rest.
            yield from own.one_by_one(changes)
        if self._api is None:  # a bare host in check mode, which has no seeds
            return
        old = self._seeds.leftover(want.name, want.cloud_init, self._seen.users)
        if old:
            yield Change(want.name, "delete", "seeds", before=old)

    def pending(self, wish: Wish[Guest], have: Guest | None) -> bool:
        """Whether the running guest differs from the wish in what only a restart brings."""
        want = own.as_here(wish.item, have)
        return pending(want, self._as_wished(want, have), own.traits_for(want, have), wish.policy)

    def _as_wished(self, want: Guest, have: Guest | None) -> Guest | None:
        if have is None or want.name not in self._seen.machines:
            return have
        return own.as_wished(want, have, self._seen.machines[want.name])

    def state_of(self, name: str) -> str:
        """The state of a guest that was read, in VirtualBox's word."""
        return self._seen.state(name)

    def find(self, image: Image) -> str | None:
        """The path of a package that is on the host."""
        self._open()
        return self._storage.files.find(image)

    def bring(self, image: Image) -> str:
        """Bring a package into the cache."""
        return self._storage.files.bring(image)

    def check(self, wish: Wish[Guest], changes: Sequence[Change]) -> Iterator[PlanError]:
        """Yield every reason why this host cannot do it, by looking only."""
        name = wish.item.name
        with self.api.says():
            have = self._seen.guest(name) if name in self._seen.machines else None
            for change in changes:
                yield from check.check(change, wish.item, have, self._facts)

    def apply(self, change: Change) -> None:
        """Carry out one change."""
        self._seeds.clear()
        with self.api.says():
            Steps(self._seen, self._seeds, self._look).carry_out(change)


def make_virtualbox_driver(params: dict[str, Any], host: Host) -> VirtualBoxDriver:
    """Make the driver from a module's parameters; a module that only reads has no cache."""
    return VirtualBoxDriver(host, {key: params.get(key) for key in FOLDERS})
