# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The data of disks where no hypervisor's own tool makes it: files by qemu-img, and volumes of LVM."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress

from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import (
    HostError,
    HypervisorError,
    PlanError,
    doing,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.groups import Groups
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.host import Host
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.image_files import (
    QCOW2,
    RAW,
    Bases,
    ask,
    files_below,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.images import check_image, find_image, is_url
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.parts import fresh_part
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.qcow2 import read_head
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Disk, Image
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.taken import TakenError
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.units import format_size

QCOW2_LARGEST = 2**51  # with clusters of the usual 64 KiB
HEADER_BYTES = 1024 * 1024  # no disk that was just made is longer, unless it is a copy
FOLDER_MODE = 0o711


class DiskFiles:
    """Placed disks on one host: path and format are set, and pool but for data of others.

    groups: the volume groups that paths may be in.
    All methods raise HypervisorError or one of its kinds, and may be called from several threads.
    """

    def __init__(self, host: Host, cache_dir: str, groups: Groups) -> None:
        self._host = host
        self._cache_dir = cache_dir
        self._groups = groups
        self._images = Bases(host, cache_dir)
        self._sizes: dict[tuple[object, ...], int] = {}

    def is_there(self, path: str) -> bool:
        """Whether something already lies at a path."""
        return self._host.info(path) is not None

    def size(self, path: str, kind: str) -> int | None:
        """The capacity of the data at path, in bytes; None when it is not there, 0 of a file that holds nothing.

        kind: its format by the definition, never by what a guest may have written into it.
        """
        found = self._host.info(path)
        if found is None or not found.holds_data:
            return None
        if found.kind == "device":
            return int(self._host.run(["blockdev", "--getsize64", path]))
        if kind == RAW:
            return found.size_bytes
        mark = (path, kind, found.size_bytes, found.changed, found.inode)
        if mark not in self._sizes:
            self._sizes[mark] = 0 if self.holds_nothing(path) else self._capacity(path, kind)
        return self._sizes[mark]

    def _capacity(self, path: str, kind: str) -> int:
        head = read_head(self._host, path) if kind == QCOW2 else None
        size: int = head.size_bytes if head else ask(self._host, path, kind)["virtual-size"]
        return size

    def holds_nothing(self, path: str) -> bool:
        """Whether a file, which is shorter than any disk that holds something, has no byte but zeros.

        So is one that was made when the host lost power.
        """
        found = self._host.info(path)
        if found is None or found.kind != "file" or found.size_bytes > HEADER_BYTES:
            return False
        return not self._host.read_file(path).strip(b"\0")

    def is_blank(self, disk: Disk) -> bool:
        """Whether the file where a disk of ours belongs holds nothing, so that it is no disk yet.

        Of a raw disk that says nothing; in every other format there is no disk without a header.
        """
        return disk.pool is not None and disk.format != RAW and self.holds_nothing(disk.path or "")

    def check_new(self, disk: Disk) -> None:
        """Refuse a disk that cannot be made, with PlanError; looks only."""
        if disk.format == QCOW2 and (disk.size_bytes or 0) > QCOW2_LARGEST:
            most, wished = format_size(QCOW2_LARGEST), format_size(disk.size_bytes or 0)
            raise PlanError(f"disk {disk.name}: size: {wished} are more than the {most} that qcow2 can hold")
        if disk.image is None:
            if disk.size_bytes is None:
                raise PlanError(f"disk {disk.name}: an empty disk needs a size")
            return
        if disk.format == RAW and disk.image.copy == "thin":
            raise PlanError(f"disk {disk.name}: a raw disk is a full copy of its image: set copy to full")
        check_image(self._host, disk.image.package or disk.image, self._cache_dir)
        if disk.image.package is None and disk.image.remote_src and not is_url(disk.image.source):
            self._image_size(disk, disk.image.source, disk.image)

    def check_kept(self, disk: Disk) -> None:
        """Refuse data that is there already and is not what the disk is to be, with PlanError."""
        path = disk.path or ""
        if self._groups.has(path):
            size = self.size(path, RAW) or 0
        else:
            info = ask(self._host, path)
            size = info["virtual-size"]
            if info["format"] != disk.format:
                raise PlanError(f"disk {disk.name}: {path} is there already and is {info['format']}, not {disk.format}")
        if disk.size_bytes is not None and size > disk.size_bytes:
            raise PlanError(
                f"disk {disk.name}: {path} is there already with {format_size(size)} and is not shrunk to "
                f"{format_size(disk.size_bytes)}; name its size, or move it away"
            )

    def check_format(self, disk: Disk) -> int:
        """The capacity of data that somebody else made, which has to be what it is said to be."""
        path = disk.path or ""
        try:
            size: int = ask(self._host, path, disk.format)["virtual-size"]
        except HostError as error:
            raise PlanError(f"disk {disk.name}: {path} is not {disk.format}: {error}") from error
        return size

    def is_cached(self, path: str) -> bool:
        """Whether a file is an image that other disks are made from."""
        return os.path.realpath(path).startswith(os.path.join(os.path.realpath(self._cache_dir), ""))

    def find(self, image: Image) -> str | None:
        """The path of an image or a package that is on the host, None of one that is yet to be downloaded."""
        return find_image(self._host, image, self._cache_dir)

    def bring(self, image: Image) -> str:
        """Bring an image or a package into the cache, where it is looked at; its path."""
        return self._images.path(image)

    def fetch(self, disk: Disk) -> None:
        """Bring a disk's image into the cache, and look at it there, before anything else is made."""
        if disk.image is not None and not self.is_there(disk.path or ""):
            self._image_size(disk, self._images.path(disk.image), disk.image)

    def make(self, disk: Disk, new: bool) -> None:
        """Make a disk's data; data that is there already is kept, and grown if it is smaller.

        new: when it was last looked at there was none, and it was noted that what is there will be ours. Data that came
        there since then is a TakenError.
        """
        path = disk.path or ""
        if new and self.is_there(path):
            raise TakenError(disk)
        if self.is_blank(disk):
            self._host.remove(path)
        if self.is_there(path):
            if disk.pool is not None:
                self.check_kept(disk)
            if disk.size_bytes and (self.size(path, disk.format or RAW) or 0) < disk.size_bytes:
                self.grow(path, disk.size_bytes, disk.format or RAW)
            return
        base, size = None, disk.size_bytes
        if disk.image is not None:
            base = self._images.path(disk.image)
            size = max(size or 0, self._image_size(disk, base, disk.image))
        if self.is_there(path):  # fetching takes its time
            raise TakenError(disk)
        with doing(f"disk {disk.name}: {path} cannot be made"):
            self._make(disk, base, size or 0)

    def grow(self, path: str, size_bytes: int, kind: str) -> None:
        """Make a disk that is not in use larger. kind: its format by the definition. Twice does no harm."""
        if (self.size(path, kind) or 0) >= size_bytes:
            return
        self._sizes.clear()
        with doing(f"{path} cannot be grown"):
            if self._groups.has(path):
                self._groups.grow(path, size_bytes)
            else:
                self._host.run(["qemu-img", "resize", "-q", "-f", kind, "--", path, str(size_bytes)])
                self._host.sync(path)

    def below(self, disk: Disk) -> list[str]:
        """The files that a disk's data is in beside its own. PlanError where that cannot be told."""
        if self.is_blank(disk):
            return []
        try:
            return files_below(self._host, disk.path or "", disk.format)
        except HostError as error:
            raise PlanError(f"disk {disk.name}: {disk.path} or what it is based on cannot be read: {error}") from error

    def drop(self, part: str) -> None:
        """Delete what a killed run was making. Nothing refers to it."""
        if self._groups.has(part):
            self._groups.drop(part)
        else:
            self._host.remove(part)

    def bases(self, others: Mapping[str, str]) -> dict[str, list[str]]:
        """Every file that other files are based on, with those. others: path of each to look at, and its format."""
        found: dict[str, list[str]] = {}
        for path, kind in others.items():
            if not self.is_there(path):
                continue
            with suppress(HostError):  # a lost disk, or one that is no file
                for base in files_below(self._host, path, kind):
                    found.setdefault(base, []).append(path)
        return found

    def delete(self, path: str, kind: str) -> None:
        """Delete a disk's data. The caller has made sure that it may; what a process has open is still refused."""
        if not self.is_there(path):
            return
        if self._groups.has(path):
            self._groups.drop(path)
            return
        self.refuse_open(path, kind)
        self._host.remove(path)

    def refuse_open(self, path: str, kind: str) -> None:
        """Refuse to delete what a process has open, be it a guest or not: QEMU locks the files that it has open."""
        try:
            self._host.run(["qemu-img", "info", "-f", kind, "--output=json", "--", path])
        except HostError as error:
            if "Failed to get" in str(error):  # QEMU's sentence goes on with the lock, and with the path
                raise HypervisorError(
                    f"{path} is not deleted: a process that is no guest known here has it open"
                ) from error

    def _make(self, disk: Disk, base: str | None, size_bytes: int) -> None:
        path, image = disk.path or "", disk.image
        if self._groups.has(path):
            size = self._groups.rounded(os.path.dirname(path), size_bytes)
            if base is not None and image is not None:
                self._groups.copy(base, image.format, path, size)
            else:
                self._groups.make(path, size)
        else:
            self.make_file(disk, base, size_bytes)

    def make_file(self, disk: Disk, base: str | None, size_bytes: int) -> None:
        """Make a disk's file, which gets its name when it is whole, so that a file of that name is whole.

        base: the path of its image. A hypervisor whose own tool makes files does it in its own way.
        """
        path = disk.path or ""
        self._host.make_dir(os.path.dirname(path), FOLDER_MODE)
        part = fresh_part(self._host, path)
        try:
            self.make_part(disk, part, base, size_bytes)
            self._host.run(["chmod", "0600", "--", part])
            if self.is_there(path):
                raise TakenError(disk)
            self._host.rename(part, path)
        finally:
            self._host.remove(part)

    def make_part(self, disk: Disk, part: str, base: str | None, size_bytes: int) -> None:
        """Make a disk's data in the file part, whose name is not yet its own."""
        kind, image = disk.format or QCOW2, disk.image
        if base is None or image is None:
            self._host.run(["qemu-img", "create", "-q", "-f", kind, "--", part, str(size_bytes)])
        elif image.copy == "full":
            self._host.run(["qemu-img", "convert", "-f", image.format, "-O", kind, "--", base, part])
            self._host.run(["qemu-img", "resize", "-q", "-f", kind, "--", part, str(size_bytes)])
        else:
            backing = ["-b", base, "-F", image.format]
            self._host.run(["qemu-img", "create", "-q", "-f", kind, *backing, "--", part, str(size_bytes)])

    def _image_size(self, disk: Disk, path: str, image: Image) -> int:
        """The capacity of an image, which must fit into the disk."""
        size = self._images.capacity(path, image, f"disk {disk.name}: ")
        if disk.size_bytes is None:
            self._refuse_endless(disk, image, size)
        elif disk.size_bytes < size:
            raise PlanError(
                f"disk {disk.name}: the image {image.source} is {format_size(size)}: a disk of "
                f"{format_size(disk.size_bytes)} is too small"
            )
        return size

    def _refuse_endless(self, disk: Disk, image: Image, size: int) -> None:
        """Refuse a size that nobody wrote and that the whole pool could never hold."""
        room = self.room(disk)
        if room is not None and size > room:
            raise PlanError(
                f"disk {disk.name}: the image {image.source} is {format_size(size)}, more than all of the pool "
                f"{disk.pool} ({format_size(room)}); write size if that is meant"
            )

    def room(self, disk: Disk) -> int | None:
        """How many bytes the pool of a disk could hold at the very most, be they taken or not; None: unknown."""
        return None
