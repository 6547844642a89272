# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What others have, or have a part in, is never deleted with a guest: disks, bases, media, other libvirts."""

from __future__ import annotations

import os
import subprocess
import time
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

import libvirt
import pytest

from ansible_collections.hostforge.hypervisor.tests.integration import foreign
from ansible_collections.hostforge.hypervisor.tests.integration.daemon import START_S
from ansible_collections.hostforge.hypervisor.tests.integration.precious import (
    DATA,
    DB1,
    FOLDER,
    GONE_WITH_DISKS,
    ISO,
    ROOT,
    WITHOUT_DATA,
    content,
    kept,
    make_db1,
    use,
)
from ansible_collections.hostforge.hypervisor.tests.integration.private import run
from ansible_collections.hostforge.hypervisor.tests.integration.runs import (
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


@pytest.fixture
def db1(kvm: libvirt.virConnect) -> libvirt.virDomain:
    return make_db1(kvm)


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


def test_two_guests_never_share_a_disk(db1: libvirt.virDomain) -> None:
    """A guest of another name whose disk has the same file name."""
    use(f"{FOLDER}/db2.root.qcow2" if foreign.make_disk(f"{FOLDER}/db2.root.qcow2", "qcow2") else "")
    assert "belongs to other" in refused(**{**DB1, "name": "db2"})


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
