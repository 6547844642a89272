# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ModuleHost: the Host port for a module that runs on the host itself."""

from __future__ import annotations

import hashlib
import os
import stat
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress

from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.download import CHUNK_BYTES, chunks_of
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import HostError
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.host import FileInfo, Host
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.lock import hold
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.parts import fresh_part

LOCKS = "/var/run/hostforge"
OTHERS_LOCKS = "~/.cache/hostforge"  # of a user who is not root, and may not write there
SAID_MOST = 500
KINDS = ((stat.S_ISREG, "file"), (stat.S_ISBLK, "device"), (stat.S_ISDIR, "folder"))


class ModuleHost(Host):
    """This machine."""

    def run(self, argv: Sequence[str], stdin: str = "", timeout_s: float | None = None) -> str:
        """Run a command without a shell."""
        env = dict(os.environ, LC_ALL="C")
        try:
            done = subprocess.run(
                list(argv),
                check=False,
                input=stdin,
                capture_output=True,
                text=True,
                errors="replace",
                env=env,
                timeout=timeout_s,
            )
        except FileNotFoundError as error:
            raise HostError(f"the command {argv[0]} is not installed on the host") from error
        except (OSError, subprocess.TimeoutExpired) as error:
            raise HostError(f"{argv[0]}: {error}") from error
        if done.returncode:
            said = _in_short(" ".join((done.stderr or done.stdout).split()))
            raise HostError(f"{' '.join(argv[:2])} ended with status {done.returncode}: {said}", done.returncode)
        return done.stdout

    def read_file(self, path: str) -> bytes:
        """Return a file's content."""
        with _said(path), open(path, "rb") as file:
            return file.read()

    def read_start(self, path: str, most_bytes: int) -> bytes:
        """Return a file's first bytes."""
        with _said(path), open(path, "rb") as file:
            return file.read(most_bytes)

    def read_piece(self, path: str, start: int, most_bytes: int) -> bytes:
        """Return bytes from within a file."""
        with _said(path), open(path, "rb") as file:
            file.seek(start)
            return file.read(most_bytes)

    def write_pieces(self, path: str, pieces: Iterable[bytes], mode: int = 0o600) -> None:
        """Write a new file, piece by piece."""
        with _said(path):
            _write_new(path, pieces, mode)

    def write_file(self, path: str, content: bytes, mode: int = 0o600) -> None:
        """Write a file in one step. What a killed run was writing there, which may hold a secret, goes before."""
        with _said(path):
            part = fresh_part(self, path)
            try:
                _write_new(part, [content], mode)
                self.rename(part, path)
            finally:
                # What could not be written whole may still hold a secret.
                self.remove(part)

    def info(self, path: str) -> FileInfo | None:
        """Tell about a file."""
        try:
            found = os.stat(path)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise HostError(f"{path}: {error.strerror}") from error
        kind = next((name for is_kind, name in KINDS if is_kind(found.st_mode)), "other")
        return FileInfo(path, found.st_size, found.st_mtime_ns, found.st_ino, kind)

    def list_dir(self, path: str) -> list[str]:
        """The names in a folder."""
        with _said(path):
            return sorted(os.listdir(path)) if os.path.isdir(path) else []

    def make_dir(self, path: str, mode: int = 0o755) -> None:
        """Make a folder; those above it are made so that everybody can pass through them."""
        if os.path.isdir(path):
            return
        if not os.path.isdir(os.path.dirname(path)):
            self.make_dir(os.path.dirname(path))
        with _said(path), suppress(FileExistsError):  # another run has made it at this moment
            os.mkdir(path, mode)
            os.chmod(path, mode)  # mkdir's own mode is cut by the umask
            _sync(os.path.dirname(path))

    def rename(self, source: str, target: str) -> None:
        """Move a file in one step."""
        with _said(f"{source} to {target}"):
            _sync(source)
            os.replace(source, target)
            _sync(os.path.dirname(target))

    def sync(self, path: str) -> None:
        """Wait until a file is on the disk."""
        with _said(path):
            _sync(path)
            _sync(os.path.dirname(path))

    def remove(self, path: str) -> None:
        """Delete one file."""
        with _said(path), suppress(FileNotFoundError):
            os.unlink(path)

    def fetch(self, url: str, path: str, most_bytes: int | None = None) -> None:
        """Download to a file."""
        with _said(path), open(path, "wb") as file:
            for chunk in chunks_of(url, most_bytes):
                file.write(chunk)

    def copy(self, source: str, path: str) -> None:
        """Copy a file's content."""
        self.run(["cp", "--reflink=auto", "--sparse=auto", "--", source, path])

    def digest(self, path: str, algorithm: str) -> str:
        """The hex digest of a file's content."""
        total = hashlib.new(algorithm)
        with _said(path), open(path, "rb") as file:
            for chunk in iter(lambda: file.read(CHUNK_BYTES), b""):
                total.update(chunk)
        return total.hexdigest()

    @contextmanager
    def lock(self, name: str, timeout_s: float) -> Iterator[None]:
        """Keep out other runs."""
        folder = LOCKS if os.geteuid() == 0 else os.path.expanduser(OTHERS_LOCKS)
        self.make_dir(folder, 0o700)
        path = os.path.join(folder, f"{name}.lock")
        with ExitStack() as held:
            with _said(path):
                held.enter_context(hold(path, timeout_s))
            yield


def _write_new(path: str, pieces: Iterable[bytes], mode: int) -> None:
    with open(path, "xb", opener=_privately) as file:
        os.fchmod(file.fileno(), mode)
        for piece in pieces:
            file.write(piece)


def _privately(path: str, flags: int) -> int:
    """Open a new file that nobody else can read from its first moment on."""
    return os.open(path, flags, 0o600)


def _in_short(said: str) -> str:
    """The beginning and the end of what a command says: the first error is the cause of the others."""
    return said if len(said) <= 2 * SAID_MOST else f"{said[:SAID_MOST]} … {said[-SAID_MOST:]}"


def _sync(path: str) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _said(path: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise HostError(f"{path}: {error.strerror}") from error
