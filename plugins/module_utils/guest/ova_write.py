# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes an OVF package as one archive (OVA): streamed, the same bytes each time, read again before it has its name.

Source: DMTF DSP0243, section 7: descriptor, manifest, then the files in the order of the references.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import replace

from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.appliance import Appliance
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import HostError, PlanError
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.host import Host
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.ovf_write import write_ovf
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.package import (
    DESCRIPTOR,
    MANIFEST,
    open_package,
    verify,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.package_files import (
    FILE_SAYS,
    is_file_name,
    write_manifest,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.parts import fresh_part
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.shape import quote
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.tar_files import (
    END,
    Member,
    header_of,
    padding_of,
    pieces_of,
)

# Of the form of archive that every reader of packages knows.
NAME_LARGEST = 100


def write_ova(host: Host, path: str, appliance: Appliance, data: Mapping[str, str], mode: int = 0o600) -> None:
    """Write an appliance and its files to path, whose old content stays until the new is whole and verified.

    data: the path on the host of each file that the appliance's disks have; file_bytes is found out. The descriptor is
    named after the appliance. Raises PlanError for what cannot be written, HostError where it was not.
    """
    _refuse_names(appliance, data)
    host.make_dir(os.path.dirname(path))
    files = {disk.file: data[disk.file] for disk in appliance.disks if disk.file}
    members = {name: Member(name, 0, _size(host, source)) for name, source in files.items()}
    disks = (replace(disk, file_bytes=members[disk.file].size if disk.file else None) for disk in appliance.disks)
    sized = replace(appliance, disks=tuple(disks))
    part = fresh_part(host, path)
    try:
        host.write_pieces(part, _archive(host, sized, files, members), mode)
        _verify(host, part, sized)
        host.rename(part, path)
    finally:
        host.remove(part)


def _refuse_names(appliance: Appliance, data: Mapping[str, str]) -> None:
    names = [disk.file for disk in appliance.disks if disk.file]
    for name in (f"{appliance.name}{DESCRIPTOR}", *names):
        if not is_file_name(name) or len(name.encode()) > NAME_LARGEST:
            raise PlanError(f"{FILE_SAYS}; in an archive of at most {NAME_LARGEST}{quote(name)}")
    if sorted(names) != sorted(data):
        raise PlanError(f"the files of the disks are needed: {sorted(names)}{quote(', '.join(sorted(data)))}")


def _size(host: Host, source: str) -> int:
    found = host.info(source)
    if found is None or found.kind != "file":
        raise HostError(f"{source}: a file is needed; there is {found.kind if found else 'nothing'}")
    return found.size_bytes


def _archive(
    host: Host, appliance: Appliance, files: Mapping[str, str], members: Mapping[str, Member]
) -> Iterator[bytes]:
    """The archive, piece by piece."""
    descriptor = write_ovf(appliance)
    digests = {f"{appliance.name}{DESCRIPTOR}": hashlib.sha256(descriptor).hexdigest()}
    # Readers want the manifest before the files, so those are read twice.
    digests.update((name, host.digest(source, "sha256")) for name, source in files.items())
    manifest = write_manifest(digests)
    size = 0
    for name, content in ((f"{appliance.name}{DESCRIPTOR}", descriptor), (f"{appliance.name}{MANIFEST}", manifest)):
        for piece in (header_of(name, len(content)), content, padding_of(len(content))):
            size += len(piece)
            yield piece
    for name, member in members.items():
        yield header_of(name, member.size)
        yield from pieces_of(host, files[name], member)
        yield padding_of(member.size)
        size += len(header_of(name, member.size)) + member.size + len(padding_of(member.size))
    # Two empty blocks, and more up to the size of a record, as tar itself writes it.
    rest = -size % len(END)
    yield END[:rest] if rest >= 1024 else END[:rest] + END


def _verify(host: Host, part: str, appliance: Appliance) -> None:
    """Read what was written, as whoever is given it will."""
    try:
        package = open_package(host, part)
        verify(host, package)
    except PlanError as error:
        raise HostError(f"what was written is not what was meant: {error}") from error
    if package.appliance != appliance:
        raise HostError(f"{part}: what was written is not what was meant")
