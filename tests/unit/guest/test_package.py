# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""OVF packages: archives and folders that are read, hostile ones, and archives that are written."""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import HostError, PlanError
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.package import (
    Package,
    extract,
    open_package,
    verify,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.tar_files import header_of
from ansible_collections.hostforge.hypervisor.tests.unit.guest.appliances import BY_VIRTUALBOX, PLAIN
from ansible_collections.hostforge.hypervisor.tests.unit.guest.fake_host import FakeHost

OVA, OVF, DISK = "/in/web1.ova", "web1.ovf", "web1-disk001.vmdk"
DATA = b"KDMV" + bytes(range(256)) * 40


def manifest(*files: tuple[str, bytes], algorithm: str = "sha256", form: str = "{0}({1})= {2}\n") -> bytes:
    lines = (form.format(algorithm.upper(), name, hashlib.new(algorithm, data).hexdigest()) for name, data in files)
    return "".join(lines).encode()


FILES = ((OVF, PLAIN), (DISK, DATA))
WHOLE = ((OVF, PLAIN), ("web1.mf", manifest(*FILES)), (DISK, DATA))


def archive(files: Iterable[tuple[str, bytes]], kind: int = tarfile.USTAR_FORMAT, **fields: object) -> bytes:
    """fields: of the last file's header."""
    files, buffer = list(files), io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=kind) as tar:
        for name, data in files:
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            if name == files[-1][0]:
                for key, value in fields.items():
                    setattr(entry, key, value)
            tar.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()


def opened(data: bytes) -> tuple[FakeHost, Package]:
    host = FakeHost(files={OVA: data})
    package = open_package(host, OVA)
    verify(host, package)
    return host, package


def why_not(data: bytes) -> str:
    """Why an archive is refused, by which nothing is written."""
    host = FakeHost(files={OVA: data})
    with pytest.raises(PlanError) as raised:
        verify(host, open_package(host, OVA))
    assert host.log == []
    assert str(raised.value).startswith(f"{OVA}: ")
    return str(raised.value)


@pytest.mark.parametrize("kind", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
@pytest.mark.parametrize("algorithm", ["sha1", "sha256", "sha512"])
@pytest.mark.parametrize("form", ["{0}({1})= {2}\n", "{0} ({1}) = {2}\r\n"])
def test_an_archive_is_read(kind: int, algorithm: str, form: str) -> None:
    listed = manifest(*FILES, algorithm=algorithm, form=form)
    host, package = opened(archive([FILES[0], FILES[1], ("web1.mf", listed)], kind, mtime=1700000000.5))
    assert (package.appliance.memory_mib, package.descriptor, package.data) == (512, OVF, PLAIN)
    extract(host, package, DISK, "/out/web1.vmdk")
    assert host.files["/out/web1.vmdk"] == DATA
    assert sorted(host.files) == [OVA, "/out/web1.vmdk"]


@pytest.mark.parametrize("kind", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_long_and_odd_names_are_read(kind: int) -> None:
    name = "a disk of mine, \u00fc" + "x" * 120 + ".vmdk"
    descriptor = PLAIN.replace(DISK.encode(), name.encode())
    _host, package = opened(archive([(f"./{OVF}", descriptor), (name, DATA)], kind))
    assert package.files[name][1].size == len(DATA)
    assert package.appliance.disks[0].file == name


def test_an_archive_without_a_manifest_is_read_as_it_is() -> None:
    _host, package = opened(archive(FILES))
    assert package.digests == {}


def test_a_descriptor_with_its_files_beside_it_is_read() -> None:
    host = FakeHost(files={f"/in/{name}": data for name, data in (*WHOLE, ("other.vmdk", b""))})
    package = open_package(host, f"/in/{OVF}")
    verify(host, package)
    assert sorted(package.files) == [DISK, "web1.mf", OVF]
    host.files[f"/in/{DISK}"] = DATA[:-1] + b"x"
    with pytest.raises(PlanError, match="the manifest has"):
        verify(host, package)
    host.files.pop(f"/in/{DISK}")
    with pytest.raises(PlanError, match="which is not in the package"):
        open_package(host, f"/in/{OVF}")


def test_a_manifest_has_files_that_are_no_disks() -> None:
    nvram = PLAIN.replace(b"<References>", b'<References><File ovf:id="n" ovf:href="web1.nvram"/>')
    files = ((OVF, nvram), (DISK, DATA), ("web1.nvram", b"variables"))
    listed = ("web1.mf", manifest(*files))
    host = FakeHost(files={f"/in/{name}": data for name, data in (*files, listed)})
    verify(host, open_package(host, f"/in/{OVF}"))
    _host, package = opened(archive([*files, listed]))
    assert package.appliance.unread == ("the file 'web1.nvram'",)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("../web1.vmdk", "the name of a file"),
        ("..", "the name of a file"),
        ("/etc/cron.d/x", "the name of a file"),
        ("a/b.vmdk", "the name of a file"),
        ("a\\b.vmdk", "the name of a file"),
        ("a\nb", "the name of a file"),
        (DISK, "is in it twice"),
        (f"./{DISK}", "is in it twice"),
        ("two.ovf", "one descriptor (*.ovf) is allowed; it has 2"),
        ("other.mf", "a manifest with the name of the descriptor"),
        ("more.bin", "it has no digest of 'more.bin'"),
    ],
)
def test_hostile_names_are_refused(name: str, says: str) -> None:
    assert says in why_not(archive([*WHOLE, (name, b"x")]))


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"type": tarfile.SYMTYPE, "linkname": "/etc/shadow", "size": 0}, "is a symbolic link"),
        ({"type": tarfile.LNKTYPE, "linkname": OVF, "size": 0}, "is a link"),
        ({"type": tarfile.CHRTYPE, "size": 0}, "is a character device"),
        ({"type": tarfile.BLKTYPE, "size": 0}, "is a block device"),
        ({"type": tarfile.FIFOTYPE, "size": 0}, "is a pipe"),
        ({"type": tarfile.DIRTYPE, "size": 0}, "is a folder"),
        ({"type": tarfile.GNUTYPE_SPARSE}, "is a sparse file"),
        ({"type": b"Z"}, "is of type b'Z'"),
    ],
)
def test_what_is_no_plain_file_is_refused(fields: dict[str, object], says: str) -> None:
    files = [*WHOLE[:2], (DISK, b"" if fields.get("size") == 0 else DATA)]
    assert says in why_not(archive(files, **fields))


@pytest.mark.parametrize(
    "records", [{"GNU.sparse.major": "1"}, {"size": "1"}, {"linkpath": "/etc"}, {"path": "../x"}, {"hdrcharset": "x"}]
)
def test_extended_headers_that_change_files_are_refused(records: dict[str, str]) -> None:
    found = why_not(archive(FILES, tarfile.PAX_FORMAT, pax_headers=records))
    assert "only names and dates a file" in found or "the name of a file" in found


def test_an_archive_without_a_mark_of_its_end_is_read() -> None:
    data = b"".join(header_of(name, len(content)) + content + bytes(-len(content) % 512) for name, content in WHOLE)
    assert opened(data)[1].appliance.vcpus == 2
    assert "which is not in the package" in why_not(data[: len(data) - 512 - len(DATA) // 512 * 512 - 512])


@pytest.mark.parametrize("cut", [1, 511, 700, 1024, 3000, 14000])
def test_an_archive_that_was_cut_off_is_refused(cut: int) -> None:
    assert "it is cut off" in why_not(archive(WHOLE)[:cut])


def test_a_file_that_is_longer_than_its_archive_is_refused() -> None:
    assert "goes on behind its end at byte 1536" in why_not(header_of(DISK, 10**9) + bytes(1024))


def test_what_is_no_archive_is_refused() -> None:
    assert "compressed with gzip" in why_not(b"\x1f\x8b" + bytes(600))
    assert "no tar archive" in why_not(b"")
    assert "no tar archive" in why_not(b"x" * 2000)
    assert "it has 0" in why_not(bytes(10240))
    with pytest.raises(PlanError, match="there is nothing"):
        open_package(FakeHost(), OVA)
    with pytest.raises(PlanError, match="there is folder"):
        open_package(FakeHost(folders={"/in/x.ova": 0o755}), "/in/x.ova")


def test_a_negative_size_is_refused() -> None:
    header = bytearray(header_of(DISK, 5))
    header[124:136] = b"\xff" * 12
    header[148:156] = b" " * 8
    header[148:156] = f"{sum(header):06o}\0 ".encode()
    assert "a file of -1 bytes" in why_not(bytes(header) + bytes(1024))


def test_too_many_files_are_refused() -> None:
    assert "at most 1000 files" in why_not(archive((f"f{number}", b"") for number in range(1001)))


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (manifest((OVF, b""), (DISK, DATA)), "has another digest of it"),
        (manifest((OVF, PLAIN), (DISK, b"")), "its sha256 is"),
        (manifest((OVF, PLAIN)), "it has no digest of 'web1-disk001.vmdk'"),
        (manifest(*FILES, ("gone", b"")), "a digest of 'gone', which is not in the package"),
        (manifest(*FILES, FILES[0]), "is there twice"),
        (manifest(*FILES, algorithm="md5"), "a digest of sha1, sha256, sha384, sha512 is allowed"),
        (b"SHA256(web1.ovf)= 12\n", "a digest of sha1"),
        (b"hello\n", "line 1: 'SHA256(FILE)= DIGEST' is allowed"),
        (b"\xff\xfe", "in UTF-8 is allowed"),
        (b" " * (1024 * 1024 + 1), "at most 1048576 bytes are allowed"),
    ],
)
def test_a_wrong_manifest_is_refused(content: bytes, says: str) -> None:
    assert says in why_not(archive([(OVF, PLAIN), ("web1.mf", content), (DISK, DATA)]))


def test_a_package_without_a_disk_s_file_is_refused() -> None:
    assert "its file 'web1-disk001.vmdk' is not in the package" in why_not(archive(FILES[:1]))
    sized = PLAIN.replace(b'disk001.vmdk"', b'disk001.vmdk" ovf:size="3"')
    assert f"is to have 3 bytes; it has {len(DATA)}" in why_not(archive([(OVF, sized), FILES[1]]))


def test_what_is_damaged_is_not_left_where_it_was_to_be() -> None:
    host, package = opened(archive(WHOLE))
    host.files[OVA] = host.files[OVA].replace(DATA[:50], bytes(50))
    with pytest.raises(PlanError, match="the manifest has"):
        extract(host, package, DISK, "/out/web1.vmdk")
    host.files[OVA] = host.files[OVA][:2000]
    with pytest.raises(HostError, match="ends after"):
        extract(host, package, DISK, "/out/web1.vmdk")
    assert list(host.files) == [OVA]


@given(st.data())
def test_an_archive_that_was_written_over_is_read_or_refused(data: st.DataObject) -> None:
    whole = archive(WHOLE)
    start = data.draw(st.integers(0, len(whole)))
    new = data.draw(st.binary(max_size=40))
    host = FakeHost(files={OVA: whole[:start] + new + whole[start + len(new) :]})
    try:
        package = open_package(host, OVA)
        verify(host, package)
    except PlanError:
        return
    assert package.digests == {} or package.data == PLAIN


def test_what_virtualbox_exports_is_a_package() -> None:
    files = [(OVF, BY_VIRTUALBOX), (DISK, DATA)]
    listed = manifest(*files, algorithm="sha1", form="{0} ({1}) = {2}\n")
    _host, package = opened(archive([*files, ("web1.mf", listed)]))
    assert package.appliance.cdroms == 1
