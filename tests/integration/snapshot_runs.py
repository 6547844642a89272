# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs kvm_snapshot on a guest with two disks, and looks at what the disks hold."""

from __future__ import annotations

import os
import subprocess
from typing import Any

import libvirt

from ansible_collections.hostforge.hypervisor.tests.integration.daemon import POOLS
from ansible_collections.hostforge.hypervisor.tests.integration.private import run
from ansible_collections.hostforge.hypervisor.tests.integration.runs import Result, guest, module, paths, stored

FOLDER = POOLS["default"]
ROOT, DATA = f"{FOLDER}/db1.root.qcow2", f"{FOLDER}/db1.data.qcow2"
DB1: dict[str, Any] = {
    "name": "db1",
    "memory": "128 MiB",
    "disks": [{"name": "root", "size": "64 MiB"}, {"name": "data", "size": "32 MiB"}],
}
GONE = {"name": "db1", "state": "absent", "delete_disks": True}
BASES = ["db1.data.qcow2", "db1.root.qcow2"]
S1 = ["db1.data.s1.qcow2", "db1.root.s1.qcow2"]
S2 = ["db1.data.s2.qcow2", "db1.root.s2.qcow2"]
FORCE = {"restart": "force", "shutdown_timeout": 0}
TAKE = ["create snapshot"]
REMOVE = ["remove snapshot"]
BACK = {"state": "reverted", "discard_newer": True}


def attempt(name: str, check: bool = False, **options: Any) -> Result:
    """Run kvm_snapshot for the guest, whatever comes of it."""
    return module("kvm_snapshot", check, **{"guest": "db1", "name": name, **options})


def snapshot(name: str, **options: Any) -> list[str]:
    """What a check run tells and the run then does: the changes in short."""
    told, done = attempt(name, True, **options), attempt(name, **options)
    assert not told.get("failed"), told["msg"]
    assert not done.get("failed"), done["msg"]
    assert actions(told) == actions(done)
    assert told["diff"] == done["diff"]
    assert done["changed"] == bool(actions(done))
    return actions(done)


def refused(name: str, **options: Any) -> str:
    """A run that must fail before it changes anything, in check mode too; its message."""
    before = everything()
    said = [attempt(name, check, **options) for check in (True, False)]
    assert [result.get("failed") for result in said] == [True, True], said
    assert not any(result.get("changed") for result in said)
    assert said[0]["msg"] == said[1]["msg"]
    assert everything() == before
    return str(said[1]["msg"])


def actions(result: Result) -> list[str]:
    found = [action for entry in result["snapshots"] for action in entry["actions"]]
    return [f"{one['verb']} {one['field']}" for one in found]


def everything() -> tuple[object, ...]:
    """What there is to be spoilt."""
    return (listed(), files(), run("virsh", "dumpxml", "--inactive", "db1"))


def listed() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = module("kvm_snapshot_info", guests=["db1"])["snapshots"]
    return found


def names() -> list[str]:
    return sorted(one["snapshot"] for one in listed())


def files() -> list[str]:
    return sorted(os.listdir(FOLDER))


def tops() -> list[str]:
    """The files that the guest's disks are in."""
    return sorted(os.path.basename(path) for path in paths(stored("db1")))


def write(number: int, path: str = "") -> None:
    """Write a pattern to the place of that number on the root disk of a guest that is off."""
    run("qemu-io", "-c", f"write -q -P {number} {number}M 64k", path or _root())


def holds(*numbers: int, path: str = "") -> bool:
    """Whether the root disk holds just these patterns."""
    return {number for number in range(1, 8) if has(number, number, path or _root())} == set(numbers)


def has(pattern: int, megabyte: int, path: str) -> bool:
    """Whether a pattern is at a place of a disk of a guest that is off."""
    command = ["qemu-io", "-r", "-c", f"read -P {pattern} {megabyte}M 64k", path]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert "read 65536/65536 bytes" in done.stdout, done
    return done.returncode == 0


def _root() -> str:
    return next(path for path in paths(stored("db1")) if path.startswith(f"{FOLDER}/db1.root."))


def make_db1(kvm: libvirt.virConnect) -> libvirt.virDomain:
    """A guest that is off, with two disks of which one holds something."""
    guest(**DB1)
    write(1)
    return kvm.lookupByName("db1")


def unchanged() -> None:
    """The guest is the same guest to kvm_guest, as far as its wish goes."""
    for check in (True, False):
        result = guest(check=check, **DB1)
        assert not result["changed"], result["guests"]


def modes() -> set[str]:
    return {f"{os.stat(f'{FOLDER}/{name}').st_mode & 0o777:o}" for name in files()}
