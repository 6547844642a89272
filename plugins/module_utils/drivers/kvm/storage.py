# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The data of disks: volumes in libvirt's pools, made from images, grown, and deleted when that was asked for."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm import existing, xml
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.bases import files_below, find_bases
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.connect import libvirt, libvirt_says
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.devices import DEFAULT_FORMAT
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.existing import is_device
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
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.parts import dead_parts, part_of
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Disk, Guest, Image
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.units import format_size

DEFAULT_POOL = "default"
RAW = "raw"
QCOW2_LARGEST = 2**51  # with clusters of the usual 64 KiB
LEAKS = 3  # of qemu-img check: some clusters are lost, and the content is whole
HEADER_BYTES = 1024 * 1024  # no disk that was just made is longer, unless it is a copy
FOLDER_POOLS = ("dir", "fs", "netfs")  # pools whose volumes are files in a folder
GROUP_POOL = "logical"  # pools whose volumes are LVM's


class TakenError(HypervisorError):
    """Where a disk was to be made, data of somebody else has come into being."""

    def __init__(self, disk: Disk) -> None:
        super().__init__(f"disk {disk.name}: {disk.path} came into being meanwhile; nothing was replaced")


class Storage:
    """The disks' data on one host.

    cache_dir: where images are kept. All methods raise HypervisorError or one of its kinds.
    """

    def __init__(self, connection: libvirt.virConnect, host: Host, cache_dir: str) -> None:
        self._connection = connection
        self._host = host
        self._cache_dir = cache_dir
        self._folders: dict[str, str] | None = None
        self._groups = Groups(host, {})
        self._bases: dict[Image, str | HypervisorError] = {}
        self._fetching: dict[Image, threading.Lock] = {}
        # libvirt does not look into a pool that it is making a volume in.
        self._pools = threading.RLock()
        self._sound: set[str] = set()

    def folders(self) -> Mapping[str, str]:
        """The active pools that disks can be made in: name to the folder of their volumes. Read once."""
        if self._folders is None:
            with libvirt_says("the storage pools cannot be read"):
                pools = self._connection.listAllStoragePools(libvirt.VIR_CONNECT_LIST_STORAGE_POOLS_ACTIVE)
                roots = [xml.parse(pool.XMLDesc(0)) for pool in pools]
            self._folders = {
                root.findtext("name", ""): root.findtext("target/path", "").rstrip("/") or "/"
                for root in roots
                if root.get("type") in (*FOLDER_POOLS, GROUP_POOL)
            }
            groups = [root for root in roots if root.get("type") == GROUP_POOL]
            names = {self._folders[root.findtext("name", "")]: root.findtext("source/name", "") for root in groups}
            self._groups = Groups(self._host, names)
        return self._folders

    def rounded(self, want: Guest, have: Guest | None) -> Guest:
        """The wish with the sizes of its disks as their pools have them."""
        pools = {disk.name: disk.pool for disk in (have.disks or () if have else ())}

        def fit(disk: Disk) -> Disk:
            folder = self.folders().get(disk.pool or pools.get(disk.name) or DEFAULT_POOL)
            if disk.size_bytes is None or disk.path or folder is None or not self._groups.has(f"{folder}/"):
                return disk
            return replace(disk, size_bytes=self._groups.rounded(folder, disk.size_bytes))

        return want if want.disks is None else replace(want, disks=tuple(map(fit, want.disks)))

    def place(self, guest: str, disk: Disk) -> Disk:
        """Say where a disk's data belongs, and in which format. PlanError when there is no such pool.

        Data that is given by its path stays where it is, and is in no pool.
        """
        if disk.path:
            return replace(disk, format=disk.format or (RAW if is_device(disk.path) else None))
        pool = disk.pool or DEFAULT_POOL
        folder = self.folders().get(pool)
        if folder is None:
            known = ", ".join(sorted(self.folders())) or "none"
            raise PlanError(f"disk {disk.name}: there is no active storage pool {pool} for disks; there are: {known}")
        if self._groups.has(f"{folder}/"):
            if disk.format not in (None, RAW):
                raise PlanError(f"disk {disk.name}: the volumes of LVM in the pool {pool} are raw, not {disk.format}")
            return replace(disk, pool=pool, format=RAW, path=os.path.join(folder, f"{guest}.{disk.name}"))
        kind = disk.format or DEFAULT_FORMAT
        return replace(disk, pool=pool, format=kind, path=os.path.join(folder, f"{guest}.{disk.name}.{kind}"))

    def is_there(self, disk: Disk) -> bool:
        """Whether data already lies where the disk belongs."""
        return self._host.info(disk.path or "") is not None

    def check(self, disk: Disk) -> None:
        """Refuse a placed disk that cannot be made or taken; looks only."""
        if disk.pool is None:
            self._check_given(disk)
            return
        if self._groups.has(disk.path or ""):
            self._groups.check(disk)
        _refuse_huge(disk)
        if self.is_there(disk) and not self._is_blank(disk):
            self._check_kept(disk)
        elif disk.image is None:
            if disk.size_bytes is None:
                raise PlanError(f"disk {disk.name}: an empty disk needs a size")
        else:
            if disk.format == "raw" and disk.image.copy == "thin":
                raise PlanError(f"disk {disk.name}: a raw disk is a full copy of its image: set copy to full")
            check_image(self._host, disk.image, self._cache_dir)
            if disk.image.remote_src and not is_url(disk.image.source):
                self._image_size(disk, disk.image.source, disk.image)

    def fetch(self, disk: Disk) -> None:
        """Bring a placed disk's image into the cache, and look at it there, before anything else is made."""
        if disk.image is not None and not self.is_there(disk):
            self._image_size(disk, self._base(disk.image), disk.image)

    def make(self, disk: Disk, new: bool) -> None:
        """Make a placed disk's data; data that is there already is kept, and grown if it is smaller.

        new: when it was last looked at there was none, and it was noted that what is there will be ours. Data that came
        there since then is a TakenError.
        """
        if new and self.is_there(disk):
            raise TakenError(disk)
        if self._is_blank(disk):
            self._host.remove(disk.path or "")
            self._refresh(disk.path or "")
        if disk.pool is None or self.is_there(disk):
            self._keep(disk)
            return
        base, size = None, disk.size_bytes
        if disk.image is not None:
            base = self._base(disk.image)
            size = max(size or 0, self._image_size(disk, base, disk.image))
        if self.is_there(disk):  # fetching takes its time
            raise TakenError(disk)
        with doing(f"disk {disk.name}: {disk.path} cannot be made"):
            self._make(disk, base, size or 0)

    def _make(self, disk: Disk, base: str | None, size_bytes: int) -> None:
        if self._groups.has(disk.path or ""):
            self._make_volume(disk, base, size_bytes)
        elif base is not None and disk.image is not None and disk.image.copy == "full":
            self._copy(disk, base, size_bytes)
        else:
            self._create(disk, base, size_bytes)

    def _is_blank(self, disk: Disk) -> bool:
        """Whether the file where a disk belongs holds nothing at all, as where a host lost power when it was made.

        Of a raw disk that says nothing; in every other format there is no disk without a header.
        """
        return disk.pool is not None and disk.format != RAW and self._holds_nothing(disk.path or "")

    def _holds_nothing(self, path: str) -> bool:
        """Whether a file, which is shorter than any disk that holds something, has no byte but zeros."""
        found = self._host.info(path)
        # A device, to which a link may lead, has no length, and would be read to its end.
        if found is None or found.kind != "file" or found.size_bytes > HEADER_BYTES or self._groups.has(path):
            return False
        return not self._host.read_file(path).strip(b"\0")

    def _keep(self, disk: Disk) -> None:
        self.check(disk)
        self._make_known(disk.path or "")
        if disk.size_bytes and (self.size(disk.path or "", disk.format) or 0) < disk.size_bytes:
            self.grow(disk.path or "", disk.size_bytes, disk.format)

    def _base(self, image: Image) -> str:
        """The path of an image in the cache. It is fetched once, and what comes of that holds for a run's disks."""
        with self._fetching.setdefault(image, threading.Lock()):
            if image not in self._bases:
                try:
                    self._bases[image] = ensure_image(
                        self._host, image, self._cache_dir, lambda path: self._check_image(path, image)
                    )
                except HypervisorError as error:
                    self._bases[image] = error
        found = self._bases[image]
        if isinstance(found, HypervisorError):
            raise found
        return found

    def grow(self, path: str, size_bytes: int, kind: str | None) -> None:
        """Make a disk that is not in use larger. kind: its format by the definition, never by what stands in it."""
        with doing(f"{path} cannot be grown"):
            if not self._groups.has(path):
                self._host.run(["qemu-img", "resize", "-q", "-f", kind or RAW, "--", path, str(size_bytes)])
                self._host.sync(path)
            # It may be that large already, and only the guest was not told when a run was killed.
            elif (self.size(path, RAW) or 0) < size_bytes:
                self._groups.grow(path, size_bytes)

    def can_grow(self, path: str) -> bool:
        """Whether the data at path can be made larger here: files and volumes, not devices of others."""
        return self._groups.has(path) or not is_device(path)

    def size(self, path: str, kind: str | None = None) -> int | None:
        """The capacity of the data at path, in bytes; None when it is not there, 0 of a file that holds nothing.

        kind: its format, to be said of data that a guest has written to unless it is in overlays of ours.
        """
        if self._host.info(path) is None:
            return None
        if kind not in (None, RAW) and self._holds_nothing(path):
            return 0
        size: int = self._info(path, kind)["virtual-size"]
        return size

    def is_cached(self, path: str) -> bool:
        """Whether a file is an image that other disks are made from."""
        return os.path.realpath(path).startswith(os.path.join(os.path.realpath(self._cache_dir), ""))

    def _check_given(self, disk: Disk) -> None:
        """Data that somebody else made: it has to be what it is said to be."""
        existing.check(disk)
        path = disk.path or ""
        if self.is_cached(path):
            raise PlanError(f"disk {disk.name}: {path} is an image that disks are made from; use it as image")
        try:
            # A file that holds nothing was no disk of ours that is still to be made, and is none.
            size: int = self._info(path, disk.format)["virtual-size"]
        except HostError as error:
            raise PlanError(f"disk {disk.name}: {path} is not {disk.format}: {error}") from error
        if disk.size_bytes and size < disk.size_bytes and is_device(path):
            raise PlanError(too_small(disk.name, path, size, disk.size_bytes))

    def bases(self, others: Mapping[str, str | None]) -> dict[str, list[str]]:
        """Every file that disks' data is based on, with the files based on it, as far as this host knows.

        others: paths of disks that may be in no pool, each with its format.
        """
        with self._pools:
            return find_bases(self._connection, self._host, others)

    def below(self, disk: Disk) -> list[str]:
        """The files that a placed disk's data is in beside its own. PlanError where that cannot be told."""
        if self._is_blank(disk):
            return []
        try:
            return files_below(self._host, disk.path or "", disk.format)
        except HostError as error:
            raise PlanError(f"disk {disk.name}: {disk.path} or what it is based on cannot be read: {error}") from error

    def delete(self, path: str) -> None:
        """Delete a disk's data. The caller has made sure that it may."""
        if self._host.info(path) is None:
            return
        self._refuse_in_use(path)
        with self._pools, libvirt_says(f"{path} cannot be deleted"):
            try:
                volume = self._connection.storageVolLookupByPath(path)
            except libvirt.libvirtError:
                self._refresh(path)
                volume = self._connection.storageVolLookupByPath(path)
            volume.delete(0)

    def drop(self, part: str) -> None:
        """Delete what a killed run was making. Nothing refers to it."""
        if self._groups.has(part):
            self._groups.drop(part)
        else:
            self._host.remove(part)

    def _refuse_in_use(self, path: str) -> None:
        """A guest may run on a disk of which this libvirt knows nothing: that of another user, or of no libvirt at all.

        QEMU locks the files that it has open.
        """
        try:
            self._host.run(["qemu-img", "info", "-f", format_of(path), "--output=json", "--", path])
        except HostError as error:
            if "Failed to get" in str(error):  # QEMU's sentence goes on with the lock, and with the path
                raise HypervisorError(
                    f"{path} is not deleted: a process that is no guest of this libvirt has it open"
                ) from error

    def _check_kept(self, disk: Disk) -> None:
        # What a guest has written into a volume says nothing of it.
        info = self._info(disk.path or "", RAW if self._groups.has(disk.path or "") else None)
        if info["format"] != disk.format:
            raise PlanError(
                f"disk {disk.name}: {disk.path} is there already and is {info['format']}, not {disk.format}"
            )
        size = info["virtual-size"]
        if disk.size_bytes is not None and size > disk.size_bytes:
            raise PlanError(
                f"disk {disk.name}: {disk.path} is there already with {format_size(size)} and is not shrunk to "
                f"{format_size(disk.size_bytes)}; name its size, or move it away"
            )

    def _info(self, path: str, kind: str | None = None) -> dict[str, Any]:
        """What qemu-img tells of a file. Only of one that no guest has written to may it find out the format."""
        known = ["-f", kind] if kind else []
        text = self._host.run(["qemu-img", "info", *known, "--force-share", "--output=json", "--", path])
        info: dict[str, Any] = json.loads(text)
        return info

    def _check_image(self, path: str, image: Image, who: str = "") -> int:
        """The capacity of an image, which must be what it is said to be and refer to no other file."""
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

    def _image_size(self, disk: Disk, path: str, image: Image) -> int:
        """The capacity of an image, which must fit into the disk."""
        size = self._check_image(path, image, f"disk {disk.name}: ")
        if disk.size_bytes is None:
            self._refuse_endless(f"disk {disk.name}: the image {image.source}", size, disk)
        elif disk.size_bytes < size:
            raise PlanError(
                f"disk {disk.name}: the image {image.source} is {format_size(size)}: a disk of "
                f"{format_size(disk.size_bytes)} is too small"
            )
        return size

    def _make_volume(self, disk: Disk, base: str | None, size_bytes: int) -> None:
        path = disk.path or ""
        size = self._groups.rounded(os.path.dirname(path), size_bytes)
        with self._pools:
            if base is not None and disk.image is not None:
                self._groups.copy(base, disk.image.format, path, size)
            else:
                self._groups.make(path, size)
        self._refresh(path)

    def _refuse_damaged(self, said: str, path: str, kind: str) -> None:
        """Refuse an image that was cut off or written over. Only its tables are read, once for all disks."""
        if kind != "qcow2" or path in self._sound:
            return
        try:
            self._host.run(["qemu-img", "check", "-q", "--force-share", "-f", kind, "--output=json", "--", path])
        except HostError as error:
            if error.status != LEAKS:
                raise PlanError(f"{said} is damaged or not whole: qemu-img check finds errors in it") from error
        self._sound.add(path)

    def _refuse_endless(self, said: str, size: int, disk: Disk) -> None:
        """Refuse a size that nobody wrote and that the whole pool could never hold."""
        with self._pools, libvirt_says(f"the storage pool {disk.pool} cannot be read"):
            capacity = self._connection.storagePoolLookupByName(disk.pool or DEFAULT_POOL).info()[1]
        if 0 < capacity < size:
            raise PlanError(
                f"{said} is {format_size(size)}, more than all of the pool {disk.pool} ({format_size(capacity)}); "
                "write size if that is meant"
            )

    def _create(self, disk: Disk, base: str | None, size_bytes: int) -> None:
        root = xml.parse("<volume/>")
        xml.add(root, "name", os.path.basename(disk.path or ""))
        xml.add(root, "capacity", str(size_bytes), unit="bytes")
        xml.add(root, "allocation", "0", unit="bytes")
        target = xml.add(root, "target")
        xml.add(target, "format", type=disk.format)
        xml.add(xml.add(target, "permissions"), "mode", "0600")
        if base is not None and disk.image is not None:
            backing = xml.add(root, "backingStore")
            xml.add(backing, "path", base)
            xml.add(backing, "format", type=disk.image.format)
        with self._pools, libvirt_says(f"disk {disk.name}: {disk.path} cannot be made"):
            pool = self._connection.storagePoolLookupByName(disk.pool or DEFAULT_POOL)
            try:
                pool.createXML(xml.render(root), 0)
            except libvirt.libvirtError as error:
                if error.get_error_code() != libvirt.VIR_ERR_STORAGE_VOL_EXIST:
                    raise
                if self.is_there(disk):
                    raise TakenError(disk) from error
                # The pool remembers a volume that was deleted behind its back.
                pool.refresh(0)
                pool.createXML(xml.render(root), 0)
        # The definition that will name it survives a power cut, and so must it.
        self._host.sync(disk.path or "")

    def _copy(self, disk: Disk, base: str, size_bytes: int) -> None:
        """A full copy takes long: it gets its name only when it is whole, so that a file of that name is whole."""
        path = disk.path or ""
        for dead in dead_parts(self._host, os.path.dirname(path)):
            self._host.remove(dead)
        part = part_of(path)
        source_format = disk.image.format if disk.image else DEFAULT_FORMAT
        kind = disk.format or DEFAULT_FORMAT
        try:
            self._host.run(["qemu-img", "convert", "-f", source_format, "-O", kind, "--", base, part])
            self._host.run(["qemu-img", "resize", "-q", "-f", kind, "--", part, str(size_bytes)])
            self._host.run(["chmod", "0600", "--", part])
            if self.is_there(disk):
                raise TakenError(disk)
            self._host.rename(part, path)
        finally:
            self._host.remove(part)
        self._refresh(path)

    def _make_known(self, path: str) -> None:
        """Have libvirt know a file as a volume of its pool, where it came there past libvirt."""
        try:
            self._connection.storageVolLookupByPath(path)
        except libvirt.libvirtError:
            self._refresh(path)

    def _refresh(self, path: str) -> None:
        name = next((pool for pool, folder in self.folders().items() if folder == os.path.dirname(path)), None)
        if name is not None:
            with self._pools, libvirt_says(f"the storage pool {name} cannot be refreshed"):
                self._connection.storagePoolLookupByName(name).refresh(0)


def format_of(path: str) -> str:
    """The format of data that we made: its name says it, and volumes without are raw."""
    suffix = path.rpartition(".")[2]
    return suffix if suffix in (DEFAULT_FORMAT, RAW) and not is_device(path) else RAW


def too_small(name: str, path: str, size: int, wanted: int) -> str:
    """What is said of a device that is smaller than its disk is to be."""
    found, wish = format_size(size), format_size(wanted)
    return f"disk {name}: the device {path} is {found}, not {wish}: make the device larger, then run this again"


def _refuse_huge(disk: Disk) -> None:
    """Refuse a size that the disk's format has no room for."""
    if disk.format == "qcow2" and (disk.size_bytes or 0) > QCOW2_LARGEST:
        most, wished = format_size(QCOW2_LARGEST), format_size(disk.size_bytes or 0)
        raise PlanError(f"disk {disk.name}: size: {wished} are more than the {most} that qcow2 can hold")
