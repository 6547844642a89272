# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Guests of the real libvirt that kvm_guest makes from packages."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import libvirt
import pytest

from ansible_collections.hostforge.hypervisor.tests.integration.packages import write_package
from ansible_collections.hostforge.hypervisor.tests.integration.playbook import play
from ansible_collections.hostforge.hypervisor.tests.integration.private import run
from ansible_collections.hostforge.hypervisor.tests.integration.runs import EMULATED, attempt, guest, refused

MIB = 1024**2


@pytest.fixture
def ova(tmp_path: Path) -> str:
    return write_package(str(tmp_path / "web.ova"))


def content(path: str) -> bytes:
    run("qemu-img", "convert", "-O", "raw", path, "/run/content.raw")
    return Path("/run/content.raw").read_bytes()


def test_a_guest_is_what_its_package_says_and_runs(kvm: libvirt.virConnect, ova: str) -> None:
    wish: dict[str, Any] = {"name": "web1", "state": "running", "package": {"source": ova}}
    predicted, made = guest(True, **wish), guest(**wish)
    assert predicted["guests"][0]["actions"] == made["guests"][0]["actions"]
    assert predicted["diff"] == made["diff"]
    told = made["guests"][0]["guest"]
    assert (told["vcpus"], told["memory"], told["description"], told["state"]) == (2, "96 MiB", "from afar", "running")
    assert [(disk["name"], disk["size"], disk["bus"], disk["format"]) for disk in told["disks"]] == [
        ("root", "4 MiB", "sata", "qcow2"),
        ("logs", "2 MiB", "scsi", "qcow2"),
    ]
    assert [(card["network"], card["model"]) for card in told["nics"]] == [("default", "e1000")]
    assert kvm.lookupByName("web1").isActive()
    assert guest(**wish)["changed"] is False
    guest(name="web1", state="stopped", restart="force", shutdown_timeout=0)
    assert [content(disk["path"]) for disk in told["disks"]] == [b"Z" * 4 * MIB, b"Z" * 2 * MIB]
    Path(ova).unlink()
    assert guest(**{**wish, "state": "stopped"})["changed"] is False


def test_what_is_written_holds(kvm: libvirt.virConnect, ova: str) -> None:
    disks = [{"name": "more", "size": "1 MiB"}, {"name": "root", "size": "8 MiB", "pool": "fast", "format": "raw"}]
    wish: dict[str, Any] = {"name": "web1", "package": {"source": ova}, "memory": "64 MiB", "disks": disks, "nics": []}
    told = guest(**wish)["guests"][0]["guest"]
    assert (told["vcpus"], told["memory"], told["nics"]) == (2, "64 MiB", [])
    assert {disk["name"]: (disk["size"], disk["pool"], disk["format"]) for disk in told["disks"]} == {
        "root": ("8 MiB", "fast", "raw"),
        "logs": ("2 MiB", "default", "qcow2"),
        "more": ("1 MiB", "default", "qcow2"),
    }
    assert guest(**wish)["changed"] is False
    assert guest(**{**wish, "disks": []})["changed"] is False


def test_what_is_refused(kvm: libvirt.virConnect, ova: str) -> None:
    small = [{"name": "root", "size": "3 MiB"}]
    assert "a disk of 3 MiB is too small" in refused(name="web1", package={"source": ova}, disks=small)
    assert "no image /nowhere.ova" in refused(name="web1", package={"source": "/nowhere.ova"})
    wrong = attempt(name="web1", package={"source": ova, "checksum": f"sha256:{'0' * 64}"})
    assert "nothing of it was kept" in wrong["msg"]
    assert kvm.listAllDomains() == []


def test_a_package_comes_from_the_controller(kvm: libvirt.virConnect, ova: str, tmp_path: Path) -> None:
    wish = {"name": "web1", "kvm": EMULATED, "package": {"source": ova, "remote_src": False}}
    module = "hostforge.hypervisor.kvm_guest"
    digest = hashlib.sha256(Path(ova).read_bytes()).hexdigest()
    cached = Path(f"/var/lib/hostforge/images/sha256-{digest}.ova")
    assert play(tmp_path, module, wish, "--check").result["changed"]
    assert not cached.exists()
    assert play(tmp_path, module, wish).result["changed"]
    assert cached.exists()
    assert not play(tmp_path, module, wish).result["changed"]
