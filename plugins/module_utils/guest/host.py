# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Host: the few things that drivers and the core need of the machine that runs guests."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass


@dataclass(frozen=True)
class FileInfo:
    """What is at a path: size_bytes (0 for a device), changed: when, in ns since the epoch.

    kind: file | device (a block device) | folder | other, which may never end or never begin when it is read.
    """

    path: str
    size_bytes: int
    changed: int
    inode: int
    kind: str = "file"

    @property
    def holds_data(self) -> bool:
        """Whether it can be the content of a disk or the medium of a drive."""
        return self.kind in ("file", "device")


class Host(ABC):
    """The machine that runs guests. Every method raises HostError, naming the path, command or URL and why."""

    @abstractmethod
    def run(self, argv: Sequence[str], stdin: str = "", timeout_s: float | None = None) -> str:
        """Run a command without a shell, in the C locale, and return its standard output.

        A status other than 0 is an error that quotes the command's last lines.
        """

    @abstractmethod
    def read_file(self, path: str) -> bytes:
        """Return a file's content."""

    @abstractmethod
    def read_start(self, path: str, most_bytes: int) -> bytes:
        """Return a file's first bytes."""

    @abstractmethod
    def read_piece(self, path: str, start: int, most_bytes: int) -> bytes:
        """Return the bytes of a file from a place on; fewer than most_bytes only where it ends."""

    @abstractmethod
    def write_pieces(self, path: str, pieces: Iterable[bytes], mode: int = 0o600) -> None:
        """Write a new file, piece by piece. It is not whole until this returns: path is that of a part."""

    @abstractmethod
    def write_file(self, path: str, content: bytes, mode: int = 0o600) -> None:
        """Write a file in one step: whoever reads it sees the old content or the new, also after a power cut."""

    @abstractmethod
    def info(self, path: str) -> FileInfo | None:
        """Tell about a file, following links; None when it is not there."""

    @abstractmethod
    def list_dir(self, path: str) -> Sequence[str]:
        """The names in a folder, sorted; none when it is not there."""

    @abstractmethod
    def make_dir(self, path: str, mode: int = 0o755) -> None:
        """Make a folder and those above it, unless it is there."""

    @abstractmethod
    def rename(self, source: str, target: str) -> None:
        """Move a file within a file system in one step, after its content is on the disk; replaces the target."""

    @abstractmethod
    def sync(self, path: str) -> None:
        """Return when a file's content, and its name in its folder, would survive a power cut."""

    @abstractmethod
    def remove(self, path: str) -> None:
        """Delete one file; none there is no error."""

    @abstractmethod
    def fetch(self, url: str, path: str, most_bytes: int | None = None) -> None:
        """Download to a file. Fewer bytes than the server announced, or more than most_bytes, are an error.

        It ends whatever the server does: one that stalls or only drips is an error, too.
        """

    @abstractmethod
    def copy(self, source: str, path: str) -> None:
        """Copy a file's content, sharing blocks where the file system can."""

    @abstractmethod
    def digest(self, path: str, algorithm: str) -> str:
        """The hex digest of a file's content. algorithm: a name that hashlib knows."""

    @abstractmethod
    def lock(self, name: str, timeout_s: float) -> AbstractContextManager[None]:
        """Keep out other runs that want the lock of that name on this machine; it ends with its holder, even killed.

        An error that names the holder where the lock is not to be had within timeout_s.
        """
