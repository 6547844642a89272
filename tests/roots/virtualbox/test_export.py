# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""hostforge.hypervisor.virtualbox_export on the real VirtualBox: there and back again, and what is left alone."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.virtualbox.connection import connect
from ansible_collections.hostforge.hypervisor.tests.integration.runs import module, start
from ansible_collections.hostforge.hypervisor.tests.roots.virtualbox import host
from ansible_collections.hostforge.hypervisor.tests.roots.virtualbox.packages import GUEST, MIB, manage, written

pytestmark = pytest.mark.usefixtures("subject")
FOLDERS = {key: host.FOLDERS[key] for key in ("disk_dir", "seed_dir")}
OVA = f"{host.ELSEWHERE}/out/web1.ova"


def export(check: bool = False, **options: Any) -> dict[str, Any]:
    os.makedirs(os.path.dirname(OVA), exist_ok=True)
    return module("virtualbox_export", check, **{"name": "web1", "path": OVA, **FOLDERS, **options})


def exported(check: bool = False, **options: Any) -> dict[str, Any]:
    result = export(check, **options)
    assert not result.get("failed"), result
    return result


def guest(**options: Any) -> dict[str, Any]:
    result = module("virtualbox_guest", **{"name": "web1", **host.FOLDERS, **options})
    assert not result.get("failed"), result
    told: dict[str, Any] = result["guests"][0]["guest"]
    return told


def content(path: str) -> bytes:
    raw = f"{host.ELSEWHERE}/content.raw"
    manage("clonemedium", path, raw, "--format", "RAW")
    data = Path(raw).read_bytes()
    manage("closemedium", raw, "--delete")
    return data


def first() -> dict[str, Any]:
    return guest(
        package={"source": written(GUEST)},
        firmware="uefi",
        tpm=True,
        cdroms=[{}],
        disks=[{"name": "more", "size": "12 MiB", "bus": "scsi"}],
        nics=[
            {"network": "nat", "model": "e1000", "link": "down"},
            {"network": "internal:lan one"},
            {"network": "second"},
        ],
        cloud_init={"user_data": "secret-user-data"},
        virtualbox={"ostype": "Debian12_64"},
    )


def alike(told: dict[str, Any]) -> dict[str, Any]:
    keys = ("vcpus", "memory", "description", "firmware", "tpm", "cdroms")
    disks = [(disk["name"], disk["size"], disk["bus"]) for disk in told["disks"]]
    nics = [(card["network"], card["model"], card["link"]) for card in told["nics"]]
    return {**{key: told.get(key) for key in keys}, "disks": disks, "nics": nics}


def test_there_and_back_again() -> None:
    one = first()
    predicted, made = exported(True), exported()
    assert predicted["exports"][0]["actions"] == made["exports"][0]["actions"]
    assert predicted["diff"] == made["diff"]
    assert "memory: 640 MiB" in made["diff"]["after"]
    assert [path.name for path in Path(OVA).parent.iterdir()] == ["web1.ova"]
    assert os.stat(OVA).st_mode & 0o777 == 0o600
    assert b"secret-user-data" not in Path(OVA).read_bytes()
    assert not [one.location for one in connect().list_of(connect().box, "hardDisks") if "/out/" in one.location]
    assert exported(True)["changed"] is False
    assert exported()["changed"] is False
    two = guest(name="web2", package={"source": OVA})
    assert alike(two) == alike(one)
    for before, after in zip(one["disks"], two["disks"], strict=True):
        assert content(before["path"]) == content(after["path"])


def test_virtualbox_itself_takes_it() -> None:
    one = first()
    exported()
    manage("import", OVA, "--vsys", "0", "--vmname", "web3")
    machine = connect().find("web3")
    assert (machine.CPUCount, machine.memorySize, machine.description) == (2, 640, GUEST.description)
    assert machine.OSTypeId == "Debian_64"
    assert len(one["disks"]) == 3


def test_what_has_changed_is_written_anew() -> None:
    told = first()
    exported()
    manage("modifyvm", "web1", "--memory", "512")
    actions = exported()["exports"][0]["actions"]
    assert [(one["verb"], one["before"]["memory"], one["after"]["memory"]) for one in actions] == [
        ("set", "640 MiB", "512 MiB")
    ]
    assert exported()["changed"] is False
    os.utime(told["disks"][0]["path"])
    assert "older than the guest's" in exported()["diff"]["before"]
    assert exported()["changed"] is False
    manage("snapshot", "web1", "take", "s1")
    exported()
    assert exported()["changed"] is False


def test_files_of_others_stay() -> None:
    first()
    os.makedirs(os.path.dirname(OVA), exist_ok=True)
    Path(OVA).write_bytes(b"precious")
    for check in (True, False):
        assert "is there already and is no package" in export(check)["msg"]
    assert Path(OVA).read_bytes() == b"precious"
    os.replace(written(GUEST), OVA)
    assert "the package of 'box1'" in export()["msg"]


def test_what_is_refused() -> None:
    assert "there is no such guest" in export()["msg"]
    first()
    for path in ("web1.ova", "/srv/web1.zip", "/srv/../web1.ova"):
        assert "the absolute path of an OVA file" in export(path=path)["msg"]
    assert "there is no folder /nowhere" in export(path="/nowhere/web1.ova")["msg"]
    manage("adoptstate", "web1", host.MEDIA[0])
    assert "memory is saved" in export()["msg"]


@pytest.mark.parametrize("delay_s", [0.2, 0.4, 0.6, 0.8, 1.0, 1.3])
def test_a_killed_export_is_made_by_the_next(delay_s: float) -> None:
    first()
    os.makedirs(os.path.dirname(OVA), exist_ok=True)
    process = start("virtualbox_export", False, name="web1", path=OVA, **FOLDERS)
    time.sleep(delay_s)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert not os.path.exists(OVA) or exported(True)["changed"] is False
    exported()
    assert exported()["changed"] is False
    assert [path.name for path in Path(OVA).parent.iterdir()] == ["web1.ova"]
    assert not [one.location for one in connect().list_of(connect().box, "hardDisks") if "/out/" in one.location]


def test_what_a_killed_run_has_left_goes() -> None:
    first()
    dead = Path(OVA).parent / ".hostforge.web1.ova.disks.part-4194304-0123456789"
    dead.mkdir(parents=True)
    manage("createmedium", "disk", "--filename", f"{dead}/web1-disk1.vmdk", "--size", "8", "--format", "VMDK")
    (Path(OVA).parent / ".hostforge.web1.ova.part-4194304-0123456789").write_bytes(b"half")
    exported()
    assert [path.name for path in Path(OVA).parent.iterdir()] == ["web1.ova"]
    assert 8 * MIB not in [
        one.logicalSize for one in connect().list_of(connect().box, "hardDisks") if "out" in one.location
    ]
