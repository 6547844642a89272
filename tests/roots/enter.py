# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes a root filesystem this process's own, with the checkout and the test's Python packages in it."""

from __future__ import annotations

import os
import sysconfig
import tempfile
from pathlib import Path
from typing import NoReturn

from ansible_collections.hostforge.hypervisor.molecule.shared.testbed.paths import cache_root
from ansible_collections.hostforge.hypervisor.tests.integration.private import run

INSIDE = "--inside"
DEVICES = ("full", "null", "random", "tty", "urandom", "zero")
CHECKOUT = Path(__file__).resolve().parents[2]


def become_root(name: str, root: str, arguments: list[str]) -> NoReturn:
    """Run pytest with the root's own Python, as a module runs on a host. What it writes goes with its namespaces."""
    run("mount", "--make-rprivate", "/")
    run("ip", "link", "set", "lo", "up")
    packages = sysconfig.get_paths()["purelib"]
    top = _layered(root)
    for path in (CHECKOUT, cache_root()):
        _bind(path, top)
    os.chroot(top)
    os.chdir("/")
    found = os.environ["PYTHONPATH"]
    environment = {
        **{key: os.environ[key] for key in ("HOSTFORGE_CACHE", "LC_ALL", "PATH") if key in os.environ},
        "HOME": "/root",
        "PYTHONPATH": f"{found}{os.pathsep}{packages}",
        "PYTHONDONTWRITEBYTECODE": "1",
        # Of the packages' plugins some are for the machine's Python alone.
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
    }
    folder = Path(found) / "ansible_collections/hostforge/hypervisor/tests/roots" / name
    # What is old-fashioned in the root's libraries is not ours, and bindings in C break when a warning is an error.
    quiet = ["-W", "ignore::DeprecationWarning", "-p", "no:cacheprovider"]
    command = ["python3", "-m", "pytest", *quiet, *arguments, str(folder)]
    os.execve("/usr/bin/python3", command, environment)


def _layered(root: str) -> str:
    """The root with a layer in memory over it, and with devices that are only the harmless ones."""
    work = tempfile.mkdtemp(prefix="hostforge-root-")
    run("mount", "-t", "tmpfs", "none", work)
    upper, lower, top = (os.path.join(work, part) for part in ("upper", "lower", "top"))
    for folder in (upper, lower, top):
        os.mkdir(folder)
    run("mount", "-t", "overlay", "overlay", "-o", f"lowerdir={root},upperdir={upper},workdir={lower}", top)
    run("mount", "-t", "proc", "proc", f"{top}/proc")
    run("mount", "-t", "sysfs", "-o", "ro", "sysfs", f"{top}/sys")
    for folder in ("dev", "tmp", "run"):
        run("mount", "-t", "tmpfs", "-o", f"mode={'1777' if folder == 'tmp' else '755'}", "none", f"{top}/{folder}")
    os.mkdir(os.path.join(top, "dev", "shm"))
    for device in DEVICES:
        Path(f"{top}/dev/{device}").touch()
        run("mount", "--bind", f"/dev/{device}", f"{top}/dev/{device}")
    os.symlink("/proc/self/fd", f"{top}/dev/fd")
    return top


def _bind(path: Path, top: str) -> None:
    target = f"{top}{path}"
    os.makedirs(target, exist_ok=True)
    run("mount", "--bind", str(path), target)
