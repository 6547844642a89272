# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Disks in a pool of type logical: a real libvirt and real block devices, with a simulator of LVM's commands."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import libvirt
import pytest

from ansible_collections.hostforge.hypervisor.tests.integration import foreign, simulated_lvm
from ansible_collections.hostforge.hypervisor.tests.integration.private import run
from ansible_collections.hostforge.hypervisor.tests.integration.runs import (
    actions,
    attempt,
    guest,
    mend,
    module,
    refused,
    stored,
    virsh,
)

MIB = 1024**2
VOLUME = f"{simulated_lvm.DEVICES}/db1.data"
IMAGE = "/var/lib/hostforge/base.qcow2"
POOL = f"<pool type='logical'><name>lvm</name><source><name>{simulated_lvm.GROUP}</name></source></pool>"
ROOT = {"name": "root", "size": "32 MiB"}
GONE = {"name": "db1", "state": "absent", "delete_disks": True}


@pytest.fixture(scope="module")
def simulator(host: libvirt.virConnect) -> Iterator[None]:
    simulated_lvm.install()
    pool = host.storagePoolDefineXML(POOL)
    pool.create()
    yield
    pool.destroy()
    pool.undefine()
    simulated_lvm.remove()


@pytest.fixture
def lvm(simulator: None, kvm: libvirt.virConnect) -> Iterator[libvirt.virStoragePool]:
    """A pool of type logical, in which there is a volume of somebody else's."""
    pool = kvm.storagePoolLookupByName("lvm")
    simulated_lvm.lvcreate(["--name", "theirs", "--size", "8m"])
    yield pool
    for domain in kvm.listAllDomains():
        if domain.isActive():
            domain.destroy()
    for file in simulated_lvm.volumes():
        simulated_lvm.lvremove([file.name])


def wish(**data: Any) -> dict[str, Any]:
    disk = {"name": "data", "size": "16 MiB", "pool": "lvm", **data}
    return {"name": "db1", "memory": "128 MiB", "disks": [ROOT, disk]}


def names() -> list[str]:
    return [file.name for file in simulated_lvm.volumes()]


def size(path: str = VOLUME) -> int:
    return int(run("blockdev", "--getsize64", path))


def test_a_volume_is_made_and_deleted(lvm: libvirt.virStoragePool) -> None:
    assert mend(**wish()) == ["create guest"]
    disk = stored("db1").findall("devices/disk")[1]
    assert disk.get("type") == "block"
    assert disk.find("driver").get("type") == "raw"  # type: ignore[union-attr]
    assert disk.find("source").get("dev") == VOLUME  # type: ignore[union-attr]
    assert size() == 16 * MIB
    (found,) = module("kvm_guest_info", names=["db1"])["guests"]
    told = next(one for one in found["disks"] if one["name"] == "data")
    assert (told["pool"], told["format"], told["size"], told["owned"]) == ("lvm", "raw", "16 MiB", True)
    virsh("start", "db1")
    assert not guest(**wish())["changed"]
    virsh("destroy", "db1")
    assert actions(guest(**GONE)) == ["delete disks root", "delete disks data", "remove guest"]
    assert names() == ["theirs"]


def test_a_volume_is_added_detached_kept_and_found_again(lvm: libvirt.virStoragePool) -> None:
    short = {**wish(), "disks": [ROOT]}
    guest(**short)
    virsh("start", "db1")
    assert mend(**wish()) == ["add disks data"]
    virsh("destroy", "db1")
    with Path(VOLUME).open("r+b") as volume:
        volume.write(b"precious")
    assert mend(**short) == ["remove disks data"]
    assert mend(**wish(format="raw")) == ["add disks data"]
    assert Path(VOLUME).read_bytes()[:8] == b"precious"
    assert guest(**GONE)["guests"][0]["kept_disks"] == [VOLUME]
    assert names() == ["db1.data", "theirs"]


def test_a_size_is_whole_extents(lvm: libvirt.virStoragePool) -> None:
    assert mend(**wish(size="17 MiB")) == ["create guest"]
    assert size() == 20 * MIB
    assert not guest(**wish(size="20 MiB"))["changed"]
    assert "is 20 MiB and is not shrunk to 16 MiB" in refused(**wish(size="16 MiB"))


@pytest.mark.parametrize("running", [False, True])
def test_a_volume_grows(lvm: libvirt.virStoragePool, running: bool) -> None:
    guest(**wish())
    if running:
        virsh("start", "db1")
    for wished, whole in (("24 MiB", 24), ("31 MiB", 32)):
        assert mend(**wish(size=wished)) == ["grow disks.size data"]
        assert size() == whole * MIB
        assert virsh("domblkinfo", "db1", VOLUME).split()[1] == str(whole * MIB)


def test_a_volume_is_a_full_copy_of_its_image(lvm: libvirt.virStoragePool) -> None:
    run("qemu-img", "create", "-q", "-f", "qcow2", IMAGE, "12M")
    run("qemu-io", "-f", "qcow2", "-c", "write -q -P 0x5a 0 1M", IMAGE)
    image = {"source": IMAGE}
    assert "a raw disk is a full copy of its image: set copy to full" in refused(**wish(image=image))
    # What a killed run has left of it.
    simulated_lvm.lvcreate(["--name", ".hostforge.db1.data.part-4194999", "--size", "4m"])
    assert mend(**wish(image={**image, "copy": "full"})) == ["create guest"]
    assert Path(VOLUME).read_bytes()[:MIB] == b"\x5a" * MIB
    assert names() == ["db1.data", "theirs"]


def test_other_formats_and_what_others_have_are_refused(lvm: libvirt.virStoragePool) -> None:
    says = "disk data: the volumes of LVM in the pool lvm are raw, not qcow2"
    assert says in refused(**wish(format="qcow2"))
    foreign_disk = {"name": "data", "path": f"{simulated_lvm.DEVICES}/theirs"}
    guest(**{**wish(), "name": "db2", "disks": [foreign_disk]})
    assert "belongs to db2" in refused(**{**wish(), "disks": [foreign_disk]})
    guest(**{**GONE, "name": "db2"})
    assert names() == ["theirs"]
    assert "no active storage pool nowhere" in refused(**wish(pool="nowhere"))


def test_a_volume_that_another_guest_has_is_kept(lvm: libvirt.virStoragePool) -> None:
    guest(**wish())
    foreign.add_guest(libvirt.open("qemu:///system"), "other", os.path.realpath(VOLUME))
    assert guest(**GONE)["guests"][0]["kept_disks"] == [VOLUME]
    assert "db1.data" in names()


def test_a_full_group_leaves_nothing_half(lvm: libvirt.virStoragePool) -> None:
    said = attempt(**wish(size="1 GiB"))
    assert "insufficient free space" in said["msg"]
    assert names() == ["theirs"]
    assert mend(**wish()) == ["add disks root", "add disks data"]
