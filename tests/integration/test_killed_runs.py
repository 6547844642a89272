# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run that is killed at any moment leaves nothing that the next run does not finish or clear away."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

import libvirt
import pytest

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm import ledger
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.ledger import Entry
from ansible_collections.hostforge.hypervisor.tests.integration.daemon import POOLS
from ansible_collections.hostforge.hypervisor.tests.integration.private import run
from ansible_collections.hostforge.hypervisor.tests.integration.runs import (
    EMULATED,
    define,
    ended,
    guest,
    mend,
    paths,
    start,
    stored,
    virsh,
)

KILLS = 6
IMAGE = "/var/lib/hostforge/base.qcow2"
FOLDER = Path(POOLS["default"])
SEEDS = Path("/var/lib/hostforge/seeds")
CACHE = Path("/var/lib/hostforge/images")
WISH: dict[str, Any] = {
    "name": "db1",
    "kvm": EMULATED,
    "memory": "128 MiB",
    "disks": [
        {"name": "root", "size": "96 MiB", "image": {"source": IMAGE, "copy": "full"}},
        {"name": "thin", "size": "96 MiB", "image": {"source": IMAGE}},
        {"name": "data", "size": "32 MiB"},
    ],
    "nics": [{"network": "default"}],
    "cloud_init": {"user_data": {"hostname": "db1"}},
    "autostart": True,
}
EDITED: dict[str, Any] = {
    **WISH,
    "description": "edited",
    "memory": "160 MiB",
    "vcpus": 2,
    "disks": [
        {"name": "root", "size": "128 MiB"},
        {"name": "more", "size": "96 MiB", "image": {"source": IMAGE, "copy": "full"}},
    ],
    "nics": [{"network": "default"}, {"network": "second"}],
    "cloud_init": {"user_data": {"hostname": "another"}},
    "autostart": False,
    "delete_disks": True,
}
GONE = {"name": "db1", "state": "absent", "delete_disks": True}


@pytest.fixture
def image(kvm: libvirt.virConnect) -> None:
    """An image with some content, so that a copy of it takes a moment."""
    run("qemu-img", "create", "-q", "-f", "qcow2", IMAGE, "64M")
    run("qemu-io", "-f", "qcow2", "-c", "write -q -P 0x5a 0 48M", IMAGE)


def kill(after_s: float, group: bool, **options: Any) -> None:
    """Kill a run after a while: the module alone, as when memory runs out, or with the commands it has started."""
    process = start("kvm_guest", **options)
    time.sleep(after_s)
    if group:
        os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    process.communicate()


def duration(**options: Any) -> float:
    """How long the whole run takes."""
    begin = time.monotonic()
    assert not ended(start("kvm_guest", **options)).get("failed")
    return time.monotonic() - begin


def names(folder: Path) -> list[str]:
    return sorted(os.listdir(folder)) if folder.exists() else []


def assert_nothing_is_left() -> None:
    assert virsh("list", "--all", "--name") == ""
    assert names(FOLDER) == []
    assert names(SEEDS) == []
    assert [name for name in names(CACHE) if ".part" in name] == []


def assert_is(disks: list[str], seeds: int = 1) -> None:
    """The guest has those disks and no other, and there are no others, nor old seeds."""
    files = sorted(f"db1.{disk}.qcow2" for disk in disks)
    assert sorted(Path(path).name for path in paths(stored("db1"))) == files
    assert names(FOLDER) == files
    assert len(names(SEEDS)) == seeds
    assert [name for name in names(CACHE) if ".part" in name] == []


def moments(whole: float) -> list[float]:
    """When to kill: spread over the run, which begins with starting Python."""
    return [whole * (0.25 + 0.8 * index / KILLS) for index in range(KILLS)]


def test_creating(image: None) -> None:
    for index, moment in enumerate(moments(duration(**WISH))):
        guest(**GONE)
        kill(moment, group=bool(index % 2), **WISH)
        converge(WISH, ["root", "thin", "data"])
        guest(**GONE)
        assert_nothing_is_left()


def test_editing(image: None) -> None:
    guest(**WISH)
    for index, moment in enumerate(moments(duration(**EDITED))):
        guest(**GONE)
        guest(**WISH)
        kill(moment, group=bool(index % 2), **EDITED)
        if index % 3 == 0:
            # The user has thought better of it. A disk that has grown stays so.
            back = [{"name": "root"}, *WISH["disks"][1:]]
            converge({**WISH, "disks": back, "delete_disks": True}, ["root", "thin", "data"])
        else:
            converge(EDITED, ["root", "more"])


def test_removing(image: None) -> None:
    guest(**WISH)
    for moment in moments(duration(**GONE)):
        guest(**WISH)
        kill(moment, group=True, **GONE)
        guest(**GONE)
        assert_nothing_is_left()


def test_giving_up_after_a_killed_creation(image: None) -> None:
    """The user does not finish what was killed, but has the guest removed."""
    for index, moment in enumerate(moments(duration(**WISH))):
        guest(**GONE)
        kill(moment, group=bool(index % 2), **WISH)
        guest(**GONE)
        assert virsh("list", "--all", "--name") == ""
        assert names(FOLDER) == names(SEEDS) == []


def test_a_half_made_disk_goes_though_no_other_is_made(kvm: libvirt.virConnect) -> None:
    """The user who has thought better of a copy need not make another one to be rid of its half."""
    wish = {"name": "db1", "disks": [{"name": "data", "size": "32 MiB"}]}
    guest(**wish)
    root = stored("db1")
    ledger.write(root, Entry("more", f"{FOLDER}/db1.more.qcow2", made=True, pending=True))
    define(root)
    half, living = (f".hostforge.db1.more.qcow2.part-{process}-0123abcd0" for process in (2**22 + 1, os.getpid()))
    another = f".hostforge.db2.more.qcow2.part-{2**22 + 1}-0123abcd0"
    for name in (half, living, another):
        (FOLDER / name).write_bytes(b"half")
    assert mend(**wish) == ["delete parts"]
    assert names(FOLDER) == sorted((living, another, "db1.data.qcow2"))
    (FOLDER / half).write_bytes(b"half")
    assert mend(**GONE)[:1] == ["delete parts"]
    assert names(FOLDER) == sorted((living, another))


def converge(wish: dict[str, Any], disks: list[str]) -> None:
    guest(**wish)
    again = guest(**wish)
    assert not again["changed"], again["guests"]
    assert_is(disks)
