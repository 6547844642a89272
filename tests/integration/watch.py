# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Watches a run for secrets: its system log, the command lines of all processes, and the modes of files at work."""

from __future__ import annotations

import os
import shutil
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from ansible_collections.hostforge.hypervisor.tests.integration.private import run

DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
LINKS = {"fd": "/proc/self/fd", "stdin": "fd/0", "stdout": "fd/1", "stderr": "fd/2"}
# What the collection runs; each is put behind a script that notes its arguments, and how its files are guarded.
TOOLS = ("xorrisofs", "qemu-img", "cp", "chmod", "rmdir", "ip")
SCRIPT = """#!/bin/sh
printf '%s\\n' "$0 $*" >>{notes}/arguments
for one in "$@"; do case $one in /*) stat -c '%a %n' "$one" "${{one%/*}}" >>{notes}/modes 2>/dev/null;; esac; done
exec {real} "$@"
"""


@dataclass
class Watched:
    """What was seen: messages to the system log, and command lines of processes."""

    folder: Path
    log: list[str] = field(default_factory=list)
    lines: set[str] = field(default_factory=set)

    @property
    def arguments(self) -> str:
        """The command lines of the tools that the collection ran."""
        return (self.folder / "arguments").read_text()

    @property
    def modes(self) -> list[tuple[int, str]]:
        """The modes of the files that those were given, and of their folders, at that moment."""
        pairs = (line.split(" ", 1) for line in (self.folder / "modes").read_text().splitlines())
        return [(int(mode, 8), path) for mode, path in pairs]

    @property
    def path(self) -> str:
        """The search path with the scripts in front."""
        return f"{self.folder}/tools:{os.environ['PATH']}"

    def inside(self, command: list[str]) -> list[str]:
        """A command as it has to be run for its system log to be seen."""
        return ["unshare", "-m", "sh", "-c", f'mount --rbind {self.folder}/dev /dev && exec "$@"', "sh", *command]


@contextmanager
def watching(folder: Path) -> Iterator[Watched]:
    """Watch what happens meanwhile. folder: an empty one, for the watcher's own things."""
    watched = Watched(folder)
    _make_tools(folder)
    _make_devices(folder / "dev")
    log = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    log.bind(str(folder / "dev" / "log"))
    log.settimeout(0.2)
    done = threading.Event()
    threads = [
        threading.Thread(target=_read_log, args=(log, watched.log, done)),
        threading.Thread(target=_read_processes, args=(watched.lines, done)),
    ]
    for thread in threads:
        thread.start()
    try:
        yield watched
    finally:
        done.set()
        for thread in threads:
            thread.join()
        log.close()
        run("umount", str(folder / "dev"))


def _make_tools(folder: Path) -> None:
    (folder / "tools").mkdir()
    for name in TOOLS:
        script = folder / "tools" / name
        script.write_text(SCRIPT.format(notes=folder, real=shutil.which(name)))
        script.chmod(0o755)


def _make_devices(folder: Path) -> None:
    """A folder of devices with a system log of its own; the machine's stays as it is."""
    folder.mkdir()
    run("mount", "-t", "tmpfs", "none", str(folder))
    for name in DEVICES:
        run("cp", "-a", f"/dev/{name}", str(folder / name))
    for name, target in LINKS.items():
        (folder / name).symlink_to(target)
    (folder / "shm").mkdir()


def _read_log(log: socket.socket, found: list[str], done: threading.Event) -> None:
    while not done.is_set():
        with suppress(TimeoutError):
            found.append(log.recv(2**20).decode(errors="replace"))


def _read_processes(found: set[str], done: threading.Event) -> None:
    while not done.wait(0.005):
        for process in Path("/proc").glob("[0-9]*"):
            for name in ("cmdline", "environ"):
                with suppress(OSError):
                    found.add((process / name).read_bytes().decode(errors="replace"))
