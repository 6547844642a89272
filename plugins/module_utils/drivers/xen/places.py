# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where on a host Xen's tools keep what they know of guests: definitions, links to start them by, and saved memory."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence

from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import HostError
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.host import Host
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Autostart

CONFIGS = "/etc/xen"
AUTO = "/etc/xen/auto"
SETTINGS = ("/etc/default/xendomains", "/etc/sysconfig/xendomains")
SAVED = "/var/lib/xen/save"
_SAVE_DIR = re.compile(r"""^\s*XENDOMAINS_SAVE=["']?([^"'\s]*)""", re.MULTILINE)
PATHS_AT_ONCE = 500


def config_path(name: str) -> str:
    """Where the definition of a new guest belongs."""
    return f"{CONFIGS}/{name}.cfg"


def link_path(autostart: Autostart, path: str) -> str:
    """The link by which xendomains starts a guest, which it does in the order of the links' names."""
    name = os.path.basename(path)
    return f"{AUTO}/{name if autostart.order is None else f'{autostart.order:04d}-{name}'}"


def auto_links(host: Host) -> dict[str, str]:
    """What is in the folder of links, and where each of it leads."""
    return realpaths(host, [f"{AUTO}/{name}" for name in host.list_dir(AUTO)])


def starts(link: str) -> bool:
    """Whether what is in the folder of links starts with the host: what is hidden does not."""
    return not os.path.basename(link).startswith(".")


def realpaths(host: Host, paths: Sequence[str]) -> dict[str, str]:
    """Paths without links, in one command for many."""
    found: list[str] = []
    for begin in range(0, len(paths), PATHS_AT_ONCE):
        end = begin + PATHS_AT_ONCE
        found += host.run(["readlink", "-m", "-z", "--", *paths[begin:end]]).split("\0")[:-1]
    # A name that is no UTF-8 does not come back as it was given.
    return {path: path if "\ufffd" in real else real for path, real in zip(paths, found)}


def save_dir(host: Host) -> str:
    """The folder that xendomains saves guests in when the host shuts down."""
    texts = [text for text in (text_of(host, path) for path in SETTINGS) if text]
    found = [match[1] for text in texts for match in _SAVE_DIR.finditer(text)]
    return found[-1] if found and found[-1] else SAVED


def text_of(host: Host, path: str) -> str | None:
    """A file's text, byte for byte; None when it is not there."""
    found = host.info(path)
    if found is None or found.kind != "file":
        return None
    try:
        return host.read_file(path).decode("utf-8", "surrogateescape")
    except HostError:
        return None  # it went meanwhile
