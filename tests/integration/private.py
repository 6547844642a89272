# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Gives this process a view of the machine of its own, in which a daemon can work without touching the machine."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
from pathlib import Path

# From linux/sched.h.
CLONE_NEWNS = 0x00020000
CLONE_NEWNET = 0x40000000

# What libvirt, its guests and the collection write to; the configuration is a copy of the machine's.
EMPTY = (
    "/etc/systemd/system",
    "/run",
    "/var/lib/libvirt",
    "/var/lib/hostforge",
    "/var/lib/swtpm-localca",
    "/var/log",
    "/var/cache/libvirt",
)
COPIED = "/etc/libvirt"
# libvirtd tries every emulator with this device, and where the device does not work each try takes minutes. A file that
# not even root can write to is to libvirt no device at all; one that root can write to makes it try again at each call.
HIDDEN = "/dev/kvm"


def become_private() -> None:
    """Move this process, and with it all that it starts from now on, into new mount and network namespaces.

    In them the folders above are empty, the only network interface is the loopback, and /sys shows that network.
    """
    if os.geteuid() != 0:
        raise PermissionError("the integration tests need root, for a daemon in namespaces of its own")
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNS | CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "new mount and network namespaces cannot be made")
    run("mount", "--make-rprivate", "/")
    run("mount", "-t", "sysfs", "none", "/sys")
    run("ip", "link", "set", "lo", "up")
    for folder in EMPTY:
        cover(folder)
    _copy_settings(Path(COPIED))
    if os.path.exists(HIDDEN):
        Path("/run/no-device").touch()
        run("mount", "--bind", "/run/no-device", HIDDEN)
        run("mount", "-o", "remount,bind,ro", HIDDEN)


def cover(folder: str) -> None:
    """Lay an empty file system in memory over a folder, with the folder's mode and owner."""
    os.makedirs(folder, exist_ok=True)
    found = os.stat(folder)
    run("mount", "-t", "tmpfs", "-o", f"mode={found.st_mode & 0o7777:o}", "none", folder)
    os.chown(folder, found.st_uid, found.st_gid)


def _copy_settings(folder: Path) -> None:
    """The settings as packaged, without the guests, networks and pools of the machine's own libvirt."""
    aside = Path("/run/settings")
    shutil.copytree(folder, aside, symlinks=True)
    cover(str(folder))
    shutil.copytree(aside, folder, symlinks=True, dirs_exist_ok=True)
    for theirs in (aside, folder / "qemu", folder / "storage"):
        shutil.rmtree(theirs, ignore_errors=True)


def run(*command: str, stdin: str = "") -> str:
    """Run a command that must succeed, and return what it printed."""
    done = subprocess.run(command, check=False, input=stdin, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with status {done.returncode}: {done.stderr or done.stdout}")
    return done.stdout
