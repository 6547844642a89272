# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The data of disks where no hypervisor's own tool makes it: files by qemu-img, and volumes of LVM."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Mapping
from typing import Any

from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import (
    HostError,
    HypervisorError,
    PlanError,
    doing,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.groups import Groups
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.host import Host
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.images import (
    check_image,
    ensure_image,
    is_url,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.parts import dead_parts_of, part_of
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Disk, Image
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.units import format_size

RAW = "raw"
QCOW2 = "qcow2"
QCOW2_LARGEST = 2**51  # with clusters of the usual 64 KiB
LEAKS = 3  # of qemu-img check: some clusters are lost, and the content is whole
HEADER_BYTES = 1024 * 1024  # no disk that was just made is longer, unless it is a copy
FOLDER_MODE = 0o711


class TakenError(HypervisorError):
    """Where a disk was to be made, data of somebody else has come into being."""

    def __init__(self, disk: Disk) -> None:
        super().__init__(f"disk {disk.name}: {disk.path} came into being meanwhile; nothing was replaced")


class DiskFiles:
    """Placed disks on one host: path and format are set, and pool but for data of others.

    groups: the volume groups that paths may be in.
    All methods raise HypervisorError or one of its kinds, and may be called from several threads.
    """

    def __init__(self, host: Host, cache_dir: str, groups: Groups) -> None:
        self._host = host
        self._cache_dir = cache_dir
        self._groups = groups
        self._bases: dict[Image, str | HypervisorError] = {}
        self._fetching: dict[Image, threading.Lock] = {}
        self._sizes: dict[tuple[object, ...], int] = {}
        self._sound: set[str] = set()

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
            self._sizes[mark] = 0 if self.holds_nothing(path) else self._info(path, kind)["virtual-size"]
        return self._sizes[mark]

    def holds_nothing(self, path: str) -> bool:
        """Whether a file, which is shorter than any disk that holds something, has no byte but zeros.

        So is one that was made when the host lost power. Of a raw disk that says nothing.
        """
        found = self._host.info(path)
        if found is None or found.kind != "file" or found.size_bytes > HEADER_BYTES:
            return False
        return not self._host.read_file(path).strip(b"\0")

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
        check_image(self._host, disk.image, self._cache_dir)
        if disk.image.remote_src and not is_url(disk.image.source):
            self._image_size(disk, disk.image.source, disk.image)

    def check_kept(self, disk: Disk) -> None:
        """Refuse data that is there already and is not what the disk is to be, with PlanError."""
        path = disk.path or ""
        if self._groups.has(path):
            size = self.size(path, RAW) or 0
        else:
            info = self._info(path)
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
            size: int = self._info(path, disk.format)["virtual-size"]
        except HostError as error:
            raise PlanError(f"disk {disk.name}: {path} is not {disk.format}: {error}") from error
        return size

    def is_cached(self, path: str) -> bool:
        """Whether a file is an image that other disks are made from."""
        return os.path.dirname(path) == self._cache_dir

    def fetch(self, disk: Disk) -> None:
        """Bring a disk's image into the cache, and look at it there, before anything else is made."""
        if disk.image is not None and not self.is_there(disk.path or ""):
            self._image_size(disk, self._base(disk.image), disk.image)

    def make(self, disk: Disk, new: bool) -> None:
        """Make a disk's data; data that is there already is kept, and grown if it is smaller.

        new: when it was last looked at there was none, and it was noted that what is there will be ours. Data that came
        there since then is a TakenError.
        """
        path = disk.path or ""
        if new and self.is_there(path):
            raise TakenError(disk)
        if disk.format != RAW and self.holds_nothing(path):
            self._host.remove(path)
        if self.is_there(path):
            if disk.pool is not None:
                self.check_kept(disk)
            if disk.size_bytes and (self.size(path, disk.format or RAW) or 0) < disk.size_bytes:
                self.grow(path, disk.size_bytes, disk.format or RAW)
            return
        base, size = None, disk.size_bytes
        if disk.image is not None:
            base = self._base(disk.image)
            size = max(size or 0, self._image_size(disk, base, disk.image))
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

    def bases(self, others: Mapping[str, str]) -> dict[str, list[str]]:
        """Every file that other files are based on, with those. others: path of each to look at, and its format."""
        found: dict[str, list[str]] = {}
        for path, kind in others.items():
            if kind == RAW or not self.is_there(path):
                continue  # a raw one has none, whatever its guest wrote into it
            try:
                text = self._ask(path, kind, "--backing-chain")
            except HostError:
                continue
            below = [one["full-backing-filename"] for one in json.loads(text) if one.get("full-backing-filename")]
            for base in below:
                found.setdefault(base, []).append(path)
        return found

    def delete(self, path: str, kind: str) -> None:
        """Delete a disk's data. The caller has made sure that it may; what a process has open is still refused."""
        if not self.is_there(path):
            return
        if self._groups.has(path):
            self._groups.drop(path)
            return
        try:
            self._host.run(["qemu-img", "info", "-f", kind, "--output=json", "--", path])
        except HostError as error:
            if "Failed to get" in str(error):  # QEMU's sentence goes on with the lock, and with the path
                raise HypervisorError(f"{path} is not deleted: a process has it open") from error
        self._host.remove(path)

    def _make(self, disk: Disk, base: str | None, size_bytes: int) -> None:
        path, image = disk.path or "", disk.image
        if self._groups.has(path):
            size = self._groups.rounded(os.path.dirname(path), size_bytes)
            if base is not None and image is not None:
                self._groups.copy(base, image.format, path, size)
            else:
                self._groups.make(path, size)
            return
        self._host.make_dir(os.path.dirname(path), FOLDER_MODE)
        for dead in dead_parts_of(self._host, path):
            self._host.remove(dead)
        part = part_of(path)
        try:
            self._make_part(disk, part, base, size_bytes)
            self._host.run(["chmod", "0600", "--", part])
            if self.is_there(path):
                raise TakenError(disk)
            self._host.rename(part, path)
        finally:
            self._host.remove(part)

    def _make_part(self, disk: Disk, part: str, base: str | None, size_bytes: int) -> None:
        """Make a file that gets its name when it is whole, so that a file of that name is whole."""
        kind, image = disk.format or QCOW2, disk.image
        if base is None or image is None:
            self._host.run(["qemu-img", "create", "-q", "-f", kind, "--", part, str(size_bytes)])
        elif image.copy == "full":
            self._host.run(["qemu-img", "convert", "-f", image.format, "-O", kind, "--", base, part])
            self._host.run(["qemu-img", "resize", "-q", "-f", kind, "--", part, str(size_bytes)])
        else:
            backing = ["-b", base, "-F", image.format]
            self._host.run(["qemu-img", "create", "-q", "-f", kind, *backing, "--", part, str(size_bytes)])

    def _base(self, image: Image) -> str:
        """The path of an image in the cache. It is fetched once, and what comes of that holds for a run's disks."""
        with self._fetching.setdefault(image, threading.Lock()):
            if image not in self._bases:
                try:
                    self._bases[image] = ensure_image(
                        self._host, image, self._cache_dir, lambda path: self._image_capacity(path, image)
                    )
                except HypervisorError as error:
                    self._bases[image] = error
        found = self._bases[image]
        if isinstance(found, HypervisorError):
            raise found
        return found

    def _image_size(self, disk: Disk, path: str, image: Image) -> int:
        """The capacity of an image, which must fit into the disk."""
        size = self._image_capacity(path, image, f"disk {disk.name}: ")
        if disk.size_bytes is not None and disk.size_bytes < size:
            raise PlanError(
                f"disk {disk.name}: the image {image.source} is {format_size(size)}: a disk of "
                f"{format_size(disk.size_bytes)} is too small"
            )
        return size

    def _image_capacity(self, path: str, image: Image, who: str = "") -> int:
        """The capacity of an image, which must be what it is said to be, whole, and refer to no other file."""
        said = f"{who}the image {image.source}"
        try:
            info = self._info(path)
        except HostError as error:
            raise PlanError(f"{said} cannot be read: {error}") from error
        if info["format"] != image.format:
            raise PlanError(f"{said} is {info['format']}, not {image.format}")
        details = info.get("format-specific", {}).get("data", {})
        if info.get("backing-filename") or details.get("data-file"):
            raise PlanError(f"{said} refers to another file, whose content the guest could read: flatten it first")
        self._refuse_damaged(said, path, image.format)
        size: int = info["virtual-size"]
        return size

    def _refuse_damaged(self, said: str, path: str, kind: str) -> None:
        """Refuse an image that was cut off or written over. Only its tables are read, once for all disks."""
        if kind != QCOW2 or path in self._sound:
            return
        try:
            self._host.run(["qemu-img", "check", "-q", "--force-share", "-f", kind, "--output=json", "--", path])
        except HostError as error:
            if error.status != LEAKS:
                raise PlanError(f"{said} is damaged or not whole: qemu-img check finds errors in it") from error
        self._sound.add(path)

    def _info(self, path: str, kind: str | None = None) -> dict[str, Any]:
        """What qemu-img tells of a file. Only of one that no guest has written to may it find out the format."""
        info: dict[str, Any] = json.loads(self._ask(path, kind))
        return info

    def _ask(self, path: str, kind: str | None, *more: str) -> str:
        known = ["-f", kind] if kind else []
        return self._host.run(["qemu-img", "info", *known, "--force-share", *more, "--output=json", "--", path])
