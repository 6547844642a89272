# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looking at the guests of a host: all definitions in one go, and of the guests asked for what those do not say."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from dataclasses import replace
from xml.etree.ElementTree import Element

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm import (
    addresses,
    balloons,
    edit_devices,
    ledger,
    passthrough,
    power,
    read,
    snapshot_chain,
    statistics,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.connect import libvirt
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.roots import live_root, stored_root
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.storage import Storage
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.host import Host
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.image_files import RAW
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Disk, Guest


class Look:
    """What a host has at one moment. Every definition is looked at, for disks that guests share.

    users: path (without links) to the names of the guests that refer to it, stored or running. formats: path, as it
    stands in a definition, to the format said there. transient: running guests without a stored definition. mute:
    running guests of which no balloon driver has spoken up. cards: of the running guests that were asked for, what is
    known of their addresses. stale: as in addresses.py. stored: name to the definition for the next boot, without what
    takes most of its room. host, storage: where more is to be asked.
    """

    def __init__(
        self, connection: libvirt.virConnect, host: Host, storage: Storage, stale: Collection[addresses.Lease] = ()
    ) -> None:
        self._connection = connection
        self.host = host
        self.storage = storage
        self._domains: dict[str, libvirt.virDomain] = {}
        self.stored: dict[str, Element] = {}
        self._live: dict[str, Element] = {}
        for domain in connection.listAllDomains(0):
            self._add(domain)
        self._autostart = _names(connection, libvirt.VIR_CONNECT_LIST_DOMAINS_AUTOSTART)
        self._stale = stale
        self._addresses = addresses.Addresses(connection, host, stale)
        self.transient = _names(connection, libvirt.VIR_CONNECT_LIST_DOMAINS_TRANSIENT)
        self.mute: set[str] = set()
        self.cards: dict[str, tuple[addresses.Card, ...]] = {}
        self._bases: Mapping[str, list[str]] | None = None
        self.users: dict[str, set[str]] = {}
        self.formats: dict[str, str | None] = {}
        for name, root in [*self.stored.items(), *self._live.items()]:
            for path, kind in read.sources(root).items():
                self.formats[path] = kind or self.formats.get(path)
                self.users.setdefault(os.path.realpath(path), set()).add(name)

    def again(self, names: Collection[str]) -> None:
        """Look again at the guests of those names; what is known of the others is left as it is."""
        for name in names:
            self._domains.pop(name, None)
            self.stored.pop(name, None)
            self._live.pop(name, None)
            self.mute.discard(name)
            try:
                self._add(self._connection.lookupByName(name))
            except libvirt.libvirtError as error:
                if error.get_error_code() != libvirt.VIR_ERR_NO_DOMAIN:
                    raise
        self._addresses = addresses.Addresses(self._connection, self.host, self._stale)

    def _add(self, domain: libvirt.virDomain) -> None:
        name = domain.name()
        try:
            self.stored[name] = _light(stored_root(domain))
            # The number of a domain came with the list; asking for its state would be a call for each.
            if domain.ID() >= 0:
                self._live[name] = _light(live_root(domain))
        except libvirt.libvirtError as error:
            if error.get_error_code() != libvirt.VIR_ERR_NO_DOMAIN:
                raise
            # Somebody has removed it since it was listed.
            self.stored.pop(name, None)
        else:
            self._domains[name] = domain

    def guests(self, names: Collection[str] | None, further: Collection[str] | None = ()) -> dict[str, Guest]:
        """The guests of those names that there are; None: all.

        further: those of which addresses are looked for beyond leases; None: all.
        """
        chosen = list(self._domains) if names is None else [name for name in names if name in self._domains]
        found, mute = balloons.settled({name: guest for name in chosen for guest in self._there(name)}, self._domains)
        self.mute |= mute
        running = {name: self._asked(name, guest.live) for name, guest in found.items() if guest.live is not None}
        self.cards = self._addresses.find(running, running if further is None else further)
        known = {
            name: tuple(one.address for card in cards for one in card.addresses) for name, cards in self.cards.items()
        }
        return {name: replace(guest, addresses=known.get(name, ())) for name, guest in found.items()}

    def _there(self, name: str) -> list[Guest]:
        """A guest, or none when somebody has removed it since it was listed."""
        try:
            return [self._guest(name)]
        except libvirt.libvirtError as error:
            if error.get_error_code() != libvirt.VIR_ERR_NO_DOMAIN:
                raise
            return []

    def _asked(self, name: str, running: Guest) -> addresses.Asked:
        macs = tuple(dict.fromkeys(nic.mac for nic in running.nics or () if nic.mac))
        # A guest that stands still does not answer.
        answers = running.state == "running" and addresses.has_agent(self._live[name])
        return addresses.Asked(self._domains[name], macs, answers)

    def definitions(self, name: str) -> tuple[Element, Element | None]:
        """A guest's definition for its next boot, and what it runs with."""
        return self.stored[name], self._live.get(name)

    def records(self, names: Collection[str] | None) -> dict[str, statistics.Record]:
        """What libvirt says of what the guests of those names use; None: of all."""
        known = None if names is None else [self._domains[name] for name in names if name in self._domains]
        return statistics.read_records(self._connection, known)

    def started_ns(self, name: str) -> int | None:
        """When a running guest's process was started, in ns since the epoch, where that is known."""
        return power.started_ns(self._domains[name], self.host)

    def whole(self, name: str) -> tuple[Element, Element | None]:
        """The same, read anew, with what is left out of those that are kept."""
        domain = self._domains[name]
        return stored_root(domain), live_root(domain) if name in self._live else None

    def kind(self, name: str) -> str | None:
        """The type of a guest that is there."""
        root = self.stored.get(name)
        return None if root is None else root.get("type")

    def holders(self, option: str, device: str) -> list[str]:
        """The running guests that have a device of the host, or get it when they are restarted."""
        sides = {name: (self.stored[name], live) for name, live in self._live.items()}
        return sorted(name for name, both in sides.items() if any(_has(root, option, device) for root in both))

    def held(self, name: str) -> set[passthrough.Device]:
        """The devices of the host that a guest has, stored or running."""
        roots = [side[name] for side in (self.stored, self._live) if name in side]
        return {
            (option, one) for root in roots for option in passthrough.KINDS for one in passthrough.devices(root, option)
        }

    def macs(self) -> dict[str, set[str]]:
        """MAC address to the names of the guests that have a card of it in their definitions."""
        found: dict[str, set[str]] = {}
        for name, root in self.stored.items():
            for card in root.iterfind("devices/interface/mac"):
                found.setdefault(card.get("address", "").lower(), set()).add(name)
        return found

    def is_running(self, name: str) -> bool:
        """Whether a guest is not off."""
        return name in self._live

    def paths(self, name: str) -> dict[str, str]:
        """The paths of a guest's stored disks, by their names."""
        root = self.stored.get(name)
        return (
            {}
            if root is None
            else {edit_devices.disk_name(root, one): read.source(one) or "" for one in read.disks(root)}
        )

    def noted(self, name: str) -> dict[str, str]:
        """The paths that a guest's disks had when they were made or given, by their names."""
        root = self.stored.get(name)
        return {} if root is None else {entry.name: entry.path for entry in ledger.entries(root)}

    def has_disk(self, name: str, disk: Disk) -> bool:
        """Whether a guest has a disk of that name with that data, stored or running."""
        stored, live = self.stored.get(name), self._live.get(name)
        roots = [root for root in (stored, live) if root is not None]
        elements = [one for root in roots for one in read.disks(root) if read.source(one) == disk.path]
        return stored is not None and any(edit_devices.disk_name(stored, one) == disk.name for one in elements)

    def needed(self, name: str) -> set[str]:
        """The files, without links, that a guest's snapshots refer to."""
        paths = snapshot_chain.snapshot_files(self._domains[name]) if name in self._domains else set()
        return {os.path.realpath(path) for path in paths}

    def bases(self) -> Mapping[str, list[str]]:
        """The files, without links, that other disks are based on, with those. Looked for when first asked for."""
        if self._bases is None:
            self._bases = self.storage.bases(self.formats)
        return self._bases

    def writers(self) -> Mapping[str, set[str]]:
        """Path, without links, to the names of the guests that write to it, stored or running."""
        found: dict[str, set[str]] = {}
        for name, root in [*self.stored.items(), *self._live.items()]:
            for path in read.written(root):
                found.setdefault(os.path.realpath(path), set()).add(name)
        return found

    def _guest(self, name: str) -> Guest:
        domain, root, live = self._domains[name], self.stored[name], self._live.get(name)
        seed = read.seed_drive(root)
        used = [path for one in (root, live) if one is not None for path in read.sources(one)]
        facts = read.Facts(
            state="stopped" if live is None else power.state_of(domain),
            autostart=name in self._autostart,
            sizes=self._sizes(domain, root, live),
            pools={folder: pool for pool, folder in self.storage.folders().items()},
            shared=frozenset(path for path in used if len(self.users.get(os.path.realpath(path), ())) > 1),
            seed_there=seed is None or self.host.info(read.source(seed) or "") is not None,
        )
        guest = read.read_guest(root, facts)
        if live is None:
            return guest
        running = read.read_guest(live, facts, book=root)
        return replace(guest, live=running)

    def _sizes(self, domain: libvirt.virDomain, root: Element, live: Element | None) -> dict[str, int]:
        """Path to capacity in bytes, of every disk whose data is there."""
        paths = {path: kind for one in (root, live) if one is not None for path, kind in read.formats(one).items()}
        found = {path: self._size(domain, path, kind, live is not None) for path, kind in paths.items()}
        return {path: size for path, size in found.items() if size is not None}

    def _size(self, domain: libvirt.virDomain, path: str, kind: str | None, running: bool) -> int | None:
        try:
            return domain.blockInfo(path)[0]
        except libvirt.libvirtError:
            # Of a running guest, libvirt only knows the disks that it runs with.
            return self.storage.files.size(path, kind or RAW) if running else None


def _light(root: Element) -> Element:
    """A definition without its PCI bridges, nearly half of it. Those of many guests would take most of the memory."""
    for devices in root.findall("devices"):
        for bridge in [one for one in devices.findall("controller") if one.get("type") == "pci"]:
            devices.remove(bridge)
    return root


def _has(root: Element, option: str, device: str) -> bool:
    return passthrough.find(root, option, device) is not None


def _names(connection: libvirt.virConnect, flag: int) -> frozenset[str]:
    return frozenset(domain.name() for domain in connection.listAllDomains(flag))
