# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""No data is ever lost that the user did not say should go, and what was said is done and no more."""

from __future__ import annotations

import hashlib
import os
import subprocess
import time
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import libvirt
import pytest

from ansible_collections.hostforge.hypervisor.tests.integration import foreign
from ansible_collections.hostforge.hypervisor.tests.integration.daemon import POOLS, START_S
from ansible_collections.hostforge.hypervisor.tests.integration.private import run
from ansible_collections.hostforge.hypervisor.tests.integration.runs import (
    Result,
    actions,
    attempt,
    define,
    guest,
    mend,
    paths,
    refused,
    stored,
    virsh,
)

FOLDER = POOLS["default"]
ROOT = f"{FOLDER}/db1.root.qcow2"
DATA = f"{FOLDER}/db1.data.qcow2"
IMAGE = "/var/lib/hostforge/base.qcow2"
ISO = "/var/lib/hostforge/tools.iso"
DB1: dict[str, Any] = {
    "name": "db1",
    "memory": "128 MiB",
    "disks": [{"name": "root", "size": "64 MiB"}, {"name": "data", "size": "32 MiB"}],
}
GONE = {"name": "db1", "state": "absent"}
GONE_WITH_DISKS = {**GONE, "delete_disks": True}
WITHOUT_DATA = {**DB1, "disks": DB1["disks"][:1], "delete_disks": True}


@pytest.fixture
def db1(kvm: libvirt.virConnect) -> libvirt.virDomain:
    """A guest with two disks that hold data."""
    guest(**DB1)
    for path in (ROOT, DATA):
        write(path)
    return kvm.lookupByName("db1")


def write(path: str) -> None:
    """Put data into a disk."""
    run("qemu-io", "-f", "qcow2", "-c", "write -q -P 0x5a 0 1M", path)


def content(path: str) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def kept(result: Result) -> list[str]:
    return [path for entry in result["guests"] for path in entry.get("kept_disks", [])]


def use(path: str, name: str = "other", kind: str = "qcow2") -> None:
    """Make a guest past the collection that has a disk there."""
    define(ET.fromstring(foreign.GUEST.format(name=name, path=path, format=kind)))


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


def test_a_disk_that_another_guest_has_is_kept(db1: libvirt.virDomain) -> None:
    use(DATA)
    assert mend(**WITHOUT_DATA) == ["remove disks data"]
    assert os.path.exists(DATA)
    assert f"{DATA} belongs to other" in refused(**DB1)


def test_a_disk_that_another_guest_has_too_is_kept(db1: libvirt.virDomain) -> None:
    use(DATA)
    assert kept(guest(**GONE_WITH_DISKS)) == [DATA]
    assert os.listdir(FOLDER) == [os.path.basename(DATA)]


def test_a_disk_that_another_guest_has_by_another_name_is_kept(db1: libvirt.virDomain) -> None:
    os.symlink(FOLDER, "/run/link")
    use(f"/run/link/{os.path.basename(DATA)}")
    assert kept(guest(**GONE_WITH_DISKS)) == [DATA]
    os.unlink("/run/link")
    assert os.path.exists(DATA)


def test_a_disk_that_another_guest_has_as_a_volume_of_the_pool_is_kept(db1: libvirt.virDomain) -> None:
    use(DATA)
    root = stored("other")
    disk = root.find("devices/disk")
    source = root.find("devices/disk/source")
    assert disk is not None
    assert source is not None
    disk.set("type", "volume")
    source.attrib = {"pool": "default", "volume": os.path.basename(DATA)}
    define(root)
    assert kept(guest(**GONE_WITH_DISKS)) == [DATA]
    assert os.path.exists(DATA)


def test_a_disk_that_another_guest_only_runs_with_is_kept(kvm: libvirt.virConnect, db1: libvirt.virDomain) -> None:
    use(f"{FOLDER}/own.qcow2" if foreign.make_disk(f"{FOLDER}/own.qcow2", "qcow2") else "")
    virsh("start", "other")
    virsh("attach-disk", "other", DATA, "vdb", "--subdriver", "qcow2", "--live")
    assert DATA not in kvm.lookupByName("other").XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE)
    assert kept(guest(**GONE_WITH_DISKS)) == [DATA]
    assert os.path.exists(DATA)


@pytest.mark.parametrize("folder", [FOLDER, "/var/lib/hostforge"], ids=["in the pool", "elsewhere"])
def test_a_disk_that_another_disk_is_based_on_is_kept(db1: libvirt.virDomain, folder: str) -> None:
    """An overlay made with qemu-img, which libvirt has not heard of."""
    overlay = f"{folder}/overlay.qcow2"
    run("qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", DATA, overlay)
    if folder != FOLDER:
        use(overlay)
    assert mend(**WITHOUT_DATA) == ["remove disks data"]
    guest(**DB1)
    assert kept(guest(**GONE_WITH_DISKS)) == [DATA]
    assert os.path.exists(DATA)


def test_a_disk_that_somebody_else_attached_is_kept(db1: libvirt.virDomain) -> None:
    theirs = foreign.make_disk(f"{FOLDER}/theirs.qcow2", "qcow2")
    virsh("attach-disk", "db1", theirs, "vdx", "--subdriver", "qcow2", "--config")
    assert kept(guest(**GONE_WITH_DISKS)) == [theirs]
    assert os.listdir(FOLDER) == ["theirs.qcow2"]


def test_a_disk_that_was_replaced_behind_our_back_is_kept(db1: libvirt.virDomain) -> None:
    """The guest's definition names another file in its place: that one is not in the ledger."""
    theirs = foreign.make_disk(f"{FOLDER}/theirs.qcow2", "qcow2")
    root = stored("db1")
    root.findall("devices/disk/source")[1].set("file", theirs)
    define(root)
    guest(**GONE_WITH_DISKS)
    assert os.path.exists(theirs)
    assert os.path.exists(DATA), "a disk that is not the guest's any more"


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


def test_two_guests_never_share_a_disk(db1: libvirt.virDomain) -> None:
    """A guest of another name whose disk has the same file name."""
    use(f"{FOLDER}/db2.root.qcow2" if foreign.make_disk(f"{FOLDER}/db2.root.qcow2", "qcow2") else "")
    assert "belongs to other" in refused(**{**DB1, "name": "db2"})


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


def test_the_disks_of_a_guest_that_others_made_survive_it(kvm: libvirt.virConnect) -> None:
    """In no pool, and in one: none of them is ours, though one is called as ours are."""
    theirs = [foreign.make_disk(path, "qcow2") for path in ("/var/lib/hostforge/old.qcow2", f"{FOLDER}/db1.vdx.qcow2")]
    use(theirs[0], name="db1")
    virsh("attach-disk", "db1", theirs[1], "vdx", "--subdriver", "qcow2", "--config")
    assert mend(name="db1", disks=[{"name": "hda"}], delete_disks=True) == ["remove disks vdx"]
    assert kept(guest(**GONE_WITH_DISKS)) == [theirs[0]]
    assert all(map(os.path.exists, theirs))


def test_the_guests_of_others_survive_everything_that_is_done_to_one(db1: libvirt.virDomain) -> None:
    """Also one whose name begins with the other's, and whose files therefore do."""
    guest(**{**DB1, "name": "db1.data"})
    use(foreign.make_disk(f"{FOLDER}/db1.theirs.qcow2", "qcow2"))
    others = [f"{FOLDER}/db1.data.root.qcow2", f"{FOLDER}/db1.data.data.qcow2", f"{FOLDER}/db1.theirs.qcow2"]
    before = [content(path) for path in others], [ET.tostring(stored(name)) for name in ("other", "db1.data")]
    assert mend(**WITHOUT_DATA) == ["remove disks data"]
    guest(**GONE_WITH_DISKS)
    assert before == ([content(path) for path in others], [ET.tostring(stored(name)) for name in ("other", "db1.data")])


def test_a_medium_that_is_the_disk_of_a_guest_of_ours_keeps_it(db1: libvirt.virDomain) -> None:
    """Another guest reads it as a cdrom."""
    root = ET.fromstring(foreign.GUEST.format(name="other", path=foreign.make_disk(ISO, "raw"), format="raw"))
    drive = root.find("devices/disk[@device='cdrom']")
    assert drive is not None
    drive.set("type", "file")
    ET.SubElement(drive, "source", file=DATA)
    define(root)
    assert kept(guest(**GONE_WITH_DISKS)) == [DATA]
    assert os.path.exists(DATA)


def test_a_disk_that_a_process_of_another_has_open_is_kept(db1: libvirt.virDomain) -> None:
    """A guest of another user, or of no libvirt at all."""
    command = ["qemu-io", "-f", "qcow2", DATA]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdin is not None
        other.stdin.write(b"read 0 512\n")
        other.stdin.flush()
        other.stdout.readline()
        said = attempt(**GONE_WITH_DISKS)["msg"]
        assert f"{DATA} is not deleted: a process that is no guest known here has it open" in said
        other.stdin.close()
    assert os.path.exists(DATA)
    assert kept(guest(**GONE_WITH_DISKS)) == []


# A daemon that shares nothing with the other one but the network and the pools' folders.
SECOND = """
for folder in /run/libvirt /etc/libvirt /var/cache/libvirt /var/lib/libvirt/qemu; do
  mkdir -p $folder && mount -t tmpfs none $folder || exit 1
done
exec libvirtd --config "$1" --pid-file "$2"
"""


@pytest.fixture
def second(host: libvirt.virConnect, tmp_path: Path) -> Iterator[str]:
    """The URI of a second libvirt on this host."""
    settings, log = tmp_path / "libvirtd.conf", tmp_path / "log"
    settings.write_text(f'unix_sock_dir = "{tmp_path}"\nauth_unix_rw = "none"\n')
    script = ["setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "sh", "-c", SECOND, "sh", str(settings)]
    with log.open("wb") as output:
        daemon = subprocess.Popen([*script, str(tmp_path / "pid")], stdout=output, stderr=output)
    try:
        limit = time.monotonic() + START_S
        while not (tmp_path / "libvirt-sock").exists() and daemon.poll() is None and time.monotonic() < limit:
            time.sleep(0.1)
        assert (tmp_path / "libvirt-sock").exists(), log.read_text()
        yield f"qemu:///system?socket={tmp_path}/libvirt-sock"
    finally:
        daemon.kill()
        daemon.wait()


def test_guests_of_another_libvirt_with_the_same_name_are_not_touched(
    db1: libvirt.virDomain, second: str, tmp_path: Path
) -> None:
    theirs = foreign.make_disk(str(tmp_path / "db1.root.qcow2"), "qcow2")
    root = {"name": "root", "path": theirs, "format": "qcow2"}
    done = guest(uri=second, name="db1", memory="64 MiB", disks=[root])
    assert actions(done) == ["create guest"]
    before = run("virsh", "-c", second, "dumpxml", "db1"), content(theirs)
    assert kept(guest(**GONE_WITH_DISKS)) == []
    assert os.listdir(FOLDER) == []
    assert (run("virsh", "-c", second, "dumpxml", "db1"), content(theirs)) == before
    guest(**DB1)
    assert kept(guest(uri=second, **GONE_WITH_DISKS)) == [theirs]
    assert paths(stored("db1")) == [ROOT, DATA]
    assert all(map(os.path.exists, (theirs, ROOT, DATA)))


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
