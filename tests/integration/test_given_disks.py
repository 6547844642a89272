# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Disks whose data is there already, given by its path: real block devices and files, and who else may have them."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import libvirt
import pytest

from ansible_collections.hostforge.hypervisor.tests.integration import foreign
from ansible_collections.hostforge.hypervisor.tests.integration.daemon import POOLS
from ansible_collections.hostforge.hypervisor.tests.integration.kvm_subject import virtual_size
from ansible_collections.hostforge.hypervisor.tests.integration.private import run
from ansible_collections.hostforge.hypervisor.tests.integration.runs import (
    actions,
    attempt,
    guest,
    hot,
    live,
    mend,
    refused,
    stored,
    virsh,
)

FILE = "/var/lib/hostforge/theirs.qcow2"
RAW = "/var/lib/hostforge/theirs.raw"
BACKING = "/var/lib/hostforge/device"
MIB = 1024**2
DB1: dict[str, Any] = {"name": "db1", "memory": "128 MiB", "disks": [{"name": "root", "size": "64 MiB"}]}


@pytest.fixture
def file(kvm: libvirt.virConnect) -> str:
    """A file of 24 MiB."""
    return foreign.make_disk(FILE, "qcow2")


@pytest.fixture
def device(kvm: libvirt.virConnect) -> Iterator[str]:
    """A block device of 32 MiB, in which a whole file system is."""
    with open(BACKING, "wb") as backing:
        backing.truncate(32 * MIB)
    run("mke2fs", "-q", "-F", BACKING)
    name = run("losetup", "--find", "--show", BACKING).strip()
    yield name
    for domain in kvm.listAllDomains(libvirt.VIR_CONNECT_LIST_DOMAINS_ACTIVE):
        domain.destroy()
    run("losetup", "--detach", name)


def with_data(name: str = "db1", **options: Any) -> dict[str, Any]:
    return {**DB1, "name": name, "disks": [*DB1["disks"], {"name": "data", **options}]}


def data(name: str = "db1", running: bool = False) -> tuple[Any, ...]:
    """What the definition says of the second disk: its type, format and place."""
    root = live(name) if running else stored(name)
    disk = root.findall("devices/disk[@device='disk']")[1]
    source, driver = disk.find("source"), disk.find("driver")
    assert source is not None
    assert driver is not None
    return disk.get("type"), driver.get("type"), source.get("file") or source.get("dev")


def test_a_block_device_is_a_raw_disk_that_nothing_changes(device: str) -> None:
    before = Path(BACKING).read_bytes()
    assert mend(**with_data(path=device, size="32 MiB")) == ["create guest"]
    assert data() == ("block", "raw", device)
    assert mend(**with_data(path=device, size="16 MiB")) == []
    assert mend(**with_data()) == []
    assert mend(**DB1, delete_disks=True) == ["remove disks data"]
    virsh("start", "db1")
    done = guest(**with_data(path=device))
    assert (actions(done), hot(done)) == (["add disks data"], [True])
    assert data(running=True) == data() == ("block", "raw", device)
    virsh("destroy", "db1")
    gone = guest(name="db1", state="absent", delete_disks=True)
    assert gone["guests"][0]["kept_disks"] == [device]
    assert os.path.exists(device)
    assert Path(BACKING).read_bytes() == before


def test_a_block_device_is_grown_by_others(device: str) -> None:
    says = f"disk data: the device {device} is 32 MiB, not 48 MiB: make the device larger"
    large = with_data(path=device, size="48 MiB")
    assert says in refused(**large)
    guest(**with_data(path=device))
    assert says in refused(**large)
    os.truncate(BACKING, 48 * MIB)
    run("losetup", "--set-capacity", device)
    assert mend(**large) == []


def test_a_file_is_grown_while_the_guest_is_off_and_while_it_runs(file: str) -> None:
    guest(**with_data(path=file, format="qcow2", size="32 MiB"))
    assert virtual_size(file) == 32 * MIB
    assert mend(**with_data(path=file, format="qcow2", size="40 MiB")) == ["grow disks.size data"]
    assert virtual_size(file) == 40 * MIB
    virsh("start", "db1")
    assert mend(**with_data(size="48 MiB")) == ["grow disks.size data"]
    assert virtual_size(file) == 48 * MIB


def test_the_format_of_a_file_has_to_be_said_and_to_be_true(file: str) -> None:
    assert f"{file} is a file: write its format, qcow2 or raw" in refused(**with_data(path=file))
    os.replace(file, RAW)
    guest(**with_data(path=RAW, format="raw"))
    assert data() == ("file", "raw", RAW), "what stands in a raw file is not looked at"
    Path(FILE).write_bytes(b"\0" * MIB)
    assert f"{FILE} is not qcow2" in refused(**with_data(name="db2", path=FILE, format="qcow2"))


def test_a_raw_disk_in_which_a_guest_wrote_a_header_stays_raw(kvm: libvirt.virConnect) -> None:
    """Else the guest would choose which files of the host it reads."""
    secret = foreign.make_disk("/var/lib/hostforge/secret", "raw")
    guest(**{**DB1, "disks": [{"name": "root", "size": "2 MiB", "format": "raw"}]})
    path = f"{POOLS['default']}/db1.root.raw"
    run("qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", secret, RAW, "1G")
    with open(path, "r+b") as disk:
        disk.write(Path(RAW).read_bytes())
    for power in ("stopped", "running"):
        wish = {**DB1, "disks": [{"name": "root", "size": "4 MiB" if power == "stopped" else "8 MiB"}]}
        assert guest(**wish)["guests"][0]["guest"]["disks"][0]["size"] == wish["disks"][0]["size"]
        assert os.path.getsize(path) == (4 if power == "stopped" else 8) * MIB
        virsh("start", "db1") if power == "stopped" else None
    assert guest(name="db1", state="absent", delete_disks=True, restart="force", shutdown_timeout=0)
    assert os.path.exists(secret)
    assert not os.path.exists(path)


def test_no_two_disks_have_the_same_data(kvm: libvirt.virConnect, file: str, device: str) -> None:
    other = "/var/lib/hostforge/link"
    hard = "/var/lib/hostforge/hard"
    node = "/var/lib/hostforge/node"
    os.symlink(file, other)
    os.link(file, hard)
    os.mknod(node, 0o600 | 0o060000, os.stat(device).st_rdev)
    qcow2 = {"format": "qcow2"}
    for one, two, more in ((file, other, qcow2), (file, hard, qcow2), (device, node, {})):
        twice = [{"name": "a", "path": one, **more}, {"name": "b", "path": two, **more}]
        said = refused(**{**DB1, "disks": twice})
        assert f"disk b: {two} is that of disk a, in the same task" in said
        pair = [{**DB1, "name": f"db{i}", "disks": [disk]} for i, disk in enumerate(twice)]
        said = attempt(guests=pair)["msg"]
        assert f"guest db1: disk b: {two} is that of disk a of guest db0, in the same task" in said
        assert [domain.name() for domain in kvm.listAllDomains()] == ["db0"]
        guest(name="db0", state="absent")
        guest(**with_data(path=one, **more))
        again = {"name": "b", "path": two, **more}
        assert f"disk b: {two} belongs to db1" in refused(**{**DB1, "name": "db2", "disks": [again]})
        both = with_data()["disks"] + [again]
        assert f"disk b: {two} belongs to this guest as another disk" in refused(**{**DB1, "disks": both})
        assert mend(**with_data(path=two, **more)) == [], "another name for the same data changes nothing"
        virsh("start", "db1")
        assert not guest(**with_data(path=two, **more))["restart_required"]
        virsh("destroy", "db1")
        guest(name="db1", state="absent")
    os.unlink(node)


def test_what_is_to_be_a_disk_of_its_own_and_of_the_same_task_is_refused(kvm: libvirt.virConnect) -> None:
    mine = foreign.make_disk(f"{POOLS['default']}/db1.root.qcow2", "qcow2")
    theirs = {"name": "db2", "disks": [{"name": "x", "path": mine, "format": "qcow2"}]}
    root = {"name": "db1", "disks": [{"name": "root", "size": "24 MiB"}]}
    for guests in ([root, theirs], [theirs, root]):
        assert "in the same task" in attempt(guests=guests)["msg"]
        (only,) = kvm.listAllDomains()
        assert only.name() == guests[0]["name"]
        only.undefine()


def test_data_that_others_are_based_on_or_that_is_an_image_is_refused(file: str) -> None:
    overlay = "/var/lib/hostforge/overlay.qcow2"
    run("qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", file, overlay)
    guest(**with_data(path=overlay, format="qcow2"))
    assert f"other disks are based on {file}" in refused(**with_data(name="db2", path=file, format="qcow2"))
    image = {"name": "root", "image": {"source": foreign.make_disk("/var/lib/hostforge/base.qcow2", "qcow2")}}
    guest(name="db3", disks=[{**image, "image": {**image["image"], "copy": "full"}}])  # type: ignore[dict-item]
    (cached,) = Path("/var/lib/hostforge/images").iterdir()
    said = refused(**with_data(name="db2", path=str(cached), format="qcow2"))
    assert f"{cached} is an image that disks are made from" in said


def overlay(name: str, base: str, *options: str) -> str:
    path = f"/var/lib/hostforge/{name}.qcow2"
    run("qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", base, *options, path)
    return path


def test_data_that_is_based_on_a_guests_disk_is_refused(kvm: libvirt.virConnect, file: str) -> None:
    """The guest writes to that, by whatever name, and so what is based on it would be lost."""
    os.symlink(file, "/var/lib/hostforge/link")
    near = overlay("near", "/var/lib/hostforge/link")
    far = overlay("far", near)
    guest(**with_data(path=file, format="qcow2"))
    for path in (near, far):
        for name, whose in (("db2", "db1"), ("db1", "this guest as another disk")):
            more = {"name": "more", "path": path, "format": "qcow2"}
            said = refused(**{**DB1, "name": name, "disks": [*DB1["disks"], more]})
            assert f"disk more: {path} is based on " in said
            assert f"which belongs to {whose} and must not change" in said
    kept = f"{POOLS['default']}/db3.root.qcow2"
    shutil.move(near, kept)
    assert f"disk root: {kept} is based on" in refused(**{**DB1, "name": "db3"})
    virsh("undefine", "db1")
    third = overlay("third", file)
    os.unlink(kept)
    pair = [with_data(name="db4", path=file, format="qcow2"), with_data(name="db5", path=third, format="qcow2")]
    for both in (pair, pair[::-1]):
        assert "in the same task" in attempt(guests=both)["msg"]
        (only,) = kvm.listAllDomains()
        only.undefine()
    os.unlink(file)
    assert f"{third} or what it is based on cannot be read" in refused(**with_data(path=third, format="qcow2"))


def test_data_is_taken_that_is_based_on_what_nobody_writes_to(kvm: libvirt.virConnect, file: str) -> None:
    first, second = overlay("first", file), overlay("second", file)
    guest(**with_data(path=first, format="qcow2", name="db1"))
    virsh("start", "db1")
    assert mend(**with_data(path=second, format="qcow2", name="db2")) == ["create guest"]
    virsh("destroy", "db1")


def test_data_that_is_kept_in_a_guests_disk_is_refused(kvm: libvirt.virConnect) -> None:
    """A qcow2 file can have its data in a file apart."""
    table = "/var/lib/hostforge/table.qcow2"
    run("qemu-img", "create", "-q", "-f", "qcow2", "-o", f"data_file={RAW}", table, "1M")
    guest(**with_data(path=RAW, format="raw"))
    said = refused(**with_data(name="db2", path=table, format="qcow2"))
    assert f"{table} is based on {RAW}, which belongs to db1" in said


def test_a_device_that_the_host_uses_is_refused(device: str) -> None:
    folder = "/var/lib/hostforge/mount point"
    os.mkdir(folder)
    run("mount", device, folder)
    try:
        said = refused(**with_data(path=device))
    finally:
        run("umount", folder)
    assert f"disk data: {device} is in use by the host itself" in said
    assert f"mounted at {folder}" in said
    said = refused(**with_data(path=BACKING, format="raw"))
    assert f"{BACKING} is in use by the host itself (by {device})" in said


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"path": "/var/lib/hostforge/none"}, "No such file or directory; the data of a path must be there"),
        ({"path": "/var/lib/hostforge"}, "/var/lib/hostforge is neither a block device nor a file"),
        ({"path": "/dev/null"}, "/dev/null is neither a block device nor a file"),
        ({"path": "relative"}, "an absolute path on the host is allowed"),
        ({"path": "/a", "pool": "default"}, "disks[1].pool: not allowed beside path"),
        ({"path": "/a", "image": {"source": "/b"}}, "disks[1].image: not allowed beside path"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_is_no_data_is_refused(kvm: libvirt.virConnect, options: dict[str, Any], says: str) -> None:
    assert says in refused(**with_data(**options))
    assert kvm.listAllDomains() == []


def test_the_data_of_a_disk_is_not_exchanged_for_other_data(file: str) -> None:
    guest(**with_data(size="32 MiB"))
    said = refused(**with_data(path=file, format="qcow2"))
    assert "disks.path of data is fixed when the guest is made" in said


def test_a_disk_that_others_attached_is_known_by_its_data(file: str) -> None:
    foreign.add_guest(libvirt.open("qemu:///system"), "db1", file)
    os.link(file, "/var/lib/hostforge/hard")
    for path in (file, "/var/lib/hostforge/hard"):
        assert mend(name="db1", disks=[{"name": "system", "path": path}]) == []
    assert mend(name="db1", disks=[{"name": "system", "path": file, "size": "40 MiB"}]) == ["grow disks.size hda"]
    assert guest(name="db1", state="absent", delete_disks=True)["guests"][0]["kept_disks"] == [file]
    assert os.path.exists(file)


@pytest.mark.parametrize("power", ["running", "off"])
def test_a_given_disk_with_an_overlay_is_the_same_disk(file: str, power: str) -> None:
    written = with_data(path=file, format="qcow2")
    guest(**written)
    if power == "running":
        virsh("start", "db1")
    virsh("snapshot-create-as", "db1", "s1", "--disk-only")
    assert data()[2] != file
    assert mend(**written) == []


def test_a_device_that_is_mounted_in_another_namespace_is_refused(device: str) -> None:
    os.makedirs("/run/place", exist_ok=True)
    elsewhere = ["unshare", "--mount", "sh", "-c", f"mount {device} /run/place && echo && read _line"]
    with subprocess.Popen(elsewhere, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        said = refused(**with_data(path=device))
        process.communicate(b"\n")
    assert f"disk data: {device} is in use by the host itself" in said
    assert mend(**with_data(path=device)) == ["create guest"]
