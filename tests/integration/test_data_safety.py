# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""No data is ever lost that the user did not say should go, and what was said is done and no more."""

from __future__ import annotations

import os
from pathlib import Path

import libvirt
import pytest

from ansible_collections.hostforge.hypervisor.tests.integration import foreign
from ansible_collections.hostforge.hypervisor.tests.integration.precious import (
    DATA,
    DB1,
    FOLDER,
    GONE,
    GONE_WITH_DISKS,
    IMAGE,
    ISO,
    ROOT,
    content,
    kept,
    make_db1,
)
from ansible_collections.hostforge.hypervisor.tests.integration.private import run
from ansible_collections.hostforge.hypervisor.tests.integration.runs import (
    actions,
    attempt,
    guest,
    mend,
    paths,
    refused,
    stored,
    virsh,
)


@pytest.fixture
def db1(kvm: libvirt.virConnect) -> libvirt.virDomain:
    return make_db1(kvm)


def test_absent_keeps_disks_and_tells_where_they_are(db1: libvirt.virDomain) -> None:
    before = [content(path) for path in (ROOT, DATA)]
    assert sorted(kept(guest(**GONE))) == [DATA, ROOT]
    assert [content(path) for path in (ROOT, DATA)] == before


def test_absent_deletes_what_the_collection_made(db1: libvirt.virDomain) -> None:
    assert kept(guest(**GONE_WITH_DISKS)) == []
    assert os.listdir(FOLDER) == []


def test_kept_disks_come_back_as_they_were_and_are_then_never_deleted(db1: libvirt.virDomain) -> None:
    before = [content(path) for path in (ROOT, DATA)]
    guest(**GONE)
    guest(**DB1)
    assert paths(stored("db1")) == [ROOT, DATA]
    assert [content(path) for path in (ROOT, DATA)] == before
    assert sorted(kept(guest(**GONE_WITH_DISKS))) == [DATA, ROOT]


def test_a_kept_disk_is_not_written_over_by_an_image(db1: libvirt.virDomain) -> None:
    before = content(ROOT)
    guest(**GONE)
    run("qemu-img", "create", "-q", "-f", "qcow2", IMAGE, "16M")
    disks = [{**DB1["disks"][0], "image": {"source": IMAGE}}]
    guest(**{**DB1, "disks": disks})
    assert content(ROOT) == before


def test_a_kept_disk_that_is_another_is_refused(db1: libvirt.virDomain) -> None:
    guest(**GONE)
    os.replace(f"{FOLDER}/db1.root.qcow2", f"{FOLDER}/aside")
    run("qemu-img", "create", "-q", "-f", "raw", ROOT, "64M")
    assert f"{ROOT} is there already and is raw, not qcow2" in refused(**DB1)
    os.unlink(ROOT)
    run("qemu-img", "create", "-q", "-f", "qcow2", ROOT, "128M")
    assert "is there already with 128 MiB and is not shrunk to 64 MiB" in refused(**DB1)
    assert virsh("list", "--all", "--name") == ""


def test_media_images_and_their_cache_survive(kvm: libvirt.virConnect) -> None:
    run("qemu-img", "create", "-q", "-f", "qcow2", IMAGE, "16M")
    foreign.make_disk(ISO, "raw")
    disk = {"name": "root", "size": "32 MiB", "image": {"source": IMAGE}}
    wish = {"name": "db1", "disks": [disk], "cdroms": [{"source": ISO}], "cloud_init": {"user_data": {"a": 1}}}
    guest(**wish)
    cached = list(Path("/var/lib/hostforge/images").iterdir())
    assert len(cached) == 1
    guest(**GONE_WITH_DISKS)
    assert os.listdir(FOLDER) == []
    assert os.listdir("/var/lib/hostforge/seeds") == []
    assert all(path.exists() for path in (*cached, Path(IMAGE), Path(ISO)))


def test_a_disk_is_not_shrunk(db1: libvirt.virDomain) -> None:
    disks = [{"name": "root", "size": "32 MiB"}, DB1["disks"][1]]
    assert "disk root is 64 MiB and is not shrunk to 32 MiB" in refused(**{**DB1, "disks": disks})


def test_a_lost_disk_is_no_new_disk(db1: libvirt.virDomain) -> None:
    os.unlink(DATA)
    said = refused(**DB1)
    assert DATA in said
    assert "data" in said
    assert not os.path.exists(DATA)
    assert mend(**{**DB1, "disks": DB1["disks"][:1]}) == ["remove disks data"]


def test_a_pool_that_is_off_is_no_reason_to_make_anything_anew(kvm: libvirt.virConnect, db1: libvirt.virDomain) -> None:
    virsh("pool-destroy", "default")
    try:
        assert not guest(**DB1)["changed"]
        assert "no active storage pool default" in refused(**{**DB1, "name": "db2"})
    finally:
        virsh("pool-start", "default")


def test_power_is_not_cut_unless_that_is_said(db1: libvirt.virDomain) -> None:
    virsh("start", "db1")
    for wish in ({**DB1, "state": "stopped"}, GONE, GONE_WITH_DISKS):
        for restart in ("never", "graceful"):
            result = attempt(**wish, restart=restart, shutdown_timeout=1)
            assert result["failed"]
            assert "did not shut down within 1 s, and its power was not cut" in result["msg"]
            assert db1.isActive()
    assert actions(guest(**GONE_WITH_DISKS, restart="force", shutdown_timeout=1))[0] == "stop state"
    assert os.listdir(FOLDER) == []


def test_a_saved_guest_is_not_forgotten_without_being_told(db1: libvirt.virDomain) -> None:
    """Its memory, saved by somebody, is data too."""
    virsh("start", "db1")
    virsh("managedsave", "db1")
    assert "it has saved memory, which would be lost" in refused(**GONE)
    assert db1.hasManagedSaveImage()
    guest(**GONE_WITH_DISKS)
    assert os.listdir(FOLDER) == []


def test_a_guest_with_snapshots_is_not_forgotten_without_being_told(db1: libvirt.virDomain) -> None:
    virsh("snapshot-create-as", "db1", "before")
    assert "it has snapshots, which would be lost: before" in refused(**GONE)
    assert db1.listAllSnapshots()
    guest(**GONE_WITH_DISKS)
    assert os.listdir(FOLDER) == []


def test_no_second_disk_of_an_image_reads_all_of_it(kvm: libvirt.virConnect) -> None:
    """A checksum is of the file that was fetched; a thin disk is then made of it without a look at its content."""
    run("qemu-img", "create", "-q", "-f", "qcow2", IMAGE, "16M")
    checksum = f"sha256:{content(IMAGE)}"
    wish = {"disks": [{"name": "root", "image": {"source": IMAGE, "checksum": checksum}}]}
    guest(name="first", **wish)
    (cached,) = Path("/var/lib/hostforge/images").iterdir()
    run("qemu-io", "-f", "qcow2", "-c", "write -q -P 1 0 64k", str(cached))
    guest(name="second", **wish)
    assert content(str(cached)) != checksum.partition(":")[2], "it is as it was changed, which nobody noticed"
