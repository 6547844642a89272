# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Partition table, boot sector and initrd are what the firmware, GRUB and the kernel expect."""

from __future__ import annotations

import gzip
import stat
import struct
import subprocess
import uuid
import zlib
from pathlib import Path

import pytest

from ansible_collections.hostforge.hypervisor.molecule.shared.testbed import cpio, gpt, grub, initrd
from ansible_collections.hostforge.hypervisor.molecule.shared.testbed.errors import TestbedError

MIB = 1024 * 1024
KIND = uuid.UUID("21686148-6449-6e6f-744e-656564454649")


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    path = tmp_path / "disk.raw"
    with path.open("wb") as handle:
        handle.write(b"boot code".ljust(440, b"\xcc"))
        handle.truncate(64 * MIB)
    parts = [gpt.Partition(KIND, "bios", MIB, MIB), gpt.Partition(uuid.uuid4(), "root", 2 * MIB, 61 * MIB)]
    gpt.write_gpt(path, 64 * MIB, parts)
    return path


def header(disk: Path, sector: int) -> tuple[bytes, int, int, int]:
    """A header with its checksum zeroed, its checksum, and the sectors it says it and its copy are in."""
    raw = bytearray(disk.read_bytes()[sector * 512 : sector * 512 + 92])
    (checksum,) = struct.unpack_from("<I", raw, 16)
    own, other = struct.unpack_from("<QQ", raw, 24)
    raw[16:20] = bytes(4)
    return bytes(raw), checksum, own, other


def test_both_headers_are_right_and_point_at_each_other(disk: Path) -> None:
    last = 64 * MIB // 512 - 1
    for sector, copy in ((1, last), (last, 1)):
        raw, checksum, own, other = header(disk, sector)
        assert raw.startswith(b"EFI PART")
        assert checksum == zlib.crc32(raw)
        assert (own, other) == (sector, copy)


def test_both_tables_hold_the_partitions(disk: Path) -> None:
    data = disk.read_bytes()
    first, spare = data[1024 : 1024 + 128 * 128], data[-33 * 512 : -512]
    assert first == spare
    assert first[:16] == KIND.bytes_le
    assert struct.unpack_from("<QQ", first, 32) == (2048, 4095)
    assert first[56:128].decode("utf-16-le").rstrip("\0") == "bios"


def test_the_first_sector_keeps_its_code_and_protects_the_disk(disk: Path) -> None:
    sector = disk.read_bytes()[:512]
    assert sector[:440] == b"boot code".ljust(440, b"\xcc")
    assert sector[450] == 0xEE
    assert struct.unpack_from("<II", sector, 454) == (1, 64 * MIB // 512 - 1)
    assert sector[510:] == b"\x55\xaa"


def boot_image() -> bytes:
    image = bytearray(b"\xcc" * 512)
    image[-2:] = b"\x55\xaa"
    return bytes(image)


def test_the_boot_sector_is_told_where_the_core_is_and_nothing_else() -> None:
    patched = grub.patched_boot(boot_image(), 2048)
    assert struct.unpack_from("<Q", patched, 0x5C) == (2048,)
    assert patched[0x66:0x68] == b"\x90\x90"
    assert [place for place in range(512) if patched[place] != boot_image()[place]] == [*range(0x5C, 0x64), 0x66, 0x67]


@pytest.mark.parametrize("wrong", [b"", b"\x55\xaa", bytes(512), bytes(1024)])
def test_what_is_no_boot_sector_is_refused(wrong: bytes) -> None:
    with pytest.raises(TestbedError, match="not a GRUB boot sector"):
        grub.patched_boot(wrong, 2048)


@pytest.mark.parametrize(("length", "sectors"), [(512 * 3, 3), (512 * 3 + 1, 4), (512 * 4 - 1, 4)])
def test_the_core_lists_its_own_sectors_without_the_first(length: int, sectors: int) -> None:
    core = b"\xcc" * length
    patched = grub.patched_core(core, 2048)
    assert len(patched) == sectors * 512
    assert struct.unpack_from("<QH", patched, 500) == (2049, sectors - 1)
    assert patched[510:512] == b"\xcc\xcc", "the segment is grub-mkimage's"


def entries(archive: bytes) -> list[tuple[str, int, bytes]]:
    """Name, mode and content of each entry, read by the format's description."""
    found, place = [], 0
    while place < len(archive):
        assert archive[place : place + 6] == b"070701"
        fields = [int(archive[place + 6 + 8 * n : place + 14 + 8 * n], 16) for n in range(13)]
        name = archive[place + 110 : place + 110 + fields[11] - 1].decode()
        start = -(-(place + 110 + fields[11]) // 4) * 4
        place = -(-(start + fields[6]) // 4) * 4
        found.append((name, fields[1], archive[start : start + fields[6]]))
    return found


def test_the_archive_is_one_that_the_kernel_reads() -> None:
    archive = cpio.Cpio()
    archive.directory("bin")
    archive.file("bin/sh", b"#!\n", 0o755)
    archive.file("empty", b"")
    archive.device("console", 5, 1)
    assert entries(archive.finish()) == [
        ("bin", stat.S_IFDIR | 0o755, b""),
        ("bin/sh", stat.S_IFREG | 0o755, b"#!\n"),
        ("empty", stat.S_IFREG | 0o644, b""),
        ("console", stat.S_IFCHR | 0o600, b""),
        ("TRAILER!!!", 0, b""),
    ]


DEPENDENCIES = """\
kernel/fs/ext4/ext4.ko.xz: kernel/lib/crc16.ko.xz kernel/fs/jbd2/jbd2.ko.xz kernel/fs/mbcache.ko.xz
kernel/fs/jbd2/jbd2.ko.xz:
kernel/fs/mbcache.ko.xz:
kernel/lib/crc16.ko.xz:
kernel/drivers/virtio/virtio-blk.ko: kernel/lib/crc16.ko.xz
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    base = tmp_path / "lib/modules/6.0"
    base.mkdir(parents=True)
    (base / "modules.dep").write_text(DEPENDENCIES)
    return tmp_path


def closure(root: Path, *wanted: str) -> list[str]:
    return [path.name for path in initrd.module_closure(root, "6.0", wanted)]


def test_modules_come_after_what_they_need_and_once(root: Path) -> None:
    names = closure(root, "ext4", "virtio_blk")
    assert names == ["mbcache.ko.xz", "jbd2.ko.xz", "crc16.ko.xz", "ext4.ko.xz", "virtio-blk.ko"]


def test_a_module_that_the_kernel_has_built_in_is_left_out(root: Path) -> None:
    assert closure(root, "virtio_pci", "virtio_blk") == ["crc16.ko.xz", "virtio-blk.ko"]


def test_the_initrd_mounts_and_hands_over(root: Path) -> None:
    (root / "bin").mkdir()
    (root / "bin/busybox").write_bytes(b"static")
    base = root / "lib/modules/6.0"
    (base / "modules.dep").write_text("kernel/virtio_blk.ko:\n")
    (base / "kernel").mkdir()
    (base / "kernel/virtio_blk.ko").write_bytes(b"module")
    content = gzip.decompress(initrd.build_initrd(root, "6.0"))
    assert b"exec busybox switch_root /new /sbin/init" in content
    assert initrd.PROBE_MARKER.encode() in content
    assert b"virtio_blk.ko\n" in content


def test_an_image_without_busybox_is_refused(root: Path) -> None:
    (root / "lib/modules/6.0/modules.dep").write_text("")
    with pytest.raises(TestbedError, match="busybox-static"):
        initrd.build_initrd(root, "6.0")


def test_init_is_a_script_that_a_shell_reads(tmp_path: Path) -> None:
    script = tmp_path / "init"
    script.write_text(initrd._INIT)
    done = subprocess.run(["sh", "-n", str(script)], check=False, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_core_of_the_image_s_own_grub_goes_on_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A core image that is told to read a configuration knows only the commands that are in it."""
    ran: list[list[str | Path]] = []

    def run(command: list[str | Path]) -> None:
        ran.append(command)
        (tmp_path / "boot/grub/core.img").write_bytes(b"core")

    monkeypatch.setattr(grub, "run", run)
    (tmp_path / "boot/grub").mkdir(parents=True)
    assert grub.make_own_core(tmp_path, "root") == b"core"
    assert ran[0][:3] == ["chroot", tmp_path, "grub-mkimage"]
    early = (tmp_path / "boot/grub/early.cfg").read_text()
    assert "set prefix=($root)/boot/grub" in early
    assert "configfile" not in early
