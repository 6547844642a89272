# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the programs the test bed needs, and says which Debian package brings a missing one."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from .errors import TestbedError

PACKAGES: Mapping[str, str] = {
    "apt-config": "apt",
    "apt-get": "apt",
    "grub-mkimage": "grub-common",
    "journalctl": "systemd",
    "mke2fs": "e2fsprogs",
    "mmdebstrap": "mmdebstrap",
    "newuidmap": "uidmap",
    "qemu-img": "qemu-utils",
    "qemu-system-x86_64": "qemu-system-x86",
    "ssh": "openssh-client",
    "ssh-keygen": "openssh-client",
    "tar": "tar",
    "unshare": "util-linux",
    "xz": "xz-utils",
    "zstd": "zstd",
}

# An ordinary user's PATH lacks these, and mke2fs lives there.
_SEARCH = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"))


def find(program: str) -> str:
    """The path of a program; an error that names its package if there is none."""
    path = shutil.which(program, path=_SEARCH)
    if path is None:
        package = PACKAGES.get(program, program)
        raise TestbedError(f"the program {program} is missing; install it with: apt-get install {package}")
    return path


def run(arguments: Sequence[str | Path], log: Path | None = None) -> str:
    """Run a program to its end and return what it printed; its words go into the error when it fails."""
    command = [find(str(arguments[0])), *map(str, arguments[1:])]
    done = subprocess.run(
        command,
        check=False,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        env={**os.environ, "LC_ALL": "C.UTF-8", "PATH": _SEARCH},
    )
    if log is not None:
        log.write_text(f"{command}\n{done.stdout}{done.stderr}")
    if done.returncode != 0:
        tail = "\n".join((done.stdout + done.stderr).splitlines()[-15:])
        raise TestbedError(f"{arguments[0]} failed with exit code {done.returncode}:\n{tail}")
    return done.stdout
