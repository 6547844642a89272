# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An OVF package on the host, as an archive (OVA) or as a descriptor with files beside it: judged, then read.

Everything is looked at before anything is written: the archive, the manifest, the descriptor, every file's digest.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.appliance import Appliance
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import HostError, PlanError
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.host import Host
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.ovf_read import read_ovf
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.ovf_xml import DESCRIPTOR_LARGEST
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.package_files import (
    MANIFEST_LARGEST,
    read_manifest,
    refuse_gaps,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.parts import fresh_part
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.tar_files import Member, members_of, pieces_of

DESCRIPTOR, MANIFEST, CERTIFICATE = ".ovf", ".mf", ".cert"


@dataclass(frozen=True)
class Package:
    """A package that has been judged, but for the digests of its files.

    files: each file's data: the path of the file that holds it, and where in that. digests: algorithm and hex digest of
    each file, none without a manifest. descriptor: the name of that file, and data: its content, for those who know
    more of it than the reader.
    """

    path: str
    appliance: Appliance
    descriptor: str
    data: bytes
    files: Mapping[str, tuple[str, Member]]
    digests: Mapping[str, tuple[str, str]]


def open_package(host: Host, path: str) -> Package:
    """The package at path. Raises PlanError for what is none, or is not to be trusted; writes nothing."""
    found = host.info(path)
    if found is None or found.kind != "file":
        raise PlanError(f"{path}: an OVA or OVF file is allowed; there is {found.kind if found else 'nothing'}")
    if path.lower().endswith(DESCRIPTOR):
        return _beside(host, path, found.size_bytes)
    try:
        files = {one.name: (path, one) for one in members_of(host, path, found.size_bytes)}
        return _package(host, path, files)
    except PlanError as error:
        raise PlanError(f"{path}: {error}") from error


def _beside(host: Host, path: str, size: int) -> Package:
    """The package of a descriptor on its own. What it does not refer to is not the package's."""
    folder, name = os.path.split(path)
    whole = (path, Member(name, 0, size))
    wanted = [os.path.splitext(name)[0] + MANIFEST]
    try:
        wanted += read_ovf(_small(host, whole, DESCRIPTOR_LARGEST), name).files
        files = {name: whole}
        for other in wanted:
            found = host.info(os.path.join(folder, other))
            if found is not None and found.kind == "file":
                files[other] = found.path, Member(other, 0, found.size_bytes)
        return _package(host, path, files)
    except PlanError as error:
        raise PlanError(f"{path}: {error}") from error


def _package(host: Host, path: str, files: Mapping[str, tuple[str, Member]]) -> Package:
    descriptors = [name for name in files if name.lower().endswith(DESCRIPTOR)]
    if len(descriptors) != 1:
        raise PlanError(f"a package with one descriptor (*{DESCRIPTOR}) is allowed; it has {len(descriptors)}")
    name = descriptors[0]
    data = _small(host, files[name], DESCRIPTOR_LARGEST)
    digests = _digests(host, name, files)
    if name in digests and hashlib.new(digests[name][0], data).hexdigest() != digests[name][1]:
        raise PlanError(f"{name}: the manifest has another digest of it; it was changed or is damaged")
    appliance = read_ovf(data, name)
    for disk in appliance.disks:
        if disk.file is not None and disk.file not in files:
            raise PlanError(f"{name}: the disk {disk.name!r}: its file {disk.file!r} is not in the package")
        size = files[disk.file][1].size if disk.file else None
        if disk.file_bytes not in (None, size):
            raise PlanError(f"{name}: {disk.file!r} is to have {disk.file_bytes} bytes; it has {size}")
    return Package(path, appliance, name, data, files, digests)


def _digests(host: Host, descriptor: str, files: Mapping[str, tuple[str, Member]]) -> Mapping[str, tuple[str, str]]:
    """What the manifest says, which has to be that of the descriptor."""
    named = [name for name in files if name.lower().endswith(MANIFEST)]
    if not named:
        return {}
    if [os.path.splitext(name)[0] for name in named] != [os.path.splitext(descriptor)[0]]:
        raise PlanError(f"a manifest with the name of the descriptor {descriptor!r} is allowed; it has {named}")
    try:
        found = read_manifest(_small(host, files[named[0]], MANIFEST_LARGEST))
        refuse_gaps(found, (name for name in files if not name.lower().endswith((MANIFEST, CERTIFICATE))))
    except PlanError as error:
        raise PlanError(f"{named[0]}: {error}") from error
    return found


def _small(host: Host, file: tuple[str, Member], most_bytes: int) -> bytes:
    """The whole content of a file that must not be long."""
    path, member = file
    if member.size > most_bytes:
        raise PlanError(f"{member.name}: at most {most_bytes} bytes are allowed; it has {member.size}")
    return b"".join(pieces_of(host, path, member))


def verify(host: Host, package: Package) -> None:
    """Read every file, and compare it with the manifest. PlanError names the file, and both digests."""
    for name in package.digests:
        for _piece in verified(host, package, name):
            pass


def verified(host: Host, package: Package, name: str) -> Iterator[bytes]:
    """A file's data, piece by piece. PlanError behind the last, if it is not what the manifest says."""
    path, member = package.files[name]
    algorithm, wanted = package.digests.get(name, ("sha256", ""))
    total = hashlib.new(algorithm)
    for piece in pieces_of(host, path, member):
        total.update(piece)
        yield piece
    if wanted and total.hexdigest() != wanted:
        raise PlanError(f"{package.path}: {name}: its {algorithm} is {total.hexdigest()}; the manifest has {wanted}")


def extract(
    host: Host, package: Package, name: str, path: str, check: Callable[[str], object] = lambda part: None
) -> None:
    """Write a file of a package to path, which it has only when it is whole and what the manifest says.

    check: gets the path of what was written, and raises when that is not what it is said to be.
    """
    part = fresh_part(host, path)
    try:
        host.write_pieces(part, verified(host, package, name))
        found = host.info(part)
        if found is None or found.size_bytes != package.files[name][1].size:
            raise HostError(f"{path}: it was not written whole")
        check(part)
        host.rename(part, path)
    finally:
        host.remove(part)


def take_out(host: Host, path: str, name: str, folder: str, check: Callable[[str], object]) -> str:
    """The path of a package's file in a folder, the cache, where it is written if it is not there.

    What is in the cache never changes; of a package elsewhere the file is told by when it was changed, too.
    """
    package = open_package(host, path)
    source, member = package.files[name]
    found = host.info(source) if os.path.dirname(source) != folder else None
    mark = f"{source} {found and (found.size_bytes, found.changed, found.inode)} {member.start} {name}"
    target = os.path.join(folder, f"package-{hashlib.sha256(mark.encode()).hexdigest()}")
    if host.info(target) is None:
        extract(host, package, name, target, check)
    return target


def judge(host: Host, path: str) -> None:
    """Raise PlanError for a file that is no package, or not what its manifest says."""
    verify(host, open_package(host, path))
