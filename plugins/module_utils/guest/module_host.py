# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ModuleHost: the Host port for a module that runs on the host itself."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from urllib.error import HTTPError

from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import HostError
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.host import FileInfo, Host
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.lock import hold

CHUNK_BYTES = 1024 * 1024
# While it opens a URL, urllib has the handlers of that URL, and so its password, in one place for all threads.
_OPENING = threading.Lock()
AGENT = "hostforge.hypervisor"
LOCKS = "/var/run/hostforge"
OTHERS_LOCKS = "~/.cache/hostforge"  # of a user who is not root, and may not write there
STALL_S = 60  # a server that sends nothing for so long has failed


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
            said = " ".join((done.stderr or done.stdout).split())[-500:]
            raise HostError(f"{' '.join(argv[:2])} ended with status {done.returncode}: {said}")
        return done.stdout

    def read_file(self, path: str) -> bytes:
        """Return a file's content."""
        with _said(path), open(path, "rb") as file:
            return file.read()

    def write_file(self, path: str, content: bytes, mode: int = 0o600) -> None:
        """Write a file in one step."""
        with _said(path):
            handle, temporary = tempfile.mkstemp(prefix=".", dir=os.path.dirname(path))
            try:
                with os.fdopen(handle, "wb") as file:
                    os.fchmod(file.fileno(), mode)
                    file.write(content)
                self.rename(temporary, path)
            finally:
                # What could not be written whole may still hold a secret.
                self.remove(temporary)

    def info(self, path: str) -> FileInfo | None:
        """Tell about a file."""
        try:
            stat = os.stat(path)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise HostError(f"{path}: {error.strerror}") from error
        return FileInfo(path, stat.st_size, stat.st_mtime_ns, stat.st_ino)

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

    def rename(self, source: str, target: str) -> None:
        """Move a file in one step."""
        with _said(f"{source} to {target}"):
            _sync(source)
            os.replace(source, target)
            _sync(os.path.dirname(target))

    def remove(self, path: str) -> None:
        """Delete one file."""
        with _said(path), suppress(FileNotFoundError):
            os.unlink(path)

    def fetch(self, url: str, path: str) -> None:
        """Download to a file."""
        # Imported where it is needed: it brings TLS and HTTP along, which takes longer than all other imports.
        from ansible.module_utils.urls import open_url

        try:
            # As it is sent: checksums and announced lengths are of that.
            with _OPENING:
                answer = open_url(url, timeout=STALL_S, http_agent=AGENT, decompress=False)
            with answer, open(path, "wb") as file:
                shutil.copyfileobj(answer, file, CHUNK_BYTES)
                announced = answer.headers.get("Content-Length")
                size = file.tell()
        except HTTPError as error:
            error.close()
            raise HostError(f"{url} cannot be fetched: {error}") from error
        except Exception as error:  # what the server, TLS and urllib can raise has no common base
            raise HostError(f"{url} cannot be fetched: {error}") from error
        if announced is not None and announced.strip() != str(size):
            raise HostError(f"{url} announced {announced} bytes and sent {size}")

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
