# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One look at a host: its domains, the definitions of its guests, what starts by itself, and what is saved.

However many guests there are, xl is asked twice: for what runs with what, and for how it is. xl keeps nothing of a
guest that is off, so a guest is there when a file says so: a *.cfg in /etc/xen, whatever its name, or what a link for
xendomains leads to.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.xen import ledger, places, read, xl
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.xen.cfg import CfgError
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.xen.definition import Definition
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.xen.storage import Storage
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.xen.xl import Domain
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.host import Host
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.ledger import Ledger
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.parts import is_part
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Autostart, Guest

_LINK = re.compile(r"([0-9]{4})-(.+)", re.ASCII)
NO_GUESTS = "xlexample."  # what the distributions put beside the definitions


@dataclass(frozen=True)
class File:
    """A definition and where it is, without links. links: what xendomains starts it by."""

    path: str
    definition: Definition
    links: tuple[str, ...] = ()

    @property
    def autostart(self) -> Autostart:
        """Whether and in which place it starts with the host: the names of links say the order."""
        if not self.links:
            return Autostart(False)
        found = _LINK.fullmatch(os.path.basename(self.links[0])) if len(self.links) == 1 else None
        order = int(found[1]) if found and found[2] == os.path.basename(self.path) else None
        return Autostart(True, order, ledger.read(self.definition).delay_s)


@dataclass
class Look:
    """What was seen. files: by the guest's name; more than one is too many. broken: path to text and error.

    strays: files by which no guest is known here, but which may use its disks. parts: names of files in /etc/xen that a
    run is writing, or was when it was killed. auto: what starts with the host, and where each of it leads.
    """

    host: Host
    storage: Storage
    seed_dir: str
    domains: dict[str, Domain] = field(default_factory=dict)
    configs: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)
    files: dict[str, list[File]] = field(default_factory=dict)
    broken: dict[str, tuple[str, str]] = field(default_factory=dict)
    strays: dict[str, Definition] = field(default_factory=dict)
    parts: Sequence[str] = ()
    auto: dict[str, str] = field(default_factory=dict)
    saved: dict[str, str] = field(default_factory=dict)
    users: dict[str, set[str]] = field(default_factory=dict)
    _real: dict[str, str] = field(default_factory=dict)

    def look(self) -> None:
        """Look at all of it."""
        self._ask_xl()
        if any(map(self.is_untold, self.domains)):
            self._ask_xl()  # it may have come or gone between the two answers
        self._read_files()
        folder = places.save_dir(self.host)
        self.saved = {name: os.path.join(folder, name) for name in self.host.list_dir(folder)}
        self._note_users()

    def _ask_xl(self) -> None:
        self.domains = {one.name: one for one in xl.domains(self.host)}
        self.configs = xl.details(self.host) if self.domains else {}

    def _read_files(self) -> None:
        listed = self.host.list_dir(places.CONFIGS)
        self.parts = [name for name in listed if is_part(name)]
        names = [name for name in listed if not is_part(name)]
        here = [f"{places.CONFIGS}/{name}" for name in names if name.endswith(".cfg")]
        all_links = places.auto_links(self.host)
        self.auto = {link: path for link, path in all_links.items() if places.starts(link)}
        real = {**places.realpaths(self.host, here), **self.auto}
        links: dict[str, list[str]] = {}
        for path, target in self.auto.items():
            links.setdefault(target, []).append(path)
        for path in dict.fromkeys(real.values()):
            self._read_file(path, tuple(links.get(path, ())))
        for path in set(all_links.values()) - set(real.values()):
            self._read_file(path, None)
        for name in names:
            if not name.endswith(".cfg") and not name.startswith(NO_GUESTS):
                self._read_file(f"{places.CONFIGS}/{name}", None)

    def _read_file(self, path: str, links: tuple[str, ...] | None) -> None:
        """Read a definition. links: None for a file that is none by its name, but may be another tool's."""
        text = places.text_of(self.host, path)
        if text is None:
            return
        try:
            definition = Definition(text)
        except CfgError as error:
            self.broken[path] = (text, str(error))
            return
        name = definition.text_of("name")
        if name and links is not None:
            self.files.setdefault(name, []).append(File(path, definition, links))
        else:
            self.strays[path] = definition

    def _note_users(self) -> None:
        used: dict[str, set[str]] = {}
        for name, files in self.files.items():
            for path in (spec.path for file in files for spec in read.disk_specs(file.definition)):
                used.setdefault(path, set()).add(name)
        for place, definition in self.strays.items():
            for path in (spec.path for spec in read.disk_specs(definition)):
                used.setdefault(path, set()).add(f"the file {place}")
        for name, domain in self.domains.items():
            for path in (spec.path for spec in read.live_disks(self.configs.get(domain.number, {}))):
                used.setdefault(path, set()).add(name)
        used.pop("", None)
        self._real = places.realpaths(self.host, list(used))
        for path, real in self._real.items():
            self.users.setdefault(real, set()).update(used[path])

    def real(self, path: str) -> str:
        """A path without links."""
        if path and path not in self._real:
            self._real.update(places.realpaths(self.host, [path]))
        return self._real.get(path, path)

    def file(self, name: str) -> File | None:
        """A guest's definition; of several the one that is called as they are by default."""
        files = self.files.get(name, [])
        return next((file for file in files if file.path == places.config_path(name)), files[0] if files else None)

    def config(self, name: str) -> Mapping[str, Any] | None:
        """With what a guest runs, None when it is off, has come to its end or is only half made."""
        domain = self.domains.get(name)
        if domain is None or domain.state in (xl.OFF, xl.CRASHED, xl.DYING):
            return None
        return self.configs.get(domain.number)

    def is_transient(self, name: str) -> bool:
        """Whether a guest runs and no file defines it."""
        return name not in self.files and self.config(name) is not None

    def is_half_made(self, name: str) -> bool:
        """Whether a domain is there that xl has not finished."""
        domain = self.domains.get(name)
        return domain is not None and domain.is_fresh and domain.number not in self.configs

    def is_untold(self, name: str) -> bool:
        """Whether a domain runs, and xl cannot tell with what: what it keeps of it in /var/lib/xen is lost."""
        domain = self.domains.get(name)
        ended = domain is None or domain.state in (xl.OFF, xl.CRASHED, xl.DYING) or domain.is_fresh
        return domain is not None and not ended and domain.number not in self.configs

    def is_left_over(self, name: str) -> bool:
        """Whether a domain is there in which nothing runs any more, or never did."""
        domain = self.domains.get(name)
        return domain is not None and (domain.state == xl.OFF or self.is_half_made(name))

    def others(self, path: str, name: str) -> list[str]:
        """The other guests that use data. A file that cannot be read counts when it names the path."""
        real = self.real(path)
        unread = [f"the file {place}" for place, (text, _error) in self.broken.items() if path in text]
        return sorted(self.users.get(real, set()) - {name}) + sorted(unread)

    def running_users(self, path: str) -> set[str]:
        """The guests that run with data."""
        real = self.real(path)
        return {
            name
            for name, domain in self.domains.items()
            for spec in read.live_disks(self.configs.get(domain.number, {}))
            if spec.path and self.real(spec.path) == real
        }

    def formats(self) -> dict[str, str]:
        """The disks of all guests, each with its format by the definition."""
        stored = [read.disk_specs(file.definition) for files in self.files.values() for file in files]
        live = [read.live_disks(config) for config in self.configs.values()]
        return {spec.path: spec.format for specs in (*stored, *live) for spec in specs if spec.path and not spec.cdrom}

    def bases(self) -> dict[str, list[str]]:
        """Every file, without links, that disks are based on, with those, looked for anew."""
        found = self.storage.files.bases({**self.storage.files_in_pools(), **self.formats()})
        return {self.real(base): users for base, users in found.items()}

    def path_of(self, name: str, disk: str) -> str | None:
        """Where the data of a guest's disk is, by what the disk is called."""
        return next((one.path for one in self.guest(name).disks or () if one.name == disk), None)

    def uuids(self) -> dict[str, set[str]]:
        """The uuids of all guests, stored and running, and whose they are."""
        found = self.running_uuids()
        for name, files in self.files.items():
            for file in files:
                found.setdefault((file.definition.text_of("uuid") or "").lower(), set()).add(name)
        found.pop("", None)
        return found

    def running_uuids(self) -> dict[str, set[str]]:
        """The uuids of what runs, and whose they are."""
        found: dict[str, set[str]] = {}
        for name, domain in self.domains.items():
            uuid = str(self.configs.get(domain.number, {}).get("c_info", {}).get("uuid", "")).lower()
            if uuid:
                found.setdefault(uuid, set()).add(name)
        return found

    def twins(self, name: str) -> set[str]:
        """Other guests that are stored with the uuid that a guest runs with."""
        mine = [uuid for uuid, names in self.running_uuids().items() if name in names]
        return {other for uuid in mine for other in self.uuids().get(uuid, set()) if other != name}

    def guests(self, names: Collection[str] | None) -> dict[str, Guest]:
        """The guests of these names, None for all."""
        known = list(
            dict.fromkeys(
                [*self.files, *(name for name in self.domains if self.is_transient(name) or self.is_untold(name))]
            )
        )
        return {name: self.guest(name) for name in known if names is None or name in names}

    def guest(self, name: str) -> Guest:
        """A guest that is there."""
        file, config = self.file(name), self.config(name)
        noted = ledger.read(file.definition) if file else Ledger()
        around = read.Around(
            size=self.storage.size,
            pool=self.storage.pool_of,
            owns=lambda path: _is_made(noted, path) and not self.others(path, name),
            seed_dir=self.seed_dir,
            has_seed=lambda path: self.host.info(path) is not None,
            autostart=file.autostart if file else Autostart(False),
        )
        live = None if config is None else read.running_guest(config, noted, around)
        if file is None:
            stored = live or Guest(name)
        else:
            stored = read.stored_guest(file.definition, around, grown=live is not None)
        if self.is_untold(name):
            live = stored  # it runs, and this is all that can be told
        domain = self.domains.get(name)
        state = "stopped" if live is None or domain is None else domain.state
        return replace(stored, state="paused" if state == xl.SAVING else state, live=live)


def _is_made(noted: Ledger, path: str) -> bool:
    entry = noted.find(path)
    return entry is not None and entry.made
