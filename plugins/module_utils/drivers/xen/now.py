# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks at a host right before data is deleted. Deletions that follow each other at once share one while it holds.

A look reads every definition and asks xl for all that runs, which takes a second on a large host, and disks are many.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.xen import places, xl
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.xen.look import Look
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.host import FileInfo, Host

# A look is about so old itself when it has ended: what it saw first it saw then.
FRESH_S = 1.0


@dataclass(frozen=True)
class Moment:
    """The host as it was at one time: when the look began and ended, by what, and the definitions that were there."""

    seen: Look
    begun: float
    ended: float
    marks: frozenset[FileInfo]

    @cached_property
    def _bases(self) -> dict[str, list[str]]:
        return self.seen.bases()

    def based_on(self, path: str) -> list[str]:
        """The disks that are based on data, and are there still."""
        return [one for one in self._bases.get(self.seen.real(path), []) if self.seen.storage.files.is_there(one)]


@dataclass
class Now:
    """The latest look at one host. make: a new one. touched: when this run has changed a guest, or what it has open."""

    host: Host
    make: Callable[[], Look]
    touched: dict[str, float] = field(default_factory=dict)
    _last: Moment | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def touch(self, name: str) -> None:
        """This run has changed a guest: looks from before do not tell of it any more."""
        self.touched[name] = time.monotonic()

    def at(self, name: str) -> Moment:
        """The host as it is at this moment for whoever wants to delete data of the guest of that name."""
        with self._lock:
            if self._last is None or not self._holds(self._last, name):
                self._last = self._moment()
            return self._last

    def _moment(self) -> Moment:
        begun, marks = time.monotonic(), frozenset(self._marks())
        return Moment(self.make(), begun, time.monotonic(), marks)

    def _marks(self, but: str = "") -> set[FileInfo]:
        """All definitions, each with what changes when it is written. but: the path of one that does not count."""
        links = places.auto_links(self.host)
        paths = [f"{places.CONFIGS}/{name}" for name in self.host.list_dir(places.CONFIGS)]
        found = (self.host.info(path) for path in [*paths, *links] if but not in (path, links.get(path)))
        return {one for one in found if one is not None and one.kind != "folder"}

    def _holds(self, last: Moment, name: str) -> bool:
        """Whether a look is fresh, and since then no definition of others came or changed, and nothing was started."""
        if time.monotonic() - last.ended > FRESH_S or self.touched.get(name, -1.0) >= last.begun:
            return False
        file = last.seen.file(name)
        started = {one.number for one in xl.domains(self.host)} - {one.number for one in last.seen.domains.values()}
        return not started and self._marks(file.path if file else "") <= last.marks
