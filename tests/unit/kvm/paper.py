# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PaperDriver: a simulator in which the KVM driver's definitions are written, edited and read, and nothing else is."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from itertools import count
from xml.etree.ElementTree import Element

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm import (
    define,
    edit,
    edit_devices,
    ledger,
    read,
    xml,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.devices import DEFAULT_FORMAT
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.traits import TRAITS
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.change import Change
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.driver import Driver
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import PlanError
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.ledger import Entry
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.resource import Wish
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Autostart, Disk, Guest

POOLS = {"/pool": "default", "/fast": "fast"}


class PaperDriver(Driver):
    """texts: name to definition; sizes: path to bytes; started: the guests that start with their host."""

    traits = TRAITS

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}
        self.sizes: dict[str, int] = {}
        self.started: set[str] = set()
        self._macs = count(1)

    def read(self, names: Collection[str] | None) -> dict[str, Guest]:
        wanted = self.texts if names is None else names
        return {name: self._guest(name) for name in wanted if name in self.texts}

    def _guest(self, name: str) -> Guest:
        facts = read.Facts(autostart=name in self.started, sizes=self.sizes, pools=POOLS)
        return read.read_guest(xml.parse(self.texts[name]), facts)

    def check(self, wish: Wish[Guest], changes: Sequence[Change]) -> Iterator[PlanError]:
        return iter(())

    def apply(self, change: Change) -> None:
        subject = change.verb, change.field
        if subject == ("remove", "guest"):
            del self.texts[change.name]
            return
        if subject == ("create", "guest"):
            root = self._new(change.after)
        else:
            root = xml.parse(self.texts[change.name])
            self._edit(root, change)
        self._store(change.name, root)

    def _new(self, want: Guest) -> Element:
        disks = [self._placed(want.name, disk) for disk in want.disks or ()]
        notes = tuple(Entry(disk.name, disk.path or "", made=True) for disk in disks)
        seed = f"/seeds/{want.name}-{want.cloud_init.digest}.iso" if want.cloud_init else None
        root = define.new_definition(want, define.Plot("x86_64", notes, seed))
        edit_devices.add_disks(root, want.name, disks)
        self._autostart(want.name, want.autostart or Autostart(False))
        return root

    def _placed(self, guest: str, disk: Disk) -> Disk:
        """A disk whose data is there."""
        folder = next(folder for folder, pool in POOLS.items() if pool == (disk.pool or "default"))
        kind = disk.format or DEFAULT_FORMAT
        path = f"{folder}/{guest}.{disk.name}.{kind}"
        self.sizes[path] = max(self.sizes.get(path, 0), disk.size_bytes or 0)
        return replace(disk, format=kind, path=path)

    def _edit(self, root: Element, change: Change) -> None:
        subject = change.verb, change.field
        if subject == ("set", "cloud_init"):
            edit_devices.set_seed(root, f"/seeds/{change.name}-{change.after.digest}.iso")
        elif subject == ("delete", "disks"):
            self.sizes.pop(change.before.path)
        elif subject == ("grow", "disks.size_bytes"):
            disks = read.disks(root)
            path = next(read.source(one) or "" for one in disks if edit_devices.disk_name(root, one) == change.key)
            self.sizes[path] = change.after
        else:
            self._edit_xml(root, change)

    def _edit_xml(self, root: Element, change: Change) -> None:
        subject = change.verb, change.field
        if subject == ("add", "disks"):
            change = replace(change, after=self._placed(change.name, change.after))
            ledger.write(root, Entry(change.after.name, change.after.path, made=True))
        elif subject == ("set", "autostart"):
            self._autostart(change.name, change.after)
        elif subject == ("remove", "disks") and change.delete:
            self.sizes.pop(change.before.path)
        edit.EDITS[subject](root, change)

    def _autostart(self, name: str, wanted: Autostart) -> None:
        """One with an order is started by a unit of ours, which goes by what is noted."""
        here = wanted.enabled and not wanted.is_ordered
        (self.started.add if here else self.started.discard)(name)

    def _store(self, name: str, root: Element) -> None:
        """As libvirt does: a card without an address gets one, and what is stored is text."""
        for card in root.findall("devices/interface"):
            if card.find("mac") is None:
                xml.add(card, "mac", address=f"52:54:00:99:99:{next(self._macs) % 256:02x}")
        self.texts[name] = xml.render(root)
