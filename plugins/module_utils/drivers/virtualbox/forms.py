# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What may be written under C(virtualbox:), in normal form. Each raises ValueError with what is allowed."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

_GROUP = re.compile(r"(?:/[^/\x00-\x1f,:\\*?\"<>|]{1,200}){1,10}")
_OSTYPE = re.compile(r"[A-Za-z0-9_]{1,64}", re.ASCII)
_SERIAL = re.compile(r"none|(?:file|pipe|device):/[^\x00-\x1f]{1,4000}|tcp:[0-9]{1,5}")
_KEY = re.compile(r"[!-~]{1,255}", re.ASCII)
_LINE = re.compile(r"[^\x00-\x1f\x7f]{0,4096}")
_FOLDER = re.compile(r"[^/\x00-\x1f\\]{1,128}")
OURS = "hostforge/"


@dataclass(frozen=True, order=True)
class SharedFolder:
    """A folder of the host that the guest has."""

    name: str
    path: str
    writable: bool = False
    automount: bool = False


def groups(value: Any) -> tuple[str, ...]:
    """The groups of a guest, sorted."""
    for group in value:
        if not isinstance(group, str) or not _GROUP.fullmatch(group) or {".", ".."} & set(group.split("/")):
            raise ValueError("groups such as /web or /web/front are allowed")
    return tuple(sorted(set(value)))


def ostype(value: Any) -> str:
    """The type of the guest's system. Whether VirtualBox knows it is for the host to say."""
    if not _OSTYPE.fullmatch(str(value)):
        raise ValueError("an identifier of VBoxManage list ostypes is allowed, such as Debian12_64")
    return str(value)


def serial(value: Any) -> str:
    """Where the first serial port leads to."""
    text = str(value)
    if not _SERIAL.fullmatch(text) or (text.startswith("tcp:") and not 0 < int(text[4:]) < 65536):
        raise ValueError("none, file:PATH, pipe:PATH, device:PATH with absolute paths, or tcp:PORT is allowed")
    return text


def extradata(value: Any) -> tuple[tuple[str, str], ...]:
    """Keys of extra data, sorted, with their values; an empty text is for no such key."""
    found: dict[str, str] = {}
    for key, item in dict(value).items():
        text = str(int(item)) if isinstance(item, bool) else str(item)
        if not isinstance(key, str) or not _KEY.fullmatch(key) or key.startswith(OURS):
            raise ValueError(f"keys of letters, digits and signs are allowed, which do not begin with {OURS}")
        if isinstance(item, (dict, list)) or not _LINE.fullmatch(text):
            raise ValueError(f"{key}: a text of one line, a number, true or false is allowed")
        found[key] = text
    return tuple(sorted(found.items()))


def shared_folders(value: Any) -> tuple[SharedFolder, ...]:
    """All folders that the guest shares with its host, sorted by their names."""
    found: dict[str, SharedFolder] = {}
    for one in value:
        name, path = str(one["name"]), str(one["path"])
        if not _FOLDER.fullmatch(name) or not path.startswith("/") or name in found:
            raise ValueError("entries with a name, which no other has, and an absolute path on the host are allowed")
        writable, automount = bool(one.get("writable")), bool(one.get("automount"))
        found[name] = SharedFolder(name, os.path.normpath(path), writable, automount)
    return tuple(found[name] for name in sorted(found))


FORMS: Mapping[str, Callable[[Any], Any]] = {
    "groups": groups,
    "ostype": ostype,
    "serial": serial,
    "extradata": extradata,
    "shared_folders": shared_folders,
}
