# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What belongs to the machine at hand and so to no commit: the hosts that its packages come from, and its paths."""

from __future__ import annotations

import os
import pwd
import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

# Everybody's package hosts, in pieces, so that this file is not the first to break its own rule.
WELL_KNOWN = [
    ".".join(pieces)
    for pieces in (
        ("deb", "debian", "org"),
        ("security", "debian", "org"),
        ("snapshot", "debian", "org"),
        ("pypi", "org"),
        ("files", "pythonhosted", "org"),
        ("registry", "npmjs", "org"),
        ("registry", "yarnpkg", "com"),
    )
]
# Top folders that every machine has: to name one of them says nothing about this one.
COMMON = {"", "etc", "home", "mnt", "opt", "root", "run", "srv", "tmp", "usr", "var"}
LOOPBACK = {"localhost", "127.0.0.1"}


def hosts_in(text: str) -> set[str]:
    """The hosts of all web addresses in a text, without user, password and port."""
    return {host.lower() for host in re.findall(r"https?://(?:[^/\s@'\"]*@)?([\w.-]+)", text)} - LOOPBACK


def package_hosts() -> set[str]:
    """The hosts that this machine's apt, pip and npm are set up with, and everybody's."""
    home = Path(pwd.getpwuid(os.getuid()).pw_dir)
    files = [Path("/etc/apt/sources.list"), *Path("/etc/apt/sources.list.d").glob("*"), home / ".npmrc"]
    files += [Path("/etc/pip.conf"), home / ".pip/pip.conf", home / ".config/pip/pip.conf", Path("/etc/npmrc")]
    texts = [file.read_text(errors="replace") for file in files if os.access(file, os.R_OK) and file.is_file()]
    pip = [sys.executable, "-m", "pip", "config", "list"]
    texts.append(subprocess.run(pip, check=True, capture_output=True, text=True).stdout)
    settings = (value for name, value in os.environ.items() if name.upper().startswith(("PIP_", "NPM_")))
    return hosts_in("\n".join([*texts, *settings])) | set(WELL_KNOWN)


def host_patterns(hosts: Iterable[str]) -> list[str]:
    """Patterns that find these hosts, and not hosts whose names merely end alike."""
    return [rf"(?<![\w.-]){re.escape(host)}(?![\w-])" for host in sorted(hosts)]


def path_patterns(checkout: Path, home: Path) -> list[str]:
    """Patterns that find paths of this machine: its checkout, its user's own files."""
    patterns = [re.escape(str(checkout)), rf"{re.escape(str(home))}/[a-z]"]
    top = checkout.parts[1] if len(checkout.parts) > 1 else ""
    if top not in COMMON:
        patterns.append(rf"(?<![\w.])/{re.escape(top)}/[a-z.]")
    return patterns
