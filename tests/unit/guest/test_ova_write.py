# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Archives of packages that are written: the same each time, whole or not there, and read again."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.appliance import Appliance, ApplianceDisk
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import HostError, PlanError
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.module_host import ModuleHost
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.ova_write import write_ova
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.package import extract, open_package, verify
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.parts import is_part, part_of
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.tar_files import header_of
from ansible_collections.hostforge.hypervisor.tests.unit.guest.appliances import appliances
from ansible_collections.hostforge.hypervisor.tests.unit.guest.fake_host import FakeHost

DATA = b"KDMV" + bytes(range(256)) * 40
GUEST = Appliance(
    "web1",
    "front end",
    2,
    512,
    disks=(
        ApplianceDisk("root", 2**30, "vmdk", "web1-disk1.vmdk", None, "sata", 0, 0),
        ApplianceDisk("data", 2**20, "vmdk", "web1-disk2.vmdk", None, "sata", 0, 1),
    ),
)
SOURCES = {"web1-disk1.vmdk": "/d/root.vmdk", "web1-disk2.vmdk": "/d/data.vmdk"}


def full_host() -> FakeHost:
    return FakeHost(files={"/d/root.vmdk": DATA, "/d/data.vmdk": b"x" * 512})


def test_an_archive_is_written_the_same_each_time() -> None:
    first, second = full_host(), full_host()
    write_ova(first, "/out/web1.ova", GUEST, SOURCES, 0o644)
    write_ova(second, "/other/b.ova", GUEST, dict(reversed(SOURCES.items())), 0o644)
    data = first.files["/out/web1.ova"]
    assert data == second.files["/other/b.ova"]
    assert (first.modes["/out/web1.ova"], len(data) % 10240) == (0o644, 0)
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        assert tar.getnames() == ["web1.ovf", "web1.mf", "web1-disk1.vmdk", "web1-disk2.vmdk"]
        assert {(one.mtime, one.uid, one.gid, one.uname, one.mode) for one in tar} == {(0, 0, 0, "", 0o644)}
    package = open_package(first, "/out/web1.ova")
    verify(first, package)
    sizes = [disk.file_bytes for disk in package.appliance.disks]
    assert sizes == [len(DATA), 512]
    unsized = tuple(replace(disk, file_bytes=None) for disk in package.appliance.disks)
    assert replace(package.appliance, disks=unsized) == GUEST


@given(appliances(filled=True), st.binary(max_size=3000))
def test_every_guest_goes_through_an_archive(guest: Appliance, data: bytes) -> None:
    sources = {disk.file: f"/d/{disk.file}" for disk in guest.disks if disk.file}
    host = FakeHost(files={path: data + name.encode() for name, path in sources.items()})
    write_ova(host, "/out/a.ova", guest, sources)
    package = open_package(host, "/out/a.ova")
    verify(host, package)
    unsized = tuple(replace(disk, file_bytes=None) for disk in package.appliance.disks)
    assert replace(package.appliance, disks=unsized) == guest
    for name, path in sources.items():
        extract(host, package, name, "/out/disk")
        assert host.files["/out/disk"] == host.files[path]


class ForgetfulHost(FakeHost):
    """Loses the end of what is written, or changes what is read a second time."""

    lost = 0
    other: bytes | None = None

    def write_pieces(self, path: str, pieces: Iterable[bytes], mode: int = 0o600) -> None:
        super().write_pieces(path, pieces, mode)
        self.files[path] = self.files[path][: len(self.files[path]) - self.lost]

    def digest(self, path: str, algorithm: str) -> str:
        found = super().digest(path, algorithm)
        self.files[path] = self.other or self.files[path]
        return found


@pytest.mark.parametrize(("lost", "other"), [(11000, None), (0, b"y" * len(DATA)), (0, b"short")])
def test_what_was_not_written_well_gets_no_name(lost: int, other: bytes | None) -> None:
    host = ForgetfulHost(files={**full_host().files, "/out/web1.ova": b"old"})
    host.lost, host.other = lost, other
    with pytest.raises(HostError):
        write_ova(host, "/out/web1.ova", GUEST, SOURCES)
    assert host.files["/out/web1.ova"] == b"old"
    assert sorted(host.files) == ["/d/data.vmdk", "/d/root.vmdk", "/out/web1.ova"]


@pytest.mark.parametrize(
    ("guest", "sources", "says"),
    [
        (GUEST, {}, "the files of the disks are needed"),
        (GUEST, {**SOURCES, "more": "/d/x"}, "the files of the disks are needed"),
        (replace(GUEST, name="a/b"), SOURCES, "the name of a file"),
        (replace(GUEST, name="a" * 99), SOURCES, "in an archive of at most 100"),
        (GUEST, dict.fromkeys(SOURCES, "/d/none"), "a file is needed; there is nothing"),
        (GUEST, dict.fromkeys(SOURCES, "/proc"), "a file is needed; there is folder"),
    ],
)
def test_what_cannot_be_written_leaves_nothing(guest: Appliance, sources: dict[str, str], says: str) -> None:
    host = full_host()
    with pytest.raises((HostError, PlanError), match=says):
        write_ova(host, "/out/web1.ova", guest, sources)
    assert sorted(host.files) == ["/d/data.vmdk", "/d/root.vmdk"]


def test_large_files_have_headers_that_tar_reads() -> None:
    for size in (8**11 - 1, 8**11, 2**45):
        entry = tarfile.TarInfo.frombuf(header_of("a.vmdk", size), "utf-8", "strict")
        assert (entry.name, entry.size, len(header_of("a.vmdk", size))) == ("a.vmdk", size, 512)


def test_a_real_file_goes_there_and_back(tmp_path: Path) -> None:
    host, out = ModuleHost(), tmp_path / "out"
    for name, content in (("root.vmdk", DATA * 300), ("data.vmdk", b"")):
        (tmp_path / name).write_bytes(content)
    sources = {name: str(tmp_path / path.rpartition("/")[2]) for name, path in SOURCES.items()}
    out.mkdir()
    dead = part_of(str(out / "web1.ova")).replace(f"part-{os.getpid()}-", "part-999999999-")
    Path(dead).write_bytes(b"half")
    write_ova(host, str(out / "web1.ova"), GUEST, sources)
    assert [path.name for path in out.iterdir()] == ["web1.ova"]
    package = open_package(host, str(out / "web1.ova"))
    extract(host, package, "web1-disk1.vmdk", str(out / "disk.vmdk"))
    assert (out / "disk.vmdk").read_bytes() == DATA * 300
    assert (out / "web1.ova").stat().st_mode & 0o777 == 0o600


# The guest is written out: the tests' own imports would take longer than all the rest.
KILLED = f"""
import os, signal, sys
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest import ova_write
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.appliance import Appliance, ApplianceDisk
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.module_host import ModuleHost
step, path, folder = sys.argv[1:]
def die(*_arguments):
    os.kill(os.getpid(), signal.SIGKILL)
if step == "rename":
    ModuleHost.rename = die
else:
    setattr(ova_write, step, die)
ova_write.write_ova(ModuleHost(), path, {GUEST}, {{name: folder + at[2:] for name, at in {SOURCES}.items()}})
"""


@pytest.mark.parametrize("step", ["padding_of", "_verify", "rename"])
def test_what_was_killed_is_swept_by_the_next_run(step: str, tmp_path: Path) -> None:
    for name in ("root.vmdk", "data.vmdk"):
        (tmp_path / name).write_bytes(DATA)
    out = tmp_path / "out"
    out.mkdir()
    path = str(out / "web1.ova")
    done = subprocess.run([sys.executable, "-c", KILLED, step, path, str(tmp_path)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert [is_part(str(one)) for one in out.iterdir()] == [True]
    write_ova(ModuleHost(), path, GUEST, {name: f"{tmp_path}{at[2:]}" for name, at in SOURCES.items()})
    assert [one.name for one in out.iterdir()] == ["web1.ova"]


def pieces() -> Iterator[bytes]:
    yield b"half"
    raise HostError("no more")


def test_pieces_are_written_to_a_new_file_alone(tmp_path: Path) -> None:
    path = str(tmp_path / "new")
    with pytest.raises(HostError, match="no more"):
        ModuleHost().write_pieces(path, pieces())
    with pytest.raises(HostError, match="File exists"):
        ModuleHost().write_pieces(path, [b"x"])
    assert ModuleHost().read_piece(path, 1, 2) == b"al"
