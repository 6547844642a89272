# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The seeds of the guests on one host: images for cloud-init, each named after its guest and its content."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Collection, Container

from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.host import Host
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.seed import (
    DIGEST_DIGITS,
    clear_dead_seeds,
    write_seed,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import CloudInit

_SEED = re.compile(rf"(.+)-[0-9a-f]{{{DIGEST_DIGITS}}}\.iso", re.ASCII)


class Seeds:
    """A folder of seeds. They hold secrets, so none stays longer than it is needed; they can be made again."""

    def __init__(self, host: Host, folder: str) -> None:
        self._host = host
        self._folder = folder
        self._seen: dict[str, list[str]] = {}
        self._cleared = False
        self._lock = threading.Lock()

    def look(self) -> None:
        """See which seeds there are."""
        self._seen = {}
        for file in self._host.list_dir(self._folder):
            match = _SEED.fullmatch(file)
            if match:
                self._seen.setdefault(match[1], []).append(os.path.join(self._folder, file))

    def leftover(self, name: str, wished: CloudInit | None, used: Container[str]) -> tuple[str, ...]:
        """The seeds of a guest that nobody needs, as they were seen: a killed run left them, or a guest that stopped.

        used: the paths, without links, that guests refer to.
        """
        kept = self.path(name, wished)
        seen = self._seen.get(name, ())
        return tuple(path for path in seen if path != kept and os.path.realpath(path) not in used)

    def path(self, name: str, cloud_init: CloudInit | None) -> str | None:
        """Where a guest's seed belongs."""
        return None if cloud_init is None else os.path.join(self._folder, f"{name}-{cloud_init.digest}.iso")

    def digest_of(self, name: str, path: str) -> str | None:
        """The digest of the seed of a guest that a path is; None of one that is no seed of it."""
        folder, file = os.path.split(path)
        match = _SEED.fullmatch(file)
        if folder != self._folder or match is None or match[1] != name:
            return None
        return file.rpartition("-")[2].partition(".")[0]

    def make(self, name: str, cloud_init: CloudInit | None) -> None:
        """Make a guest's seed, unless it is there: its name tells its content."""
        path = self.path(name, cloud_init)
        if cloud_init is not None and path is not None and self._host.info(path) is None:
            with self._lock:
                write_seed(self._host, cloud_init, path)

    def has_more(self, name: str, path: str | None) -> bool:
        """Whether there are seeds of a guest at this moment besides the one at path."""
        matches = [_SEED.fullmatch(file) for file in self._host.list_dir(self._folder)]
        return any(match and match[1] == name and os.path.join(self._folder, match[0]) != path for match in matches)

    def sweep(self, name: str, keep: Collection[str]) -> None:
        """Delete a guest's seeds but for those to keep."""
        for file in self._host.list_dir(self._folder):
            path, match = os.path.join(self._folder, file), _SEED.fullmatch(file)
            if match and match[1] == name and path not in keep:
                self._host.remove(path)

    def clear(self) -> None:
        """Delete what killed runs left of any guest's seed; when that was done, nothing more."""
        with self._lock:
            if not self._cleared:
                clear_dead_seeds(self._host, self._folder)
            self._cleared = True
