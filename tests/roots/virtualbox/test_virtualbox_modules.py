# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules of VirtualBox, each as a process, on the real one.

They are hostforge.hypervisor.virtualbox_guest and hostforge.hypervisor.virtualbox_guest_info.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.virtualbox.connection import connect
from ansible_collections.hostforge.hypervisor.tests.integration.runs import module
from ansible_collections.hostforge.hypervisor.tests.roots.virtualbox import host

WEB: dict[str, Any] = {
    "name": "web1",
    "description": 'Name: other\nGroups: /admin "quoted" <&>',
    "vcpus": 2,
    "memory": "512 MiB",
    "firmware": "uefi",
    "secure_boot": True,
    "tpm": True,
    "disks": [
        {"name": "root", "size": "40 MiB", "image": {"source": host.IMAGE}},
        {"name": "data", "size": "20 MiB", "format": "vmdk", "pool": "fast", "bus": "virtio"},
        {"name": "logs", "size": "21 MiB", "format": "vhd", "virtualbox": {"hotplug": False}},
    ],
    "cdroms": [{"source": host.MEDIA[0]}],
    "nics": [
        {"network": "nat", "virtualbox": {"forwards": ["ssh,tcp,127.0.0.1,2222,,22"]}},
        {"network": "internal:lan one", "model": "e1000"},
        {"bridge": host.BRIDGE, "link": "down"},
    ],
    "cloud_init": {"user_data": {"password": "correct-horse"}},
    "autostart": {"delay": 30},
    "virtualbox": {"groups": ["/web/front"], "ostype": "Debian12_64", "extradata": {"GUI/Odd": "1,2"}},
    **host.FOLDERS,
}


def guest(check: bool = False, **options: Any) -> dict[str, Any]:
    result = module("virtualbox_guest", check, **{**WEB, **options})
    assert not result.get("failed"), result
    return result


@pytest.mark.usefixtures("subject")
def test_a_guest_with_everything_comes_and_goes() -> None:
    predicted, made = guest(True), guest()
    assert predicted["guests"][0]["actions"] == made["guests"][0]["actions"]
    assert made["changed"]
    assert "correct-horse" not in str(made)
    assert guest()["changed"] is False
    assert guest(True)["changed"] is False
    paths = {disk["name"]: disk["path"] for disk in made["guests"][0]["guest"]["disks"]}
    assert {name: host.capacity(path) // host.MIB for name, path in paths.items()} == {
        "root": 40,
        "data": 20,
        "logs": 21,
    }
    told = module("virtualbox_guest_info", disk_dir=host.DISKS)["guests"]
    assert [(one["name"], one["machine_state"], one["snapshots"]) for one in told] == [("web1", "PoweredOff", 0)]
    assert told[0]["description"] == WEB["description"]
    assert told[0]["virtualbox" if "virtualbox" in told[0] else "groups"] == ["/web/front"]
    gone = guest(state="absent", delete_disks=True)
    assert [action["verb"] for action in gone["guests"][0]["actions"]] == ["delete", "delete", "delete", "remove"]
    assert not any(os.path.exists(path) for path in paths.values())
    assert os.path.exists(host.IMAGE)
    assert list(Path(host.MACHINES).rglob("*.vbox*")) == []
    assert list(Path(host.FOLDERS["seed_dir"]).iterdir()) == []
    assert connect().list_of(connect().box, "hardDisks") == []


@pytest.mark.usefixtures("subject")
def test_no_guest_is_started_without_the_kernels_module() -> None:
    result = module("virtualbox_guest", name="web1", state="running", **host.FOLDERS)
    assert "vboxdrv" in result["msg"]
    assert connect().machines() == []
