# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""FakeHost: a host in memory, for tests of what the core does with files, commands and downloads."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import HostError
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.host import FileInfo, Host


@dataclass
class FakeHost(Host):
    """files: path to content; folders: path to mode; web: URL to content; log: every change and command, in order."""

    files: dict[str, bytes] = field(default_factory=dict)
    folders: dict[str, int] = field(default_factory=lambda: {"/proc": 0o555})
    web: dict[str, bytes] = field(default_factory=dict)
    modes: dict[str, int] = field(default_factory=dict)
    log: list[tuple[str, ...]] = field(default_factory=list)
    broken: set[str] = field(default_factory=set)

    def _do(self, *what: str) -> None:
        self.log.append(what)
        if what[0] in self.broken:
            raise HostError(f"{what[0]} is broken")

    def did(self, verb: str) -> list[tuple[str, ...]]:
        return [what[1:] for what in self.log if what[0] == verb]

    def run(self, argv: Sequence[str], stdin: str = "", timeout_s: float | None = None) -> str:
        self._do(*argv)
        if argv[0] == "rmdir":
            if self.list_dir(argv[-1]):
                raise HostError(f"{argv[-1]} is not empty")
            self.folders.pop(argv[-1])
        elif argv[0] == "chmod":
            self.modes[argv[-1]] = int(argv[1], 8)
        elif argv[0] == "xorrisofs":
            names = argv[argv.index("-rock") + 1 :]
            content = b"".join(os.path.basename(name).encode() + b"=" + self.files[name] + b";" for name in names)
            self.files[argv[argv.index("-output") + 1]] = content
        return ""

    def read_file(self, path: str) -> bytes:
        return self.files[path]

    def read_start(self, path: str, most_bytes: int) -> bytes:
        return self.read_file(path)[:most_bytes]

    def read_piece(self, path: str, start: int, most_bytes: int) -> bytes:
        return self.read_file(path)[start:][:most_bytes]

    def write_pieces(self, path: str, pieces: Iterable[bytes], mode: int = 0o600) -> None:
        self._do("pieces", path)
        self.files[path], self.modes[path] = b"", mode
        for piece in pieces:
            self.files[path] += piece

    def write_file(self, path: str, content: bytes, mode: int = 0o600) -> None:
        self._do("write", path)
        self.files[path], self.modes[path] = content, mode

    def info(self, path: str) -> FileInfo | None:
        if path in self.folders:
            return FileInfo(path, 0, 0, 0, "folder")
        content = self.files.get(path)
        return None if content is None else FileInfo(path, len(content), len(content), 1)

    def list_dir(self, path: str) -> list[str]:
        below = [name for name in (*self.files, *self.folders) if os.path.dirname(name) == path]
        return sorted(os.path.basename(name) for name in below)

    def make_dir(self, path: str, mode: int = 0o755) -> None:
        self.folders.setdefault(path, mode)

    def rename(self, source: str, target: str) -> None:
        self._do("rename", source, target)
        self.files[target] = self.files.pop(source)
        self.modes[target] = self.modes.pop(source, 0o600)

    def sync(self, path: str) -> None:
        self._do("sync", path)

    def remove(self, path: str) -> None:
        self.log.append(("remove", path))
        self.files.pop(path, None)

    def fetch(self, url: str, path: str, most_bytes: int | None = None) -> None:
        if url in self.broken:
            self.files[path] = b"half"
            raise HostError(f"{url} announced 8 bytes and sent 4")
        self._do("fetch", url)
        self.files[path] = self.web[url]

    def copy(self, source: str, path: str) -> None:
        self._do("copy", source)
        self.files[path] = self.files[source]

    def digest(self, path: str, algorithm: str) -> str:
        return hashlib.new(algorithm, self.files[path]).hexdigest()

    @contextmanager
    def lock(self, name: str, timeout_s: float) -> Iterator[None]:
        self._do("lock", name)
        yield
        self._do("unlock", name)
