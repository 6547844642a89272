# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What this host cannot do is refused before anything is touched, with every reason of every guest."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import libvirt
import pytest

from ansible_collections.hostforge.hypervisor.tests.integration.daemon import BRIDGE, POOLS
from ansible_collections.hostforge.hypervisor.tests.integration.private import run
from ansible_collections.hostforge.hypervisor.tests.integration.runs import attempt, guest, refused, virsh

FOLDER = POOLS["default"]
GOOD = "/var/lib/hostforge/good.qcow2"
BAD = "/var/lib/hostforge/bad.qcow2"
CACHE = "/var/lib/hostforge/images"
OVERCOMMIT = "/proc/sys/vm/overcommit_memory"


@pytest.fixture
def good(kvm: libvirt.virConnect) -> Path:
    """An image with data in it."""
    run("qemu-img", "create", "-q", "-f", "qcow2", GOOD, "16M")
    run("qemu-io", "-f", "qcow2", "-c", "write -q -P 0x5a 0 8M", GOOD)
    return Path(GOOD)


@pytest.fixture
def overcommit(tmp_path: Path) -> Iterator[Path]:
    """Whether the kernel overcommits memory, as the collection reads it."""
    file = tmp_path / "overcommit"
    file.write_text("0\n")
    run("mount", "--bind", str(file), OVERCOMMIT)
    yield file
    run("umount", OVERCOMMIT)


def patched(good: Path, offset: int, number: int) -> None:
    content = bytearray(good.read_bytes())
    content[offset : offset + 8] = struct.pack(">Q", number)
    Path(BAD).write_bytes(content)


def disk(**image: Any) -> dict[str, Any]:
    return {"name": "a", "disks": [{"name": "root", "image": {"source": BAD, **image}}]}


def assert_untouched() -> None:
    assert virsh("list", "--all", "--name") == ""
    assert os.listdir(FOLDER) == []
    assert not os.path.isdir(CACHE) or os.listdir(CACHE) == []


def cut_off(good: Path) -> None:
    Path(BAD).write_bytes(good.read_bytes()[: 4 * 1024**2])


def only_a_header(good: Path) -> None:
    Path(BAD).write_bytes(good.read_bytes()[:112])


def half_a_header(good: Path) -> None:
    Path(BAD).write_bytes(good.read_bytes()[:64])


def endless(good: Path) -> None:
    patched(good, 24, 2**62)


def beyond_the_pool(good: Path) -> None:
    run("qemu-img", "create", "-q", "-f", "qcow2", BAD, "1P")


def tables_elsewhere(good: Path) -> None:
    patched(good, 40, 2**40)


def raw(good: Path) -> None:
    run("qemu-img", "convert", "-O", "raw", str(good), BAD)


def text(good: Path) -> None:
    Path(BAD).write_text("<html>Not found</html>")


def nothing(good: Path) -> None:
    Path(BAD).write_bytes(b"")


def on_another(good: Path) -> None:
    run("qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", "/etc/hostname", BAD)


def data_elsewhere(good: Path) -> None:
    run("qemu-img", "create", "-q", "-f", "qcow2", "-o", "data_file=/var/lib/hostforge/data.raw", BAD, "1M")


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (cut_off, "is damaged or not whole"),
        (only_a_header, "is damaged or not whole"),
        (half_a_header, "cannot be read"),
        (endless, "cannot be read"),
        (beyond_the_pool, "more than all of the pool default"),
        (tables_elsewhere, "is damaged or not whole"),
        (raw, "is raw, not qcow2"),
        (text, "is raw, not qcow2"),
        (nothing, "is raw, not qcow2"),
        (on_another, "refers to another file"),
        (data_elsewhere, "refers to another file"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_bad_image_is_refused(good: Path, make: Any, says: str) -> None:
    make(good)
    said = refused(**disk())
    assert said.startswith(f"guest a: disk root: the image {BAD} ")
    assert says in said
    assert_untouched()


def test_an_image_that_is_said_to_be_raw_and_is_not_is_refused(good: Path) -> None:
    os.link(good, BAD)
    assert "is qcow2, not raw" in refused(**disk(format="raw", copy="full"))
    assert_untouched()


def test_an_image_with_lost_clusters_is_whole(good: Path) -> None:
    """They take room in the file, and nothing is missing."""
    content = good.read_bytes()
    table = struct.unpack(">Q", content[48:56])[0]
    block = struct.unpack(">Q", content[table : table + 8])[0]
    unused = len(content) // 65536
    leaking = bytearray(content + b"\0" * 65536)
    leaking[block + 2 * unused : block + 2 * unused + 2] = b"\0\1"
    Path(BAD).write_bytes(leaking)
    assert guest(**disk())["changed"]


def test_a_size_that_was_written_may_be_more_than_the_pool_has(good: Path) -> None:
    beyond_the_pool(good)
    wish = disk()
    wish["disks"][0]["size"] = "1024 TiB"
    assert guest(**wish)["changed"]


def test_a_disk_that_its_format_cannot_hold_is_refused(kvm: libvirt.virConnect) -> None:
    said = refused(name="a", disks=[{"name": "root", "size": "8388607 TiB"}])
    assert said == "guest a: disk root: size: 8388607 TiB are more than the 2048 TiB that qcow2 can hold"
    assert_untouched()


@pytest.mark.parametrize("kind", ["folder", "pipe", "device"])
def test_what_is_no_file_is_neither_an_image_nor_a_medium(kvm: libvirt.virConnect, kind: str) -> None:
    paths = {"folder": "/var/lib/hostforge", "pipe": "/var/lib/hostforge/pipe", "device": "/dev/zero"}
    if kind == "pipe":
        os.mkfifo(paths[kind])
    try:
        image = {"source": paths[kind], "format": "raw", "copy": "full"}
        said = refused(name="a", disks=[{"name": "root", "image": image}], cdroms=[{"source": paths[kind]}])
        assert f"{paths[kind]} is no image" in said
        assert f"{paths[kind]} is no medium" in said
        assert_untouched()
    finally:
        Path("/var/lib/hostforge/pipe").unlink(missing_ok=True)


def test_a_guest_that_can_never_have_its_memory_is_refused(kvm: libvirt.virConnect, overcommit: Path) -> None:
    for options in ({"memory": "8 TiB"}, {"memory": "64 MiB", "memory_max": "8 TiB"}):
        said = refused(name="a", **options)
        assert "memory: a guest of 8 TiB can never start here: the host has " in said
        assert_untouched()
    guest(name="a", memory="64 MiB")
    assert "8 TiB" in refused(name="a", memory="8 TiB")
    overcommit.write_text("2\n")
    assert "without overcommitment" in refused(name="a", memory="8 TiB")
    overcommit.write_text("1\n")
    assert guest(name="a", memory="8 TiB")["changed"]


def test_more_processors_than_a_guest_can_have_are_refused(kvm: libvirt.virConnect) -> None:
    assert "vcpus: 4096 are more than the " in refused(name="a", vcpus=4096)
    guest(name="a")
    assert "vcpus: 4096 are more than the " in refused(name="a", vcpus=4096)


def test_an_address_that_another_guest_has_is_refused(kvm: libvirt.virConnect) -> None:
    card = {"network": "default", "mac": "52:54:00:aa:bb:cc"}
    guest(name="a", nics=[card])
    assert refused(name="b", nics=[card]) == "guest b: nics: mac 52:54:00:aa:bb:cc is a's"
    guest(name="b")
    assert refused(name="b", nics=[card]) == "guest b: nics: mac 52:54:00:aa:bb:cc is a's"
    assert not guest(name="a", nics=[card])["changed"]


def test_what_is_no_bridge_is_refused(kvm: libvirt.virConnect) -> None:
    assert "lo is a network card of the host and no bridge" in refused(name="a", nics=[{"bridge": "lo"}])
    assert guest(name="a", nics=[{"bridge": BRIDGE}])["changed"]


def test_every_reason_of_every_guest_is_told_and_the_others_are_made(good: Path) -> None:
    cut_off(good)
    bad = {
        **disk(),
        "cdroms": [{"source": "/none.iso"}],
        "nics": [{"network": "nowhere"}, {"bridge": "br-none"}],
        "kvm": {"type": "qemu"},
    }
    bad["disks"] = [*bad["disks"], {"name": "data"}, {"name": "more", "size": "1 GiB", "pool": "nowhere"}]
    guests = [bad, {"name": "b", "memory": "64 MiB"}, {**bad, "name": "c", "disks": []}]
    for check in (True, False):
        result = attempt(check, guests=guests)
        assert result["failed"]
        for part in ("/none.iso", "no network nowhere", "no bridge br-none"):
            assert result["msg"].count(part) == 2, (part, result["msg"])
        for part in ("is damaged", "an empty disk needs a size", "storage pool nowhere"):
            assert result["msg"].count(part) == 1, (part, result["msg"])
        assert [entry["changed"] for entry in result["guests"]] == [False, True, False]
    assert virsh("list", "--all", "--name").split() == ["b"]
    assert os.listdir(FOLDER) == []


def test_a_refused_change_does_not_hide_what_the_host_lacks(kvm: libvirt.virConnect) -> None:
    guest(name="a", disks=[{"name": "root", "size": "2 GiB"}])
    said = refused(name="a", disks=[{"name": "root", "size": "1 GiB"}], nics=[{"network": "nowhere"}])
    assert "is not shrunk" in said
    assert "no network nowhere" in said
