# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A storage pool as a value object, the options users write it with, and the way from one to the other."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.engine import Wish
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import SpecError
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.parse import NAME, NAME_SAYS, Reader

Spec = dict[str, dict[str, Any]]
Item = TypeVar("Item")

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
# Types whose path is a folder of the host, which libvirt makes when it is missing and whose permissions it can set.
FOLDER_TYPES = ("dir", "fs", "netfs")
# Where pools of the other types show their volumes when nothing is written.
DEFAULT_PATHS = {"logical": "/dev/{name}", "disk": "/dev", "iscsi": "/dev/disk/by-path", "mpath": "/dev/mapper"}
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


def entry_spec(options: Spec) -> Spec:
    """The same options as entries of a list: the defaults come from the task, the name from the entry."""
    bare = {key: {k: v for k, v in option.items() if k != "default"} for key, option in options.items()}
    return {**bare, "name": {**bare["name"], "required": True}}


def merge(params: Mapping[str, Any], key: str, options: Spec) -> list[dict[str, Any]]:
    """The entries of a task's list, each with the task's own options as defaults; the task itself without a list."""
    own = {name: params.get(name) for name in options}
    entries = params.get(key)
    if entries is None:
        return [own]
    return [{**own, **{name: value for name, value in entry.items() if value is not None}} for entry in entries]


def wishes_of(kind: str, entries: Iterable[dict[str, Any]], parse: Callable[[Reader], Wish[Any]]) -> list[Wish[Any]]:
    """Parse every entry. Raises SpecError with all that is wrong in all of them, each line naming its entry."""
    errors: list[str] = []
    wishes: list[Wish[Any]] = []
    for entry in entries:
        reader = Reader(entry)
        wishes.append(parse(reader))
        errors += [f"{kind} {entry.get('name')}: {error}" for error in reader.errors]
    names = [wish.item.name for wish in wishes]
    twice = sorted({name for name in names if names.count(name) > 1})
    errors += [f"{kind} {name}: is listed more than once; each name may be there once" for name in twice]
    if errors:
        raise SpecError(errors)
    return wishes


def parse_pools(params: Mapping[str, Any], find_id: Callable[[str, str], str]) -> list[Wish[Pool]]:
    """Turn a task's options into wishes. find_id: from ("owner" | "group", name or number) to a number as text."""
    return wishes_of("pool", merge(params, "pools", POOL), lambda reader: Wish(_pool(reader, find_id)))


def _pool(read: Reader, find_id: Callable[[str, str], str]) -> Pool:
    source = read.sub("source") if read.get("source") is not None else None
    path = read.text("path", re.compile("/.*"), "an absolute path is allowed")
    return Pool(
        name=read.text("name", NAME, NAME_SAYS) or "",
        state=read.get("state") or "running",
        type=read.get("type"),
        path=path.rstrip("/") or "/" if path else None,
        source=Source(**{key: source.text(key) for key in SOURCE_KEYS}) if source else None,
        autostart=read.get("autostart"),
        mode=read.parsed("mode", parse_mode),
        repoint=read.get("repoint"),
        owner=_id(read, "owner", find_id),
        group=_id(read, "group", find_id),
    )


def _id(read: Reader, key: str, find_id: Callable[[str, str], str]) -> str | None:
    name = read.get(key)
    return None if name is None else find_id(key, name)


def parse_mode(text: str) -> str:
    """Normalise octal permissions. Raises ValueError for anything else."""
    if not re.fullmatch("0?[0-7]{3}", text):
        raise ValueError("permissions are three octal digits in quotes, as in '0755'")
    return text.lstrip("0") or "0"
