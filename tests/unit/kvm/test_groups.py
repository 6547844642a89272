# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Disks as volumes of LVM, on a simulator of LVM: what it takes and refuses as its manual says. No kernel is in it."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.storage import Storage
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import HostError, PlanError
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.host import FileInfo
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Disk, Guest, Image
from ansible_collections.hostforge.hypervisor.tests.unit.guest.fake_host import FakeHost
from ansible_collections.hostforge.hypervisor.tests.unit.kvm_pool_network.fake_libvirt import Camel

MIB = 1024**2
EXTENT = 4 * MIB
IMAGE = "/images/base.qcow2"
POOLS = {
    "default": "<pool type='dir'><name>default</name><target><path>/pool</path></target></pool>",
    "fast": "<pool type='logical'><name>fast</name><source><name>vg0</name></source>"
    "<target><path>/dev/vg0</path></target></pool>",
}


class LvmHost(FakeHost):
    """A host with a volume group vg0. A volume's content in `files` tells its size, and what was copied into it."""

    def run(self, argv: Sequence[str], stdin: str = "", timeout_s: float | None = None) -> str:
        said = super().run(argv, stdin, timeout_s)
        words = list(argv[argv.index("--") + 1 :]) if "--" in argv else []
        command = " ".join(argv[:2]) if argv[0] == "qemu-img" else argv[0]
        does = {
            "vgs": self._extent,
            "lvcreate": self._create,
            "lvextend": self._extend,
            "lvrename": self._rename,
            "lvremove": self._remove,
            "qemu-img convert": self._convert,
            "qemu-img info": self._tell,
            "blockdev": self._measure,
        }
        return does[command](argv, words) or said if command in does else said

    def _extent(self, _argv: Sequence[str], _words: list[str]) -> str:
        return f"  {EXTENT}\n"

    def _create(self, argv: Sequence[str], words: list[str]) -> None:
        self._new(f"/dev/{words[0]}/{argv[argv.index('--name') + 1]}", _size(argv))

    def _extend(self, argv: Sequence[str], words: list[str]) -> None:
        if _size(argv) <= self._volume(words[0])["size"]:
            raise HostError("lvextend ended with status 5: New size matches existing size")
        self._put(words[0], **{**self._volume(words[0]), "size": _size(argv)})

    def _rename(self, _argv: Sequence[str], words: list[str]) -> None:
        group, old, new = words
        self._new(f"/dev/{group}/{new}", 0)
        self.files[f"/dev/{group}/{new}"] = self.files.pop(f"/dev/{group}/{old}")

    def _remove(self, _argv: Sequence[str], words: list[str]) -> None:
        del self.files[words[0]]

    def _convert(self, _argv: Sequence[str], words: list[str]) -> None:
        self._put(words[1], **{**self._volume(words[1]), "copy": words[0]})

    def _tell(self, argv: Sequence[str], words: list[str]) -> str:
        size = self._volume(words[0])["size"] if words[0].startswith("/dev/") else 16 * MIB
        return json.dumps({"format": "raw" if "raw" in argv else "qcow2", "virtual-size": size})

    def _measure(self, argv: Sequence[str], _words: list[str]) -> str:
        return f"{self._volume(argv[-1])['size']}\n"

    def info(self, path: str) -> FileInfo | None:
        found = super().info(path)
        return replace(found, size_bytes=0, kind="device") if found and path.startswith("/dev/") else found

    def _new(self, path: str, size: int) -> None:
        assert path not in self.files, f"{path} exists already in volume group"
        assert size % EXTENT == 0, "LVM would round it"
        self._put(path, size=size)

    def _put(self, path: str, **volume: Any) -> None:
        self.files[path] = json.dumps(volume).encode()

    def _volume(self, path: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.files[path])
        return found


def _size(argv: Sequence[str]) -> int:
    return int(argv[argv.index("--size") + 1].removesuffix("b"))


class FakePool(Camel):
    def __init__(self, text: str) -> None:
        self.text = text
        self.refreshed = 0

    def info(self) -> list[int]:
        """State, and bytes in all, in use and left."""
        return [2, 1024**4, 0, 1024**4]

    def xmldesc(self, _flags: int) -> str:
        return self.text

    def refresh(self, _flags: int) -> None:
        self.refreshed += 1


class FakeConnection(Camel):
    def __init__(self) -> None:
        self.pools = {name: FakePool(text) for name, text in POOLS.items()}

    def list_all_storage_pools(self, _flags: int) -> list[FakePool]:
        return list(self.pools.values())

    def storage_pool_lookup_by_name(self, name: str) -> FakePool:
        return self.pools[name]

    def storage_vol_lookup_by_path(self, _path: str) -> None:
        """It knows every volume."""


@pytest.fixture
def host() -> LvmHost:
    host = LvmHost(files={IMAGE: b"an image"})
    host.make_dir("/cache")
    return host


@pytest.fixture
def storage(host: LvmHost) -> Storage:
    return Storage(FakeConnection(), host, "/cache")  # type: ignore[arg-type]


def disk(**more: Any) -> Disk:
    return Disk("root", **{"size_bytes": 32 * MIB, "pool": "fast", **more})


def make(storage: Storage, wish: Disk) -> Disk:
    (fitted,) = storage.rounded(Guest("web1", disks=(wish,)), None).disks or ()
    placed = storage.place("web1", fitted)
    storage.check(placed)
    storage.make(placed, new=not storage.is_there(placed))
    return placed


def test_a_disk_is_a_volume_of_whole_extents(host: LvmHost, storage: Storage) -> None:
    made = make(storage, disk(size_bytes=33 * MIB))
    assert (made.path, made.format, made.size_bytes) == ("/dev/vg0/web1.root", "raw", 36 * MIB)
    assert json.loads(host.files[made.path or ""]) == {"size": 36 * MIB}
    assert storage.files.size(made.path or "", "raw") == 36 * MIB


def test_only_sizes_in_volume_groups_are_rounded(storage: Storage) -> None:
    given = Disk("given", 5 * MIB, path="/dev/vg0/theirs")
    disks = (disk(size_bytes=1), Disk("plain", 5 * MIB), Disk("moved", 5 * MIB), Disk("any", pool="fast"), given)
    have = Guest("web1", disks=(Disk("moved", pool="fast"),))
    found = storage.rounded(Guest("web1", disks=disks), have).disks or ()
    assert [one.size_bytes for one in found] == [EXTENT, 5 * MIB, 8 * MIB, None, 5 * MIB]


def test_an_image_is_copied_and_named_when_it_is_whole(host: LvmHost, storage: Storage) -> None:
    image = Image(IMAGE, copy="full")
    host.broken = {"lvrename"}
    with pytest.raises(HostError):
        make(storage, disk(image=image))
    assert not [path for path in host.files if path.startswith("/dev/vg0")], "nothing is left of it"
    host.broken = set()
    dead = "/dev/vg0/.hostforge.web1.root.part-999999999"
    host._put(dead, size=EXTENT)
    made = make(storage, disk(image=image))
    volume = json.loads(host.files[made.path or ""])
    assert volume["size"] == 32 * MIB
    assert volume["copy"].startswith("/cache/")
    assert dead not in host.files, "what a killed run left goes"
    assert ("remove", dead) not in host.log, "a volume is not removed as a file"


def test_an_image_without_a_size_gives_its_own(host: LvmHost, storage: Storage) -> None:
    made = make(storage, disk(size_bytes=None, image=Image(IMAGE, copy="full")))
    assert json.loads(host.files[made.path or ""])["size"] == 16 * MIB


@pytest.mark.parametrize(
    ("wish", "says"),
    [
        (disk(format="qcow2"), "the volumes of LVM in the pool fast are raw, not qcow2"),
        (disk(image=Image(IMAGE)), "a raw disk is a full copy of its image: set copy to full"),
        (disk(size_bytes=None), "an empty disk needs a size"),
        (disk(pool="none"), "there is no active storage pool none for disks; there are: default, fast"),
    ],
)
def test_what_lvm_cannot_do_is_refused(host: LvmHost, storage: Storage, wish: Disk, says: str) -> None:
    with pytest.raises(PlanError, match=says):
        make(storage, wish)
    assert not host.did("lvcreate")


@pytest.mark.parametrize("guest", ["snapshot1", "pvmove", "a_tmeta", "web_rimage_0"])
def test_names_that_lvm_keeps_for_itself_are_refused(storage: Storage, guest: str) -> None:
    with pytest.raises(PlanError, match=f"LVM keeps the name {guest}.root for itself"):
        storage.check(storage.place(guest, disk()))


def test_a_volume_that_was_kept_is_taken_again_and_grown_and_never_shrunk(host: LvmHost, storage: Storage) -> None:
    path = make(storage, disk()).path or ""
    make(storage, disk(size_bytes=40 * MIB))
    assert json.loads(host.files[path])["size"] == 40 * MIB
    with pytest.raises(PlanError, match="is there already with 40 MiB and is not shrunk to 32 MiB"):
        make(storage, disk())
    assert len(host.did("lvcreate")) == 1


def test_a_volume_is_grown_once(host: LvmHost, storage: Storage) -> None:
    path = make(storage, disk()).path or ""
    assert storage.can_grow(path)
    for _time in range(2):
        storage.files.grow(path, 40 * MIB, "raw")
    assert json.loads(host.files[path])["size"] == 40 * MIB
    assert not storage.can_grow("/dev/other/volume")
    assert os.path.dirname(path) == "/dev/vg0"
