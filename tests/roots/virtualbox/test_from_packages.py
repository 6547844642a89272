# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Guests of the real VirtualBox that virtualbox_guest makes from packages."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.virtualbox.connection import connect
from ansible_collections.hostforge.hypervisor.tests.integration.runs import module
from ansible_collections.hostforge.hypervisor.tests.roots.virtualbox import host
from ansible_collections.hostforge.hypervisor.tests.roots.virtualbox.packages import GUEST, manage, written

pytestmark = pytest.mark.usefixtures("subject")


def guest(check: bool = False, **options: Any) -> dict[str, Any]:
    result = module("virtualbox_guest", check, **{"name": "web1", **host.FOLDERS, **options})
    assert not result.get("failed"), result
    return result


def begin(path: str) -> bytes:
    """The first bytes of a disk's content, by VirtualBox itself."""
    raw = f"{host.ELSEWHERE}/begin.raw"
    manage("clonemedium", path, raw, "--format", "RAW")
    content = Path(raw).read_bytes()
    manage("closemedium", raw, "--delete")
    return content[:4000]


def facts(name: str) -> tuple[object, ...]:
    machine = connect().find(name)
    return machine.CPUCount, machine.memorySize, machine.description


def test_a_guest_is_what_its_package_says() -> None:
    ova = {"source": written(GUEST)}
    predicted, made = guest(True, package=ova), guest(package=ova)
    assert connect().find("web1") is not None
    assert predicted["guests"][0]["actions"] == made["guests"][0]["actions"]
    assert predicted["diff"] == made["diff"]
    assert facts("web1") == (2, 640, GUEST.description)
    told = made["guests"][0]["guest"]
    assert [(disk["name"], disk["size"], disk["bus"], disk["format"]) for disk in told["disks"]] == [
        ("root", "24 MiB", "sata", "vdi"),
        ("data", "8 MiB", "sata", "vdi"),
    ]
    assert [begin(disk["path"]) for disk in told["disks"]] == [b"root" * 1000, b"data" * 1000]
    assert [(card["network"], card["model"]) for card in told["nics"]] == [
        ("nat", "e1000"),
        ("internal:intnet", "virtio"),
    ]
    os.unlink(ova["source"])
    for check in (True, False):
        assert guest(check, package=ova)["changed"] is False
    gone = guest(state="absent", package=ova, delete_disks=True)
    assert [action["verb"] for action in gone["guests"][0]["actions"]] == ["delete", "delete", "remove"]


def test_what_is_written_holds() -> None:
    wish: dict[str, Any] = {
        "package": {"source": written(GUEST)},
        "vcpus": 1,
        "description": "mine",
        "disks": [
            {"name": "more", "size": "12 MiB"},
            {"name": "root", "size": "40 MiB", "pool": "fast", "format": "vhd"},
        ],
        "nics": [],
    }
    told = guest(**wish)["guests"][0]["guest"]
    assert facts("web1") == (1, 640, "mine")
    found = {disk["name"]: (disk["size"], disk["pool"], disk["format"]) for disk in told["disks"]}
    assert found == {
        "root": ("40 MiB", "fast", "vhd"),
        "data": ("8 MiB", "default", "vdi"),
        "more": ("12 MiB", "default", "vdi"),
    }
    assert told["nics"] == []
    assert guest(True, **wish)["changed"] is False
    # Other disks than those written are the package's, and stay.
    assert guest(**{**wish, "disks": [{"name": "root"}]})["changed"] is False
    manage("modifyvm", "web1", "--memory", "512")
    assert guest(**wish)["changed"] is False


def test_a_descriptor_with_files_beside_it() -> None:
    manage("import", written(GUEST), "--vsys", "0", "--vmname", "box1")
    path = f"{host.ELSEWHERE}/exported/box1.ovf"
    os.mkdir(os.path.dirname(path))
    manage("export", "box1", "--output", path, "--manifest")
    told = guest(package={"source": path})["guests"][0]["guest"]
    assert [disk["size"] for disk in told["disks"]] == ["24 MiB", "8 MiB"]
    assert [begin(disk["path"]) for disk in told["disks"]] == [b"root" * 1000, b"data" * 1000]


def test_what_was_changed_on_its_way_is_refused_and_nothing_is_made() -> None:
    path = Path(written(GUEST))
    content = path.read_bytes()
    place = content.index(b"KDMV") + 3000
    path.write_bytes(content[:place] + b"!" + content[place + 1 :])
    said = module("virtualbox_guest", False, name="web1", package={"source": str(path)}, **host.FOLDERS)
    assert said.get("failed")
    assert "the manifest has" in said["msg"]
    assert connect().find("web1") is None
    assert list(Path(host.FOLDERS["image_cache"]).iterdir()) == []
    assert not [one for one in Path(host.DISKS).rglob("*") if one.is_file()]
