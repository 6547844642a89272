# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files in a tar archive, which may come from anywhere: plain ones in the archive's folder, and nothing else.

Source: POSIX.1-2017, pax (ustar and extended headers), and GNU tar's manual for its long names. Each entry's header is
read, and none of the data, so that an archive of any size is judged before a byte of it is used.
"""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from dataclasses import dataclass

from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.download import CHUNK_BYTES
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import HostError, PlanError
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.host import Host
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.package_files import FILE_SAYS, is_file_name
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.shape import quote

BLOCK = tarfile.BLOCKSIZE
MEMBERS_MOST = 1000
EXTENDED_LARGEST = 64 * 1024
_PLAIN = (tarfile.REGTYPE, tarfile.AREGTYPE)
_WHAT = {
    tarfile.LNKTYPE: "a link",
    tarfile.SYMTYPE: "a symbolic link",
    tarfile.CHRTYPE: "a character device",
    tarfile.BLKTYPE: "a block device",
    tarfile.DIRTYPE: "a folder",
    tarfile.FIFOTYPE: "a pipe",
    tarfile.GNUTYPE_SPARSE: "a sparse file",
}
# Of extended headers these change nothing of a file's content.
_HARMLESS = ("atime", "comment", "ctime", "gid", "gname", "mtime", "uid", "uname")
_HARMLESS_STARTS = ("LIBARCHIVE.", "SCHILY.dev", "SCHILY.ino", "SCHILY.nlink", "SCHILY.xattr.")


@dataclass(frozen=True)
class Member:
    """A file in an archive: where its data begins, and how long it is, in bytes."""

    name: str
    start: int
    size: int


def members_of(host: Host, path: str, length: int) -> list[Member]:
    """The files of an archive of that length, in their order. PlanError for an archive that holds anything else."""
    found: dict[str, Member] = {}
    place, entries, long_name = 0, 0, None
    while True:
        entry = _header(host, path, place, length)
        if entry is None:
            break
        entries += 1
        start = place + BLOCK
        place = start + (entry.size + BLOCK - 1) // BLOCK * BLOCK
        if entries > MEMBERS_MOST or place > length:
            raise PlanError(_why_not(entries, entry, length))
        if entry.type in (tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME):
            long_name = _extended(host, path, entry, start) or long_name
            continue
        member = Member(_plain_name(entry, long_name), start, entry.size)
        if member.name in found:
            raise PlanError(f"{member.name!r} is in it twice")
        found[member.name], long_name = member, None
    return list(found.values())


def _why_not(entries: int, entry: tarfile.TarInfo, length: int) -> str:
    if entries > MEMBERS_MOST:
        return f"an archive of at most {MEMBERS_MOST} files is allowed; it has more"
    return f"it is cut off: {entry.name[:60]!r} goes on behind its end at byte {length}"


def _header(host: Host, path: str, place: int, length: int) -> tarfile.TarInfo | None:
    """The header at a place, None at the end of the archive."""
    data = host.read_piece(path, place, BLOCK)
    if not place and data[:2] == b"\x1f\x8b":
        raise PlanError("an archive that is not compressed is allowed; this one is compressed with gzip")
    if place and not data:
        return None  # some tools of the field leave the mark of the end out; what is missing then, others refer to
    if len(data) < BLOCK:
        raise PlanError(f"it is cut off, or is no tar archive: it ends at byte {length} without a mark of its end")
    try:
        entry = tarfile.TarInfo.frombuf(data, "utf-8", "surrogateescape")
    except tarfile.EOFHeaderError:  # type: ignore[attr-defined]
        return None
    except (tarfile.HeaderError, ValueError) as error:
        raise PlanError(f"it is no tar archive, or damaged: at byte {place}: {error}") from error
    if entry.size < 0:
        raise PlanError(f"it is damaged: at byte {place}: a file of {entry.size} bytes")
    return entry


def _extended(host: Host, path: str, entry: tarfile.TarInfo, start: int) -> str | None:
    """The name in an extended header, None when it holds none. PlanError for what changes what a file is."""
    if entry.size > EXTENDED_LARGEST:
        raise PlanError(f"an extended header of at most {EXTENDED_LARGEST} bytes is allowed; it has {entry.size}")
    data = host.read_piece(path, start, entry.size)
    if entry.type == tarfile.GNUTYPE_LONGNAME:
        return data.rstrip(b"\0").decode("utf-8", "surrogateescape")
    name = None
    for key, value in _records(data):
        if key == "path" and entry.type == tarfile.XHDTYPE:
            name = value
        elif key not in _HARMLESS and not key.startswith(_HARMLESS_STARTS):
            raise PlanError(f"an extended header that only names and dates a file is allowed{quote(key)}")
    return name


def _records(data: bytes) -> Iterator[tuple[str, str]]:
    """The keys and values of a pax header: records of LENGTH KEY=VALUE."""
    while data:
        digits, space, _rest = data.partition(b" ")
        size = int(digits) if digits.isdigit() and len(digits) < 7 else 0
        begin = len(digits) + 1
        key, equals, value = data[begin:size].partition(b"=")
        if not (space and equals) or size > len(data) or not value.endswith(b"\n"):
            raise PlanError("it is damaged: an extended header is no list of 'LENGTH KEY=VALUE'")
        yield key.decode("utf-8", "replace"), value[:-1].decode("utf-8", "surrogateescape")
        data = data[size:]


def _plain_name(entry: tarfile.TarInfo, long_name: str | None) -> str:
    name = entry.name if long_name is None else long_name
    if entry.type not in _PLAIN:
        kind = _WHAT.get(entry.type, f"of type {entry.type!r}")
        raise PlanError(f"an archive of plain files is allowed: {name[:60]!r} is {kind}")
    name = name[2:] if name.startswith("./") else name
    if not is_file_name(name):
        raise PlanError(f"{FILE_SAYS}{quote(name)}")
    return name


def pieces_of(host: Host, path: str, member: Member) -> Iterator[bytes]:
    """The data of a file in an archive, piece by piece. HostError where the archive has become shorter."""
    done = 0
    while done < member.size:
        piece = host.read_piece(path, member.start + done, min(CHUNK_BYTES, member.size - done))
        if not piece:
            raise HostError(f"{path}: {member.name} ends after {done} bytes of {member.size}")
        done += len(piece)
        yield piece


def header_of(name: str, size: int) -> bytes:
    """The header of a plain file, the same each time. The form of POSIX, but for sizes that it cannot write."""
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = size, 0o644
    if size < 8**11:
        return entry.tobuf(tarfile.USTAR_FORMAT, "utf-8", "strict")
    return entry.tobuf(tarfile.GNU_FORMAT, "utf-8", "strict")


def padding_of(size: int) -> bytes:
    """What is behind a file's data, up to the next header."""
    return bytes(-size % BLOCK)


END = bytes(tarfile.RECORDSIZE)
