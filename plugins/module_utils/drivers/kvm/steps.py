# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The changes of guests, carried out one by one; wherever a run is killed, the next one goes on from there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm import (
    check,
    define,
    devices,
    edit_devices,
    ledger,
    power,
    read,
    snapshot_chain,
    xml,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.abilities import Facts
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.addresses import Lease, read_leases
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.both import change_both
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.connect import libvirt
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.disk_steps import DiskSteps
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.roots import roots_of, stored_root
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.change import Change
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.host import Host
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.ledger import Entry
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.seeds import Seeds
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Autostart, Guest


@dataclass(frozen=True)
class History:
    """What a run has done that later looks have to know: guests that were started, and leases from before that."""

    started: set[str] = field(default_factory=set)
    stale: set[Lease] = field(default_factory=set)


class Steps:
    """Changes, each of one guest, on one libvirt."""

    def __init__(self, facts: Facts, host: Host, seeds: Seeds, history: History) -> None:
        self._facts = facts
        self._connection = facts.connection
        self._storage = facts.storage
        self._disks = DiskSteps(facts.connection, host, facts.storage)
        self._seeds = seeds
        self._history = history

    def carry_out(self, change: Change) -> None:
        """Carry out one change."""
        special: Mapping[tuple[str, str], Callable[[Change], None]] = {
            ("create", "guest"): self._create,
            ("remove", "guest"): self._remove,
            ("add", "disks"): self._disks.add,
            ("add", "nics"): self._add_nic,
            ("remove", "disks"): self._disks.remove,
            ("delete", "disks"): self._disks.delete,
            ("grow", "disks.size_bytes"): self._disks.grow,
            ("set", "definition"): self._persist,
            ("set", "cloud_init"): self._set_seed,
            ("set", "package"): self._finish,
            ("delete", "parts"): self._sweep_parts,
            ("delete", "seeds"): self._sweep_seeds,
            ("set", "autostart"): self._set_autostart,
            ("start", "state"): self._start,
            ("stop", "state"): self._stop,
            ("restart", "state"): self._restart,
        }
        special.get((change.verb, change.field), self._edit)(change)

    def _domain(self, name: str) -> libvirt.virDomain:
        return self._connection.lookupByName(name)

    def _edit(self, change: Change) -> None:
        change_both(self._connection, change)

    def _create(self, change: Change) -> None:
        """Define the guest without its disks, make those, and define it whole.

        So a definition never names data that is not there, and from the first moment its ledger tells what is being
        made: a run that is killed here leaves a guest that lacks disks, which the next run adds.
        """
        want: Guest = change.after
        arch = self._facts.arch
        disks = tuple(self._storage.place(want.name, disk) for disk in want.disks or ())
        kept = frozenset(disk.name for disk in disks if disk.pool is None or self._storage.is_there(disk))
        seed = self._seeds.path(want.name, want.cloud_init)
        notes = tuple(Entry(disk.name, disk.path or "", disk.name not in kept) for disk in disks)
        pending = tuple(replace(note, pending=note.made) for note in notes)
        new = define.new_definition(want, define.Plot(arch, pending, seed))
        for disk in disks:
            self._storage.files.fetch(disk)
        domain = self._connection.defineXML(xml.render(new))
        self._seeds.make(want.name, want.cloud_init)
        for disk in disks:
            self._disks.make(want.name, disk, new=disk.name not in kept)
        if disks:
            # An image takes its time: what somebody else has changed in the definition meanwhile stays.
            root = stored_root(domain, secure=True)
            edit_devices.add_disks(root, want.name, disks)
            ledger.write_unfinished(root, False)
            domain = self._connection.defineXML(xml.render(root))
        if want.autostart and want.autostart.enabled and not want.autostart.is_ordered:
            domain.setAutostart(1)

    def _finish(self, change: Change) -> None:
        root = stored_root(self._domain(change.name), secure=True)
        ledger.write_unfinished(root, False)
        self._connection.defineXML(xml.render(root))

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

    def _add_nic(self, change: Change) -> None:
        # With a MAC of its own choosing libvirt would give the stored and the running card different ones.
        mac = change.after.mac or devices.new_mac()
        self._edit(replace(change, after=replace(change.after, mac=mac, model=change.after.model)))

    def _set_seed(self, change: Change) -> None:
        path = self._seeds.path(change.name, change.after) or ""
        self._seeds.make(change.name, change.after)
        domain = self._domain(change.name)
        root = stored_root(domain, secure=True)
        edit_devices.set_seed(root, path)
        self._connection.defineXML(xml.render(root))
        self._sweep_seeds(change)

    def _sweep_seeds(self, change: Change) -> None:
        """Delete the guest's seeds but for those that it refers to, stored, running, or in its snapshots."""
        domains = [domain for domain in self._connection.listAllDomains(0) if domain.name() == change.name]
        used = {path for domain in domains for root in roots_of(domain) for path in read.sources(root)}
        self._seeds.sweep(change.name, used.union(*map(snapshot_chain.snapshot_files, domains)))

    def _sweep_parts(self, change: Change) -> None:
        for part in change.before:
            self._storage.files.drop(part)

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
            self._history.stale.update(lease for lease in read_leases(self._connection) if lease.mac in macs)
        power.start(domain)
        self._history.started.add(change.name)

    def _stop(self, change: Change) -> None:
        power.stop(self._domain(change.name), change.timeout_s, change.force)
        # It may have run with a seed that is not its own any more.
        self._sweep_seeds(change)

    def _restart(self, change: Change) -> None:
        self._stop(change)
        self._start(change)
