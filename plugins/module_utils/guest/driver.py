# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Driver: the contract between the core and the only code that knows one hypervisor."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.change import Change
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import PlanError
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.plan import pending, plan
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.report import describe
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.resource import Resource, Wish
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Guest, Image
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.traits import Traits


class Driver(Resource[Guest]):
    """One hypervisor. A driver writes traits, read, check and apply; the rest is the same for all.

    A driver sees a Host or a library's handle, never a module, its parameters or check mode. Commands are argument
    lists. What it does not understand in an existing definition survives every change it makes.

    What a driver gets in apply():

    ========== ================= ===================================================================================
    verb       field             before, after
    ========== ================= ===================================================================================
    create     guest             None, Guest with the defaults of creation: make all of it but do not start it
    set        any scalar        the values; key tells the entry of a list
    add        disks cdroms nics None, the entry
    remove     disks cdroms nics the entry, None; change.delete: its data, too
    grow       disks.size_bytes  bytes, bytes
    delete     disks             Disk, None: its data only
    remove     guest             Guest, None: the definition and what the driver itself generated, never a disk;
                                 change.delete: its firmware variables and TPM state, too
    set        package           "unfinished", the source: what was lacking is made, note that it is finished
    start      state             power on, or let a paused guest go on
    stop       state             ask to shut down, wait timeout_s, cut the power only when change.force
    restart    state             stop, then start with the stored definition
    ========== ================= ===================================================================================

    A guest with a package is noted as unfinished from the first moment of its creation to the last; read() tells so.

    A new disk whose data is there already, because it was detached and kept, gets that data back, grown to the wished
    size; check() refuses it where the data is larger. Nothing that is there is ever written over. A new disk with a
    path gets the data there, which check() refuses where it is missing or anything else uses it; it is never owned.
    """

    traits: Traits

    def plan(self, wish: Wish[Guest], have: Guest | None) -> Iterator[Change]:
        """Yield the changes from state to wish, as this driver's traits allow them."""
        return plan(wish.item, have, self.traits, wish.policy)

    def pending(self, wish: Wish[Guest], have: Guest | None) -> bool:
        """Whether the running guest differs from the wish in what only a restart brings."""
        return pending(wish.item, have, self.traits, wish.policy)

    def claims(self, change: Change) -> Collection[str]:
        """The data and the addresses of cards that go or come: they may go from one guest to another."""
        sides = [side for side in (change.before, change.after) if side is not None]
        whole = sides if change.field == "guest" else []
        disks = [disk for guest in whole for disk in guest.disks or ()]
        nics = [nic for guest in whole for nic in guest.nics or ()]
        if change.verb in ("add", "remove", "delete"):
            disks += sides if change.field == "disks" else []
            nics += sides if change.field == "nics" else []
        return {name for name in (*(disk.path for disk in disks), *(nic.mac for nic in nics)) if name}

    def is_ready(self, wish: Wish[Guest], have: Guest | None) -> bool:
        """Whether the guest has an address, where that is to be waited for."""
        if wish.policy.wait_for != "address":
            return True
        if have is None or have.live is None:
            # One that should run and went down by itself has no address, and will have none.
            return wish.item.state != "running"
        return bool(have.addresses)

    def tell(self, names: Collection[str] | None, params: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Tell about guests, in the order of their names, as plain data in the words of the options. Changes nothing.

        params: the options of <hypervisor>_guest_info. A driver that knows more than a Guest holds adds it here.
        """
        found = self.read(names)
        return [describe(found[name]) for name in sorted(found)]

    def find(self, image: Image) -> str | None:
        """The path of a package that is on the host, None of one that is yet to be downloaded; looks only.

        Raises as images.check_image does. Asked only where the traits have the field package.
        """
        raise PlanError(f"{self.traits.hypervisor} guests are not made from packages")

    def bring(self, image: Image) -> str:
        """Bring a package into the cache, and look at it there; its path."""
        raise PlanError(f"{self.traits.hypervisor} guests are not made from packages")

    @abstractmethod
    def read(self, names: Collection[str] | None) -> dict[str, Guest]:
        """Read guests in one batch."""

    @abstractmethod
    def check(self, wish: Wish[Guest], changes: Sequence[Change]) -> Iterator[PlanError]:
        """Yield what this host cannot do: unknown network, missing image, no emulator for it."""

    @abstractmethod
    def apply(self, change: Change) -> None:
        """Carry out one change."""
