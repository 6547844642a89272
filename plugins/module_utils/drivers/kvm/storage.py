# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The data of disks: volumes in libvirt's pools, made from images, grown, and deleted when that was asked for."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm import xml
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.connect import libvirt, libvirt_says
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.devices import DEFAULT_FORMAT
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import (
    HostError,
    HypervisorError,
    PlanError,
    doing,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.host import Host
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.images import (
    check_image,
    ensure_image,
    is_url,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.parts import dead_parts, part_of
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Disk, Image
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.units import format_size

DEFAULT_POOL = "default"
FOLDER_POOLS = ("dir", "fs", "netfs")  # pools whose volumes are files in a folder


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
        self._bases: dict[Image, str | HypervisorError] = {}
        self._fetching: dict[Image, threading.Lock] = {}
        # libvirt does not look into a pool that it is making a volume in.
        self._pools = threading.RLock()

    def folders(self) -> Mapping[str, str]:
        """The active pools whose volumes are files: name to folder. Read once."""
        if self._folders is None:
            with libvirt_says("the storage pools cannot be read"):
                pools = self._connection.listAllStoragePools(libvirt.VIR_CONNECT_LIST_STORAGE_POOLS_ACTIVE)
                roots = [xml.parse(pool.XMLDesc(0)) for pool in pools]
            self._folders = {
                root.findtext("name", ""): root.findtext("target/path", "").rstrip("/") or "/"
                for root in roots
                if root.get("type") in FOLDER_POOLS
            }
        return self._folders

    def place(self, guest: str, disk: Disk) -> Disk:
        """Say where a disk's data belongs, and in which format. PlanError when there is no such pool."""
        pool = disk.pool or DEFAULT_POOL
        folder = self.folders().get(pool)
        if folder is None:
            known = ", ".join(sorted(self.folders())) or "none"
            raise PlanError(f"disk {disk.name}: there is no active storage pool {pool} of files; there are: {known}")
        kind = disk.format or DEFAULT_FORMAT
        return replace(disk, pool=pool, format=kind, path=os.path.join(folder, f"{guest}.{disk.name}.{kind}"))

    def is_there(self, disk: Disk) -> bool:
        """Whether data already lies where the disk belongs."""
        return self._host.info(disk.path or "") is not None

    def check(self, disk: Disk) -> None:
        """Refuse a placed disk that cannot be made or taken; looks only."""
        if self.is_there(disk):
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

    def make(self, disk: Disk, new: bool) -> None:
        """Make a placed disk's data; data that is there already is kept, and grown if it is smaller.

        new: when it was last looked at there was none, and it was noted that what is there will be ours. Data that came
        there since then is a TakenError.
        """
        if new and self.is_there(disk):
            raise TakenError(disk)
        if self.is_there(disk):
            self._check_kept(disk)
            self._make_known(disk.path or "")
            if disk.size_bytes and self._info(disk.path or "")["virtual-size"] < disk.size_bytes:
                self.grow(disk.path or "", disk.size_bytes)
            return
        base, size = None, disk.size_bytes
        if disk.image is not None:
            base = self._base(disk.image)
            size = max(size or 0, self._image_size(disk, base, disk.image))
        if self.is_there(disk):  # fetching takes its time
            raise TakenError(disk)
        if base is not None and disk.image is not None and disk.image.copy == "full":
            with doing(f"disk {disk.name}: {disk.path} cannot be made"):
                self._copy(disk, base, size or 0)
        else:
            self._create(disk, base, size or 0)

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

    def grow(self, path: str, size_bytes: int) -> None:
        """Make a disk that is not in use larger."""
        with self._pools, libvirt_says(f"{path} cannot be grown"):
            try:
                self._connection.storageVolLookupByPath(path).resize(size_bytes, 0)
                return
            except libvirt.libvirtError as error:
                if error.get_error_code() != libvirt.VIR_ERR_NO_STORAGE_VOL:
                    raise
        with doing(f"{path} cannot be grown"):
            kind = self._info(path)["format"]
            self._host.run(["qemu-img", "resize", "-q", "-f", kind, "--", path, str(size_bytes)])

    def size(self, path: str) -> int | None:
        """The capacity of the data at path, in bytes; None when it is not there."""
        if self._host.info(path) is None:
            return None
        size: int = self._info(path)["virtual-size"]
        return size

    def bases(self, others: Iterable[str]) -> dict[str, list[str]]:
        """Every file that disks' data is based on, with the files based on it, as far as this host knows.

        That is the volumes of all pools, looked for anew, and others: paths of disks that are in no pool.
        """
        found: dict[str, list[str]] = {}
        with self._pools, libvirt_says("the storage volumes cannot be read"):
            pools = self._connection.listAllStoragePools(libvirt.VIR_CONNECT_LIST_STORAGE_POOLS_ACTIVE)
            roots = [xml.parse(volume.XMLDesc(0)) for pool in pools for volume in _volumes(pool)]
        for root in roots:
            base = root.findtext("backingStore/path")
            if base:
                found.setdefault(os.path.realpath(base), []).append(root.findtext("target/path", ""))
        known = {root.findtext("target/path", "") for root in roots}
        for path in set(others) - known:
            for base in self._backing_files(path):
                found.setdefault(os.path.realpath(base), []).append(path)
        return found

    def _backing_files(self, path: str) -> list[str]:
        """The files below a disk, as far as they can be told."""
        try:
            text = self._host.run(["qemu-img", "info", "--force-share", "--backing-chain", "--output=json", "--", path])
        except HostError:
            return []  # a lost disk, or one that is no file
        return [one["full-backing-filename"] for one in json.loads(text) if one.get("full-backing-filename")]

    def delete(self, path: str) -> None:
        """Delete a disk's data. The caller has made sure that it may."""
        if self._host.info(path) is None:
            return
        with self._pools, libvirt_says(f"{path} cannot be deleted"):
            try:
                volume = self._connection.storageVolLookupByPath(path)
            except libvirt.libvirtError:
                self._refresh(path)
                volume = self._connection.storageVolLookupByPath(path)
            volume.delete(0)

    def _check_kept(self, disk: Disk) -> None:
        info = self._info(disk.path or "")
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

    def _info(self, path: str) -> dict[str, Any]:
        text = self._host.run(["qemu-img", "info", "--force-share", "--output=json", "--", path])
        info: dict[str, Any] = json.loads(text)
        return info

    def _check_image(self, path: str, image: Image, who: str = "") -> int:
        """The capacity of an image, which must be what it is said to be and refer to no other file."""
        info = self._info(path)
        said = f"{who}the image {image.source}"
        if info["format"] != image.format:
            raise PlanError(f"{said} is {info['format']}, not {image.format}")
        details = info.get("format-specific", {}).get("data", {})
        if info.get("backing-filename") or details.get("data-file"):
            raise PlanError(f"{said} refers to another file, whose content the guest could read: flatten it first")
        size: int = info["virtual-size"]
        return size

    def _image_size(self, disk: Disk, path: str, image: Image) -> int:
        """The capacity of an image, which must fit into the disk."""
        size = self._check_image(path, image, f"disk {disk.name}: ")
        if disk.size_bytes is not None and disk.size_bytes < size:
            raise PlanError(
                f"disk {disk.name}: the image {image.source} is {format_size(size)}: a disk of "
                f"{format_size(disk.size_bytes)} is too small"
            )
        return size

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


def _volumes(pool: libvirt.virStoragePool) -> list[libvirt.virStorageVol]:
    """A pool's volumes, also those that came into being past libvirt."""
    with suppress(libvirt.libvirtError):  # it may be busy; then what it knows has to do
        pool.refresh(0)
    return pool.listAllVolumes(0)
