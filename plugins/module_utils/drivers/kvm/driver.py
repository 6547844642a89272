# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""KvmDriver: guests of KVM and QEMU, through libvirt."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm import (
    check,
    define,
    devices,
    disk_options,
    edit,
    existing,
    in_use,
    info,
    ledger,
    own,
    own_disks,
    passthrough,
    power,
    read,
    snapshot_chain,
    xml,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.abilities import Facts
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.addresses import Lease, read_leases
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.connect import (
    connect,
    libvirt,
    libvirt_says,
    steadily,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.live import LIVE
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.look import Look
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.roots import (
    live_root,
    roots_if_there,
    roots_of,
    stored_root,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.storage import Storage
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.traits import TRAITS
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.change import Change
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.disk_files import TakenError
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.driver import Driver
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import (
    HypervisorError,
    LiveError,
    PlanError,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.host import Host
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.image_files import RAW
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.resource import Wish
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.seeds import Seeds
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.spec import Spec
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Autostart, Disk, Guest

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
        self._started: set[str] = set()
        self._stale: set[Lease] = set()
        # Whose addresses are looked for beyond leases; None: everybody's.
        self._awaited: set[str] | None = set()

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

    def read(self, names: Collection[str] | None) -> dict[str, Guest]:
        """Read guests in one batch."""
        with libvirt_says("the guests cannot be read"):
            # What was known of pools may be old: this is also how a run looks again after it has waited for another.
            self._storage = None
            return steadily(lambda: self._look(names))

    def _look(self, names: Collection[str] | None) -> dict[str, Guest]:
        self._seeds.look()
        self._seen = Look(self._connection, self._host, self._disks, self._stale)
        self._facts = Facts(self._connection, self._seen, self._disks)
        return self._seen.guests(names, self._awaited)

    def look_again(self, names: Collection[str]) -> dict[str, Guest]:
        """Read again those guests alone, and of the others nothing."""
        seen = self._seen
        if seen is None:
            return self.read(names)

        def look() -> dict[str, Guest]:
            seen.again(names)
            return seen.guests(names, self._awaited)

        with libvirt_says("the guests cannot be read"):
            return steadily(look)

    def tell(self, names: Collection[str] | None, params: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Tell about guests, with the addresses of each card and, if asked to, with what they use."""
        self._awaited = None
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
        if want.memory_mib is not None and self._seen and want.name in self._seen.mute - self._started:
            said.append(
                f"guest {want.name}: no balloon driver in it has taken its memory of {want.memory_mib} MiB yet; until "
                "one does, it has all of its memory_max"
            )
        return tuple(said)

    def is_ready(self, wish: Wish[Guest], have: Guest | None) -> bool:
        """Whether the guest has an address, where that is to be waited for; the next read looks further for it."""
        ready = super().is_ready(wish, have)
        if not ready and self._awaited is not None:
            self._awaited.add(wish.item.name)
        return ready

    def apply(self, change: Change) -> None:
        """Carry out one change."""
        special: Mapping[tuple[str, str], Callable[[Change], None]] = {
            ("create", "guest"): self._create,
            ("remove", "guest"): self._remove,
            ("add", "disks"): self._add_disk,
            ("add", "nics"): self._add_nic,
            ("remove", "disks"): self._remove_disk,
            ("delete", "disks"): self._delete_disk,
            ("grow", "disks.size_bytes"): self._grow,
            ("set", "definition"): self._persist,
            ("set", "cloud_init"): self._set_seed,
            ("delete", "parts"): self._sweep_parts,
            ("delete", "seeds"): self._sweep_seeds,
            ("set", "autostart"): self._set_autostart,
            ("start", "state"): self._start,
            ("stop", "state"): self._stop,
            ("restart", "state"): self._restart,
        }
        self._seeds.clear()
        with libvirt_says():
            special.get((change.verb, change.field), self._edit)(change)

    def _domain(self, name: str) -> libvirt.virDomain:
        return self._connection.lookupByName(name)

    def _edit(self, change: Change) -> None:
        """Change the stored definition, then the running guest: what is stored holds even if the guest refuses."""
        domain = self._domain(change.name)
        root = stored_root(domain, secure=True)
        before = xml.render(root)
        edit.EDITS[change.verb, change.field](root, change)
        if xml.render(root) != before:
            self._connection.defineXML(xml.render(root))
        self._edit_live(domain, change)

    def _edit_live(self, domain: libvirt.virDomain, change: Change) -> None:
        if not change.hot or not domain.isActive():
            return
        try:
            LIVE[change.verb, change.field](domain, change)
        except libvirt.libvirtError as error:
            raise LiveError(f"the running guest cannot take it: {error.get_error_message()}") from error

    def _create(self, change: Change) -> None:
        """Define the guest without its disks, make those, and define it whole.

        So a definition never names data that is not there, and from the first moment its ledger tells what is being
        made: a run that is killed here leaves a guest that lacks disks, which the next run adds.
        """
        want: Guest = change.after
        arch = self._host_facts.arch
        disks = tuple(self._disks.place(want.name, disk) for disk in want.disks or ())
        kept = frozenset(disk.name for disk in disks if disk.pool is None or self._disks.is_there(disk))
        seed = self._seeds.path(want.name, want.cloud_init)
        notes = tuple(ledger.Entry(disk.name, disk.path or "", disk.name not in kept) for disk in disks)
        pending = tuple(replace(note, pending=note.made) for note in notes)
        new = define.new_definition(want, define.Plot(arch, pending, seed))
        for disk in disks:
            self._disks.files.fetch(disk)
        domain = self._connection.defineXML(xml.render(new))
        self._seeds.make(want.name, want.cloud_init)
        for disk in disks:
            self._make_disk(want.name, disk, new=disk.name not in kept)
        if disks:
            # An image takes its time: what somebody else has changed in the definition meanwhile stays.
            root = stored_root(domain, secure=True)
            edit.add_disks(root, want.name, disks)
            domain = self._connection.defineXML(xml.render(root))
        if want.autostart and want.autostart.enabled and not want.autostart.is_ordered:
            domain.setAutostart(1)

    def _remove(self, change: Change) -> None:
        domain = self._domain(change.name)
        flags = libvirt.VIR_DOMAIN_UNDEFINE_NVRAM if change.delete else libvirt.VIR_DOMAIN_UNDEFINE_KEEP_NVRAM
        if check.has_tpm_flags():
            flags |= libvirt.VIR_DOMAIN_UNDEFINE_TPM if change.delete else libvirt.VIR_DOMAIN_UNDEFINE_KEEP_TPM
        if change.delete:
            flags |= libvirt.VIR_DOMAIN_UNDEFINE_MANAGED_SAVE | libvirt.VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA
            flags |= libvirt.VIR_DOMAIN_UNDEFINE_CHECKPOINTS_METADATA
        # Seeds hold secrets: a run that is killed in between had better leave a guest without one than the reverse.
        self._seeds.sweep(change.name, keep=())
        domain.undefineFlags(flags)

    def _persist(self, change: Change) -> None:
        self._connection.defineXML(xml.render(stored_root(self._domain(change.name), secure=True)))

    def _add_disk(self, change: Change) -> None:
        domain = self._domain(change.name)
        disk: Disk = change.after
        if not disk.path:
            disk = self._disks.place(change.name, disk)
            self._disks.files.fetch(disk)
            root = stored_root(domain, secure=True)
            noted = ledger.find(root, disk.path)
            # Data that is there is not ours, unless a run was killed after it had made it.
            ours = not self._disks.is_there(disk) or (noted is not None and noted.pending)
            ledger.write(root, ledger.Entry(disk.name, disk.path or "", made=ours, pending=ours))
            new = not self._disks.is_there(disk)
            self._connection.defineXML(xml.render(root))
            self._make_disk(change.name, disk, new)
        elif disk.pool is None and devices.find_disk(stored_root(domain), disk.path) is None:
            disk = self._disks.place(change.name, disk)
            root = stored_root(domain, secure=True)
            ledger.write(root, ledger.Entry(disk.name, disk.path or "", made=False))
            self._connection.defineXML(xml.render(root))
            self._make_disk(change.name, disk, new=False)
        self._edit(replace(change, after=disk))

    def _make_disk(self, name: str, disk: Disk, new: bool) -> None:
        """Make a disk that is noted. Data of others that came there meanwhile is not ours, whatever was noted."""
        if not new:
            # Somebody may have come to use it since it was checked: fetching images takes its time.
            seen = steadily(lambda: Look(self._connection, self._host, self._disks))
            in_use.refuse_used(name, disk, seen, self._disks)
            in_use.refuse_changing(name, disk, seen, self._disks)
        try:
            self._disks.make(disk, new)
        except TakenError:
            root = stored_root(self._domain(name), secure=True)
            ledger.forget(root, disk.path or "")
            self._connection.defineXML(xml.render(root))
            raise

    def _remove_disk(self, change: Change) -> None:
        """With its data: out of the running guest, then the data, then out of the definition.

        In this order a killed run leaves the disk in the definition, and the next run goes on from there.
        """
        if change.delete:
            self._edit_live(self._domain(change.name), change)
            self._delete_disk(change)
        self._edit(replace(change, hot=change.hot and not change.delete))

    def _delete_disk(self, change: Change) -> None:
        """Look once more before deleting: another client may have come to use the disk since it was read."""
        path = change.before.path
        domain = self._domain(change.name)
        root = stored_root(domain)
        files = snapshot_chain.stack(root, root, path)
        for file in files:
            others = self._using(file, change.name, files)
            if not ledger.is_ours(root, file) or others:
                raise HypervisorError(f"{file} is not deleted: {_why_not(others)}")
        if domain.isActive() and devices.find_disk(live_root(domain), path) is not None:
            raise HypervisorError(f"{path} is not deleted: the guest is running on it")
        # The newest first: what is left of a disk after a killed run can still be read.
        for file in files:
            self._disks.delete(file)

    def _using(self, path: str, name: str, mine: Collection[str]) -> list[str]:
        """Who uses a path at this moment: other guests than the named one, stored or running, and disks based on it.

        mine: disks based on it that do not count.
        """
        real = os.path.realpath(path)
        formats: dict[str, str | None] = {}
        guests = []
        for domain in self._connection.listAllDomains(0):
            roots = roots_if_there(domain)
            used = {path: kind for root in roots for path, kind in read.sources(root).items()}
            if domain.name() != name and real in {os.path.realpath(one) for one in used}:
                guests.append(domain.name())
            formats.update({path: kind or formats.get(path) for path, kind in used.items()})
        based = self._disks.bases(formats).get(real, [])
        return guests + [one for one in based if os.path.realpath(one) not in map(os.path.realpath, mine)]

    def _add_nic(self, change: Change) -> None:
        # With a MAC of its own choosing libvirt would give the stored and the running card different ones.
        mac = change.after.mac or devices.new_mac()
        self._edit(replace(change, after=replace(change.after, mac=mac, model=change.after.model)))

    def _grow(self, change: Change) -> None:
        """QEMU makes the file of a running guest larger, and is told of a volume that is."""
        domain = self._domain(change.name)
        root = stored_root(domain)
        for disk in read.disks(root):
            path, kind = read.source(disk) or "", xml.attribute(disk, "driver", "type")
            if edit.disk_name(root, disk) == change.key and (existing.is_device(path) or not domain.isActive()):
                self._disks.files.grow(path, change.after, kind or RAW)
        if domain.isActive():
            LIVE[change.verb, change.field](domain, change)

    def _set_seed(self, change: Change) -> None:
        path = self._seeds.path(change.name, change.after) or ""
        self._seeds.make(change.name, change.after)
        domain = self._domain(change.name)
        root = stored_root(domain, secure=True)
        edit.set_seed(root, path)
        self._connection.defineXML(xml.render(root))
        self._sweep_seeds(change)

    def _sweep_seeds(self, change: Change) -> None:
        """Delete the guest's seeds but for those that it refers to, stored, running, or in its snapshots."""
        domains = [domain for domain in self._connection.listAllDomains(0) if domain.name() == change.name]
        used = {path for domain in domains for root in roots_of(domain) for path in read.sources(root)}
        self._seeds.sweep(change.name, used.union(*map(snapshot_chain.snapshot_files, domains)))

    def _sweep_parts(self, change: Change) -> None:
        for part in change.before:
            self._disks.files.drop(part)

    def _set_autostart(self, change: Change) -> None:
        # It is about the host's start, and nothing that a running guest has. Ordered guests are not libvirt's to start.
        wanted: Autostart = change.after
        self._edit(replace(change, hot=False))
        self._domain(change.name).setAutostart(int(wanted.enabled and not wanted.is_ordered))

    def _start(self, change: Change) -> None:
        domain = self._domain(change.name)
        if not domain.isActive():
            # Until the system that starts now asks for an address itself, it has none.
            macs = {
                (card.get("address") or "").lower() for card in stored_root(domain).findall("devices/interface/mac")
            }
            self._stale.update(lease for lease in read_leases(self._connection) if lease.mac in macs)
        power.start(domain)
        self._started.add(change.name)

    def _stop(self, change: Change) -> None:
        power.stop(self._domain(change.name), change.timeout_s, change.force)
        # It may have run with a seed that is not its own any more.
        self._sweep_seeds(change)

    def _restart(self, change: Change) -> None:
        self._stop(change)
        self._start(change)


def _why_not(others: list[str]) -> str:
    return f"it is used by {', '.join(others)}" if others else "this collection did not make it"


def make_kvm_driver(params: dict[str, Any], host: Host) -> KvmDriver:
    """Make the driver from a module's parameters; a module that only reads has no folders for data."""
    return KvmDriver(params["uri"], params.get("image_cache", ""), params.get("seed_dir", ""), host)
