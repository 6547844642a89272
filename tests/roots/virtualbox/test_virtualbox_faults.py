# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SIGKILL of a run with snapshots, or of VirtualBox's service, before any single step: a plain rerun makes it good.

They are VirtualBox of another user than that of the other tests, as far as VirtualBox knows, in a process of their own.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.hostforge.hypervisor.tests.integration.runs import arguments, module
from ansible_collections.hostforge.hypervisor.tests.roots.virtualbox import host, killed_run

HOME = Path("/srv/faults")
KEPT = Path("/srv/kept")
PLACES = {"disk_dir": f"{HOME}/disks", "seed_dir": f"{HOME}/seeds", "image_cache": f"{HOME}/images"}
IMAGE = "/srv/fault-image.qcow2"
VBOXMANAGE = "/usr/lib/virtualbox/VBoxManage"
ROOT = {"name": "root", "size": "24 MiB", "image": {"source": IMAGE}}
DB1: dict[str, Any] = {
    "name": "db1",
    "disks": [ROOT, {"name": "data", "size": "8 MiB"}],
    "cloud_init": {"user_data": {"hostname": "db1"}},
    **PLACES,
}
S1 = {"guest": "db1", "name": "s1"}
_UUID = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True)
class Story:
    """What was done before, and what is killed: modules with their options."""

    before: tuple[tuple[str, Mapping[str, Any]], ...]
    work: tuple[str, Mapping[str, Any]]


MADE = ("virtualbox_guest", DB1)
TAKEN = ("virtualbox_snapshot", S1)
STORIES = {
    "take": Story((MADE,), TAKEN),
    "revert": Story((MADE, TAKEN), ("virtualbox_snapshot", {**S1, "state": "reverted", "discard_newer": True})),
    "delete": Story((MADE, TAKEN), ("virtualbox_snapshot", {**S1, "state": "absent"})),
}


@pytest.fixture(autouse=True)
def place(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A home of VirtualBox that is nobody else's, and an image."""
    monkeypatch.setenv(killed_run.IPC, "faults")
    monkeypatch.setenv("VBOX_USER_HOME", f"{HOME}/config")
    _clean()
    host.make_disk(IMAGE, "qcow2", 16 * host.MIB)
    for folder in ("machines", "config", *PLACES):
        os.makedirs(f"{HOME}/{folder.partition('_')[0]}", exist_ok=True)
    os.makedirs(PLACES["disk_dir"], exist_ok=True)
    subprocess.run([VBOXMANAGE, "setproperty", "machinefolder", f"{HOME}/machines"], check=True, timeout=60)
    yield
    _clean()


def _clean() -> None:
    killed_run.kill_service()
    for folder in (HOME, KEPT):
        shutil.rmtree(folder, ignore_errors=True)


def did(name: str, options: Mapping[str, Any]) -> list[str]:
    """What a run changed."""
    result = module(name, **options)
    assert not result.get("failed"), result["msg"]
    key = "guests" if "guests" in result else "snapshots"
    return [f"{one['verb']} {one['field']}" for entry in result[key] for one in entry["actions"]]


def keep() -> None:
    """Keep the host as it is now."""
    killed_run.kill_service()
    shutil.copytree(HOME, KEPT, symlinks=True)


def restore() -> None:
    """The host as it was kept."""
    killed_run.kill_service()
    shutil.rmtree(HOME)
    shutil.copytree(KEPT, HOME, symlinks=True)


def look() -> list[str]:
    """The guests, their snapshots, the media that are registered and the files, without what is new each time."""
    guests = module("virtualbox_guest_info", disk_dir=PLACES["disk_dir"])["guests"]
    # Most stories are of guests that have none, which is told with the guests.
    snapshots = module("virtualbox_snapshot_info")["snapshots"] if any(one.get("snapshots") for one in guests) else []
    # VirtualBox calls a guest aborted whose editor died.
    hidden = {"uuid", "nics", "taken", "machine_state"}
    told = [
        f"{one.get('snapshot', one.get('name'))}: {key}: {json.dumps(value, sort_keys=True)}"
        for one in [*guests, *snapshots]
        for key, value in one.items()
        if key not in hidden
    ]
    media = [
        line
        for path in (*HOME.rglob("*.vbox"), HOME / "config/VirtualBox.xml")
        for line in path.read_text().splitlines()
        if "location=" in line
    ]
    kinds = (".vbox", ".vdi", ".iso", ".part", ".layer")
    files = [str(path) for path in HOME.rglob("*") if path.is_file() and path.suffix in kinds]
    return [_UUID.sub("UUID", line) for line in (*told, *media, *files)]


def killed_before(number: int, victim: str, work: tuple[str, Mapping[str, Any]]) -> str:
    """Kill before a step; which that was, empty when there is no such step."""
    name, options = work
    command = [sys.executable, "-m", killed_run.__name__, str(number), victim, name]
    done = subprocess.run(command, input=arguments(False, **options), capture_output=True, timeout=300, check=False)
    said = done.stderr.decode()
    if killed_run.DONE in said:
        assert done.returncode == 0, done.stdout
        return ""
    assert "killed before" in said, (said, done.stdout)
    if victim == "service":
        # It tells what became of it, whatever that is.
        assert {"changed", "failed"} & set(json.loads(done.stdout)), done.stdout
    return said.splitlines()[0]


@pytest.mark.parametrize("victim", ["run", "service"])
@pytest.mark.parametrize("name", STORIES)
def test_a_rerun_makes_good_whatever_was_killed(name: str, victim: str) -> None:
    story = STORIES[name]
    for one in story.before:
        did(*one)
    keep()
    assert did(*story.work)
    expected, number = look(), 0
    while True:
        restore()
        step = killed_before(number, victim, story.work)
        if not step:
            break
        did(*story.work)
        now = look()
        extra, missing = (sorted(set(one) - set(other)) for one, other in ((now, expected), (expected, now)))
        assert (extra, missing) == ([], []), f"{victim} {number} {step}"
        number += 1
    assert number > 0
