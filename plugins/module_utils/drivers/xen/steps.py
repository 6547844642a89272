# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The changes of Xen guests, each carried out on the stored definition, and on the running guest where it can be."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.xen import (
    define,
    devices,
    disks,
    ledger,
    places,
    power,
    store,
    xl,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.xen.definition import Definition
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.xen.edit import EDITS, Site, put_seed
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.xen.facts import Facts
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.xen.live import LIVE, UNDO, nothing
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.xen.now import Now
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.change import Change
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import (
    HostError,
    HypervisorError,
    LiveError,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.ledger import Entry
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.seeds import Seeds
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Autostart, Disk, Guest
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.taken import refuse_used


class Steps:
    """Changes, each of one guest, on one host as it was seen."""

    def __init__(self, facts: Facts, seeds: Seeds, seed_dir: str, now: Now) -> None:
        self._host = facts.host
        self._seen = facts.seen
        self._storage = facts.storage
        self._seeds = seeds
        self._seed_dir = seed_dir
        self._now = now
        self._site = Site(facts.is_switch, seed_dir=seed_dir)
        self._disks = disks.Disks(self._host, self._storage, self._path)

    def carry_out(self, change: Change) -> None:
        """Carry out one change."""
        special: Mapping[tuple[str, str], Callable[[Change], None]] = {
            ("create", "guest"): self._create,
            ("remove", "guest"): self._remove,
            ("remove", "domain"): self._clear,
            ("add", "disks"): self._add_disk,
            ("add", "nics"): self._add_nic,
            ("remove", "disks"): self._remove_disk,
            ("delete", "disks"): self._delete_disk,
            ("grow", "disks.size_bytes"): self._grow,
            ("set", "definition"): self._adopt,
            ("set", "cloud_init"): self._set_seed,
            ("delete", "seeds"): self._sweep_seeds,
            ("delete", "parts"): self._sweep_parts,
            ("set", "autostart"): self._set_autostart,
            ("start", "state"): self._start,
            ("stop", "state"): self._stop,
            ("restart", "state"): self._restart,
        }
        special.get((change.verb, change.field), self._edit)(change)
        if not change.delete:
            self._now.touch(change.name)

    def _path(self, name: str) -> str:
        file = self._seen.file(name)
        return file.path if file else places.config_path(name)

    def _load(self, name: str) -> Definition:
        return store.load(self._host, self._path(name), name)

    def _save(self, name: str, definition: Definition) -> None:
        store.save(self._host, self._path(name), definition)

    def _edit(self, change: Change) -> None:
        """Change the stored definition, then the running guest: what is stored holds even if the guest refuses."""
        definition = self._load(change.name)
        if change.field == "config":
            self._keep_started(change.name, definition)
        EDITS[change.verb, change.field](definition, change, self._site)
        self._save(change.name, definition)
        self._edit_live(change, definition)

    def _keep_started(self, name: str, definition: Definition) -> None:
        config, domain = self._seen.config(name), self._seen.domains.get(name)
        if config is not None and domain is not None:
            uuid = str(config.get("c_info", {}).get("uuid", "")).lower()
            store.keep_started(self._host, domain.number, uuid, definition)

    def _edit_live(self, change: Change, definition: Definition) -> None:
        command = LIVE.get((change.verb, change.field))
        if not change.hot or command is None:
            return
        domain = xl.domain_of(self._host, change.name)
        if domain is None or domain.state not in ("running", "paused"):
            return
        config = self._seen.configs.get(domain.number, {})
        commands = command(str(domain.number), change, definition, config)
        undo = UNDO.get((change.verb, change.field), nothing)(str(domain.number), change, definition, config)
        try:
            xl.patiently(lambda: self._run_all(commands), lambda: self._take_back(undo))
        except HostError as error:
            raise LiveError(f"the running guest cannot take it: {error}") from error
        if commands:
            self._now.touch(change.name)
        if change.field == "vcpus" and "type.hvm" in config.get("b_info", {}):
            self._check_processors(domain.number, change.after)

    def _run_all(self, commands: Sequence[Sequence[str]]) -> None:
        for words in commands:
            self._host.run(["xl", *words])

    def _take_back(self, commands: Sequence[Sequence[str]]) -> None:
        """Unplug what xl has plugged in by half: the guest would have it, without the host's end of it."""
        for words in commands:
            with suppress(HostError):  # it was not there
                self._host.run(["xl", *words])

    def _check_processors(self, number: int, wanted: int) -> None:
        """An emulated machine gives processors up when its system lets go of them, or not at all."""
        built = xl.details(self._host).get(number, {}).get("b_info", {})
        if len(built.get("avail_vcpus", ())) != wanted:
            raise LiveError("the running guest has not taken the number of vcpus; it gets it when it is restarted")

    def _create(self, change: Change) -> None:
        """Write the definition without disks, make those, and write it whole.

        So a definition never names data that is not there, and from the first moment its ledger tells what is being
        made: a run that is killed here leaves a guest that lacks disks, which the next run adds.
        """
        want: Guest = change.after
        kind = want.option("type") or define.DEFAULT_TYPE
        placed = self._disks.placed(want.name, want.disks or (), kind)
        kept = frozenset(disk.name for disk in placed if self._storage.files.is_there(disk.path or ""))
        seed = self._seeds.path(want.name, want.cloud_init)
        notes = [Entry(one.name, one.path or "", one.name not in kept, one.name not in kept) for one in placed]
        self._refuse_taken(want.name, placed)
        for disk in placed:
            self._storage.files.fetch(disk)
        store.add(self._host, self._path(want.name), define.new_definition(want, notes, seed, self._site))
        self._seeds.make(want.name, want.cloud_init)
        for disk in placed:
            self._disks.make(want.name, disk, new=disk.name not in kept)
        if placed:
            definition = self._load(want.name)
            self._disks.name_all(definition, placed)
            self._save(want.name, definition)
        if want.autostart is not None:
            self._link(want.name, want.autostart)

    def _refuse_taken(self, name: str, placed: Sequence[Disk]) -> None:
        given = [disk for disk in placed if disk.pool is None]
        if given:
            now = self._now.make()
            refuse_used(given, lambda path: now.others(path, name))

    def _remove(self, change: Change) -> None:
        """The links first, so that xendomains starts nothing that is half gone; seeds hold secrets, so they go next."""
        file = self._seen.file(change.name)
        if file is not None and self._host.info(file.path) is not None:
            self._load(change.name)
        self._link(change.name, Autostart(False))
        self._seeds.sweep(change.name, keep=())
        if file is not None:
            self._host.remove(file.path)

    def _clear(self, change: Change) -> None:
        found = xl.domain_of(self._host, change.name)
        if found is not None:
            power.clear(self._host, found)
            self._now.touch(change.name)

    def _adopt(self, change: Change) -> None:
        config = self._seen.config(change.name)
        if config is not None:
            store.add(self._host, self._path(change.name), define.adopted(config))

    def _add_disk(self, change: Change) -> None:
        self._refuse_taken(change.name, [change.after] if change.after.path else [])
        disk = self._disks.add(change.name, change.after, self._live_devices(change.name))
        self._edit(replace(change, after=disk))

    def _live_devices(self, name: str) -> list[str]:
        return [str(one.get("vdev")) for one in (self._seen.config(name) or {}).get("disks", ())]

    def _remove_disk(self, change: Change) -> None:
        """With its data: out of the running guest, then the data, then out of the definition.

        In this order a killed run leaves the disk in the definition, and the next run goes on from there.
        """
        if change.delete:
            self._edit_live(change, self._load(change.name))
            self._delete_disk(change)
        self._edit(replace(change, hot=change.hot and not change.delete))

    def _delete_disk(self, change: Change) -> None:
        """Look once more before deleting: somebody else may have come to use the disk since it was read."""
        if self._seen.is_left_over(change.name):
            self._clear(change)  # it has the disks open, though nothing runs in it
        self._disks.delete(change.name, change.before, self._now.at(change.name))

    def _add_nic(self, change: Change) -> None:
        # With an address of its own choosing xl would give the card another one at each start.
        nic = replace(change.after, mac=change.after.mac or devices.new_mac())
        self._edit(replace(change, after=nic))

    def _grow(self, change: Change) -> None:
        running = xl.domain_of(self._host, change.name) is not None
        self._disks.grow(change.name, change.key, change.after, running)

    def _set_seed(self, change: Change) -> None:
        path = self._seeds.path(change.name, change.after) or ""
        self._seeds.make(change.name, change.after)
        definition = self._load(change.name)
        put_seed(definition, change.name, path, self._seed_dir)
        self._save(change.name, definition)
        self._sweep_seeds(change)

    def _sweep_seeds(self, change: Change) -> None:
        """Delete the guest's seeds but for those that are in use, stored or running."""
        is_defined = self._host.info(self._path(change.name)) is not None
        kept = ledger.read(self._load(change.name)).seed if is_defined else None
        if self._seeds.has_more(change.name, kept):
            self._seeds.sweep(change.name, set(self._now.make().users))

    def _sweep_parts(self, change: Change) -> None:
        for part in change.before:
            self._storage.drop(part)

    def _set_autostart(self, change: Change) -> None:
        """The delay first: a link alone says that a guest starts, and in which place."""
        wanted: Autostart = change.after
        definition = self._load(change.name)
        ledger.write(definition, replace(ledger.read(definition), delay_s=wanted.delay_s))
        self._save(change.name, definition)
        self._link(change.name, wanted)

    def _link(self, name: str, wanted: Autostart) -> None:
        """Have one link, of the right name, or none. A link that changes its name does so in one step."""
        path, there = self._path(name), places.auto_links(self._host)
        links = [link for link, leads in there.items() if leads == path != link and places.starts(link)]
        target = places.link_path(wanted, path) if wanted.enabled else None
        if target is not None and target not in links:
            if target in there:
                raise HypervisorError(f"{target} is there already, and was not replaced")
            if links:
                self._host.rename(links.pop(), target)
            else:
                self._host.make_dir(places.AUTO)
                self._host.run(["ln", "-s", "--", path, target])
        for link in links:
            if link != target:
                self._host.remove(link)

    def _start(self, change: Change) -> None:
        power.start(self._host, change.name, self._path(change.name), lambda: self._disks.grow_noted(change.name))

    def _stop(self, change: Change) -> None:
        power.stop(self._host, change.name, change.timeout_s, change.force)
        # It may have run with a seed that is not its own any more.
        self._sweep_seeds(change)

    def _restart(self, change: Change) -> None:
        self._stop(change)
        self._start(change)
