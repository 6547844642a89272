# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes what a command runs in, system packages and a Python environment keyed by its lock file; prints its folder.

Run as `python3 tests/runner/environment.py test` by bin/test, and with `demo` by bin/demo. Nothing but the standard
library is imported here, because this runs before there is anything else. What is said goes to standard error.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
COLLECTION = Path("ansible_collections/hostforge/hypervisor")
LOCK = CHECKOUT / "tests/requirements.txt"
# What each command runs in: the lock file, and the groups of system packages.
COMMANDS = {"test": (LOCK, ("compile",)), "demo": (CHECKOUT / "tests/requirements-demo.txt", ("vm",))}
PACKAGES = CHECKOUT / "tests/packages.txt"
OLDEST = (3, 11)
APT = ("apt-get", "-q", "-y", "-o", "DPkg::Lock::Timeout=600")


class Unavailable(Exception):
    """The environment cannot be made; the text says what the user can do."""


def say(text: str) -> None:
    """Say what is going on."""
    print(f"environment| {text}", file=sys.stderr, flush=True)


def cache_root() -> Path:
    """The folder for all that is worth keeping between runs."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("HOSTFORGE_CACHE") or Path(cache) / "hostforge").absolute()


def ensure(groups: Sequence[str] = (), lock: Path = LOCK) -> Path:
    """The folder of a Python environment that holds what the lock file names; made when there is none.

    The system packages of the groups, and of the group base, are there too when this returns.
    """
    ensure_packages(groups)
    cache = cache_root()
    with alone(cache / "environment.lock"):
        python = find_python()
        version = subprocess.run([python, "-VV"], check=True, capture_output=True, text=True).stdout
        key = hashlib.sha256(version.encode() + lock.read_bytes()).hexdigest()[:16]
        target = cache / "environments" / key
        if not (target / "complete").exists():
            make(python, target, lock)
    return target


def ensure_packages(groups: Sequence[str]) -> None:
    """Install what is missing of the groups, and of the group base."""
    with alone(cache_root() / "environment.lock"):
        install(missing(wanted(PACKAGES.read_text(), groups)))


def link_collection() -> Path:
    """A folder in which the collection is the checkout itself, whatever the checkout's own folder is called."""
    digest = hashlib.sha256(os.fsencode(CHECKOUT)).hexdigest()[:12]
    link = cache_root() / f"collections-{digest}" / COLLECTION
    link.parent.mkdir(parents=True, exist_ok=True)
    if not link.is_symlink():
        link.symlink_to(CHECKOUT)
    return link


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Wait until no other command installs."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def wanted(text: str, groups: Sequence[str]) -> list[str]:
    """The packages of some groups, from lines of group and package."""
    lines = (line.split() for line in text.splitlines() if line and not line.startswith("#"))
    return sorted({package for group, package in lines if group in {"base", *groups}})


def missing(packages: list[str]) -> list[str]:
    """Those packages that dpkg does not know as installed; none where there is no dpkg to ask."""
    if not shutil.which("dpkg-query"):
        return []
    query = ["dpkg-query", "--show", "--showformat", "${Package} ${db:Status-Status}\n", *packages]
    shown = subprocess.run(query, check=False, capture_output=True, text=True).stdout
    return sorted(set(packages) - {line.split()[0] for line in shown.splitlines() if line.endswith(" installed")})


def install(packages: list[str]) -> None:
    """Install system packages, or say which ones somebody has to install."""
    if not packages:
        return
    names = " ".join(packages)
    if os.geteuid() != 0:
        raise Unavailable(f"as root, run: apt-get install --no-install-recommends {names}")
    say(f"installing system packages: {names}")
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run([*APT, "update"], check=True, env=environment, stdout=sys.stderr)
    command = [*APT, "install", "--no-install-recommends", *packages]
    subprocess.run(command, check=True, env=environment, stdout=sys.stderr)


def find_python() -> str:
    """The first Python that is new enough for the locked packages."""
    for candidate in (sys.executable, "python3", "python3.13", "python3.12", "python3.11"):
        test = [
            candidate,
            "-c",
            f"import sys, venv; print(sys._base_executable); sys.exit(sys.version_info < {OLDEST})",
        ]
        if shutil.which(candidate):
            answer = subprocess.run(test, check=False, capture_output=True, text=True)
            if answer.returncode == 0:
                return answer.stdout.strip()
    raise Unavailable(f"Python {OLDEST[0]}.{OLDEST[1]} or newer is needed, with its venv module")


def make(python: str, target: Path, lock: Path) -> None:
    """Make an environment; it counts once its last file, `complete`, is there."""
    say(f"making the Python environment {target} from {lock.name} (once; about a minute)")
    shutil.rmtree(target, ignore_errors=True)
    subprocess.run([python, "-m", "venv", str(target)], check=True, stdout=sys.stderr)
    pip = [str(target / "bin/python"), "-m", "pip", "install", "--disable-pip-version-check", "--no-input", "-qq"]
    options = ["--no-compile", "--require-hashes", "--requirement", str(lock)]
    subprocess.run([*pip, *options], check=True, stdout=sys.stderr)
    (target / "complete").touch()


@contextmanager
def explained() -> Iterator[None]:
    """End the command, with what has to be done first, when something cannot be made."""
    try:
        yield
    except (Unavailable, subprocess.CalledProcessError) as error:
        say(str(error))
        sys.exit(2)


def launch(command: str, module: str, folders: Sequence[str]) -> None:
    """Become a Python module, with the caller's arguments, in the environment of a command.

    The module is found in the folders, and told how long the environment took: HOSTFORGE_<COMMAND>_SECONDS.
    """
    started = time.monotonic()
    lock, groups = COMMANDS[command]
    with explained():
        tools = ensure(groups, lock) / "bin"
    os.environ["HOSTFORGE_CACHE"] = str(cache_root())
    os.environ["PATH"] = f"{tools}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    os.environ["PYTHONPATH"] = os.pathsep.join(str(CHECKOUT / folder) for folder in folders)
    os.environ[f"HOSTFORGE_{command.upper()}_SECONDS"] = f"{time.monotonic() - started:.0f}"
    sys.stdout.flush()
    os.execv(tools / "python", [str(tools / "python"), "-uB", "-m", module, *sys.argv[1:]])
