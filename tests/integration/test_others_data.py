# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is not the guest's own survives all that a list can lose: other guests, other libvirts, and data in use."""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import libvirt
import pytest

from ansible_collections.hostforge.hypervisor.tests.integration import foreign
from ansible_collections.hostforge.hypervisor.tests.integration.daemon import POOLS
from ansible_collections.hostforge.hypervisor.tests.integration.private import run
from ansible_collections.hostforge.hypervisor.tests.integration.runs import (
    attempt,
    guest,
    mend,
    stored,
    virsh,
)

FOLDER = POOLS["default"]
ELSEWHERE = "/var/lib/hostforge"
NOBODY = 65534
HOME = "/run/nobody"
DISKS: list[dict[str, Any]] = [{"name": "root", "size": "64 MiB"}, {"name": "data", "size": "32 MiB"}]
DB1: dict[str, Any] = {"name": "db1", "memory": "128 MiB", "disks": DISKS}


def everything() -> dict[str, str]:
    """All files that hold data."""
    found = [path for folder in (*POOLS.values(), ELSEWHERE) for path in Path(folder).rglob("*") if path.is_file()]
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in found}


def test_a_pruned_list_takes_only_what_is_the_guests_own(kvm: libvirt.virConnect) -> None:
    """Every kind of data in one guest: all that is deleted is the disk that was made for it."""
    base = foreign.make_disk(f"{ELSEWHERE}/base.qcow2", "qcow2")
    medium = foreign.make_disk(f"{ELSEWHERE}/tools.iso", "raw")
    shared = foreign.make_disk(f"{ELSEWHERE}/shared.img", "raw")
    theirs = foreign.make_disk(f"{FOLDER}/theirs.qcow2", "qcow2")
    named = foreign.make_disk(f"{ELSEWHERE}/named.qcow2", "qcow2")
    thin = {"name": "thin", "size": "64 MiB", "image": {"source": base}}
    given = {"name": "given", "path": named, "format": "qcow2"}
    guest(**{**DB1, "disks": [*DISKS, thin, given], "cdroms": [{"source": medium}]})
    foreign.attach_disk(kvm, "db1", theirs)
    virsh("attach-disk", "db1", shared, "vdy", "--config")
    foreign.add_guest(kvm, "other", shared)
    before, other = everything(), virsh("dumpxml", "other")
    wish = {**DB1, "disks": DISKS[:1], "cdroms": [], "delete_disks": True}
    assert sorted(mend(**wish)) == sorted(
        [f"remove disks {name}" for name in ("data", "thin", "given", "vdx", "vdy")] + ["remove cdroms sda"]
    )
    own = {f"{FOLDER}/db1.{name}.qcow2" for name in ("data", "thin")}
    assert everything() == {path: data for path, data in before.items() if path not in own}
    guest(name="db1", state="absent", delete_disks=True)
    own.add(f"{FOLDER}/db1.root.qcow2")
    assert everything() == {path: data for path, data in before.items() if path not in own}
    assert virsh("dumpxml", "other") == other


def test_nothing_goes_before_what_takes_its_place_is_there(kvm: libvirt.virConnect) -> None:
    guest(**DB1)
    image = foreign.make_disk(f"{ELSEWHERE}/base.qcow2", "qcow2")
    new = {"name": "new", "size": "64 MiB", "image": {"source": image, "checksum": f"sha256:{'0' * 64}"}}
    wish = {**DB1, "disks": [DISKS[0], new], "delete_disks": True}
    said = attempt(**wish)
    assert said["failed"]
    assert "nothing of it was kept" in said["msg"]
    assert os.path.exists(f"{FOLDER}/db1.data.qcow2")
    assert len(stored("db1").findall("devices/disk")) == 2
    new["image"] = {"source": image}
    assert mend(**wish) == ["add disks new", "remove disks data"]
    assert not os.path.exists(f"{FOLDER}/db1.data.qcow2")


@pytest.fixture
def elsewhere(kvm: libvirt.virConnect) -> Iterator[list[str]]:
    """Another libvirt on the same machine, that of an ordinary user, as a command that talks to it."""
    Path(HOME).mkdir(exist_ok=True)
    os.chown(HOME, NOBODY, NOBODY)
    os.chmod(HOME, 0o700)
    account = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    settings = ["env", f"HOME={HOME}", f"XDG_RUNTIME_DIR={HOME}", f"XDG_CONFIG_HOME={HOME}", f"XDG_CACHE_HOME={HOME}"]
    silent = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    daemon = subprocess.Popen([*account, *settings, "libvirtd"], **silent)
    yield [*account, *settings, "virsh", "--quiet", "--connect", "qemu:///session"]
    daemon.terminate()
    daemon.wait()


def test_a_guest_of_that_name_in_another_libvirt_is_untouched(elsewhere: list[str]) -> None:
    disk = foreign.make_disk(f"{HOME}/db1.root.qcow2", "qcow2")
    os.chown(disk, NOBODY, NOBODY)
    definition = foreign.GUEST.format(name="db1", path=disk, format="qcow2").replace("type='network'", "type='user'")
    Path(HOME, "db1.xml").write_text(definition.replace("<source network='default'/>", ""))
    run(*elsewhere, "define", f"{HOME}/db1.xml")
    before = run(*elsewhere, "dumpxml", "db1")
    content = Path(disk).read_bytes()
    guest(**DB1)
    mend(**{**DB1, "description": "ours", "disks": DISKS[:1], "delete_disks": True})
    guest(name="db1", state="absent", delete_disks=True)
    assert virsh("list", "--all", "--name") == ""
    assert run(*elsewhere, "dumpxml", "db1") == before
    assert Path(disk).read_bytes() == content
