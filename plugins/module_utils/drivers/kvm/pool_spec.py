# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A storage pool as a value object, the options users write it with, and the way from one to the other."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.reader import CONTROL, NAME, NAME_SAYS, Reader
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.resource import Wish
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.spec import Spec, parse_entries

# What a new pool of each type must be told: https://libvirt.org/storage.html
NEEDS: Mapping[str, tuple[str, ...]] = {
    "dir": ("path",),
    "fs": ("path", "source.device"),
    "netfs": ("path", "source.host", "source.dir"),
    "logical": ("source.name",),
    "disk": ("source.device",),
    "iscsi": ("source.host", "source.device"),
    "mpath": (),
    "zfs": ("source.name",),
}
# Types whose path is a folder of the host, which libvirt makes when it is missing.
FOLDER_TYPES = ("dir", "fs", "netfs")
# Those of them where a file system is mounted on the folder, whose own permissions hold then: libvirt sets none in it.
MOUNT_TYPES = ("fs", "netfs")
# Where pools of the other types show their volumes when nothing is written.
DEFAULT_PATHS = {"logical": "/dev/{name}", "disk": "/dev", "iscsi": "/dev/disk/by-path", "mpath": "/dev/mapper"}
# These become arguments of mount, vgchange and the like.
SOURCE = re.compile(r"(?!-)[^\t\n]{1,1024}")
SOURCE_SAYS = "one line of 1 to 1024 characters is allowed, and no - in front"
ACCOUNT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@-]{0,255}\$?", re.ASCII)
ACCOUNT_SAYS = "a name or a number is allowed"
SOURCE_KEYS = ("device", "host", "dir", "name", "format")

POOL: Spec = {
    "name": {"type": "str"},
    "state": {"type": "str", "choices": ["running", "stopped", "absent"], "default": "running"},
    "type": {"type": "str", "choices": list(NEEDS)},
    "path": {"type": "path"},
    "source": {"type": "dict", "options": {key: {"type": "str"} for key in SOURCE_KEYS}},
    "autostart": {"type": "bool"},
    "mode": {"type": "str"},
    "owner": {"type": "str"},
    "group": {"type": "str"},
    "repoint": {"type": "bool", "default": False},
}


@dataclass(frozen=True)
class Source:
    """Where a pool's storage comes from: a device or a server's export, as libvirt's <source>."""

    device: str | None = None
    host: str | None = None
    dir: str | None = None
    name: str | None = None
    format: str | None = None


@dataclass(frozen=True)
class Pool:
    """A storage pool, as wished (None: left alone) or as found.

    mode: octal digits without leading zeros. owner, group: numbers as text; in a wish a name that the host does not
    know stays a name. repoint belongs to a wish; volumes (None: unknown), persistent (false: gone when stopped) and
    uuid to a state.
    """

    name: str
    state: str = "running"
    type: str | None = None
    path: str | None = None
    source: Source | None = None
    autostart: bool | None = None
    mode: str | None = None
    owner: str | None = None
    group: str | None = None
    repoint: bool | None = None
    volumes: int | None = None
    persistent: bool | None = None
    uuid: str | None = None


def parse_pools(params: Mapping[str, Any], find_id: Callable[[str, str], str]) -> list[Wish[Pool]]:
    """Turn a task's options into wishes. find_id: from ("owner" | "group", name or number) to a number as text."""
    return parse_entries("pool", params, POOL, lambda read: Wish(_pool(read, find_id)))


def _pool(read: Reader, find_id: Callable[[str, str], str]) -> Pool:
    source = read.sub("source") if read.get("source") is not None else None
    return Pool(
        name=read.text("name", NAME, NAME_SAYS) or "",
        state=read.get("state") or "running",
        type=read.get("type"),
        path=read.parsed("path", parse_path),
        source=Source(**{key: source.text(key, SOURCE, SOURCE_SAYS) for key in SOURCE_KEYS}) if source else None,
        autostart=read.get("autostart"),
        mode=read.parsed("mode", parse_mode),
        repoint=read.get("repoint"),
        owner=_id(read, "owner", find_id),
        group=_id(read, "group", find_id),
    )


def _id(read: Reader, key: str, find_id: Callable[[str, str], str]) -> str | None:
    name = read.text(key, ACCOUNT, ACCOUNT_SAYS)
    return None if name is None or not ACCOUNT.fullmatch(name) else find_id(key, name)


def parse_path(text: str) -> str:
    """Normalise a folder's path. Raises ValueError for anything else, and for the root, whose permissions matter."""
    path = os.path.normpath(text)
    if not text.startswith("/") or ".." in text.split("/") or CONTROL.search(text) or "\n" in text:
        raise ValueError("an absolute path of one line without .. is allowed")
    if path.strip("/") == "":
        raise ValueError("the root of all files is no pool; name a folder in it")
    return f"/{path.strip('/')}"


def parse_mode(text: str) -> str:
    """Normalise octal permissions. Raises ValueError for anything else."""
    if not re.fullmatch("0?[0-7]{3}", text):
        raise ValueError("permissions are three octal digits in quotes, as in '0755'")
    return text.lstrip("0") or "0"
