# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known of a VM between commands: one JSON file in its folder."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .contents import USER
from .errors import TestbedError
from .keys import private_key
from .names import checked
from .paths import vms_folder, write_atomically
from .process import Identity, alive

_FILE = "vm.json"
ADDRESS = "127.0.0.1"


@dataclass(frozen=True)
class Record:
    """A VM that was started: its image's folder, its ssh port on 127.0.0.1, its process."""

    name: str
    image: str
    port: int
    process: Identity

    @property
    def folder(self) -> Path:
        return folder_of(self.name)

    @property
    def serial(self) -> Path:
        return self.folder / "serial.log"

    @property
    def running(self) -> bool:
        return alive(self.process)

    def public(self) -> dict[str, Any]:
        """What callers get as JSON."""
        return {
            "name": self.name,
            "state": "running" if self.running else "stopped",
            "image": Path(self.image).name,
            "address": ADDRESS,
            "port": self.port,
            "user": USER,
            "key": str(private_key()),
            "serial": str(self.serial),
            "pid": self.process.pid,
        }


def folder_of(name: str) -> Path:
    return vms_folder() / checked(name)


def save(record: Record) -> None:
    write_atomically(record.folder / _FILE, json.dumps(dataclasses.asdict(record)))


def load(name: str) -> Record | None:
    """None when there is no such VM, or only the remains of an interrupted start."""
    try:
        fields = json.loads((folder_of(name) / _FILE).read_text())
    except (FileNotFoundError, NotADirectoryError):
        return None
    return Record(fields["name"], fields["image"], fields["port"], Identity(**fields["process"]))


def existing(name: str) -> Record:
    record = load(name)
    if record is None:
        raise TestbedError(f"there is no VM {name!r}; `python3 -m testbed list` shows those there are")
    return record


def everyone() -> Iterator[Record]:
    for path in sorted(vms_folder().glob(f"*/{_FILE}")):
        record = load(path.parent.name)
        if record is not None:
            yield record
