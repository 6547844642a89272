# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What qemu-img tells of files, and the images of a run, each of which is fetched once."""

from __future__ import annotations

import json
import os
import threading
from typing import Any

from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import (
    HostError,
    HypervisorError,
    PlanError,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.host import Host
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.images import (
    OVA,
    OVF,
    ensure_image,
    verify_image,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.qcow2 import chain_of
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Image
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.vmdk import VMDK, is_one_piece

RAW = "raw"
QCOW2 = "qcow2"
# What qemu-img calls formats that have other names elsewhere.
QEMU_NAMES = {"vhd": "vpc"}
LEAKS = 3  # of qemu-img check: some clusters are lost, and the content is whole


def ask(host: Host, path: str, kind: str | None = None, *more: str) -> Any:
    """What qemu-img info tells of a file; HostError where it cannot.

    Only of a file that no guest has written to may it find out the format, which a guest could have forged: kind is to
    be said of all others.
    """
    known = ["-f", kind] if kind else []
    return json.loads(host.run(["qemu-img", "info", *known, "--force-share", *more, "--output=json", "--", path]))


def files_below(host: Host, path: str, kind: str | None) -> list[str]:
    """The files that a disk's data is in beside its own: what it is based on, and where it keeps data apart.

    A raw one has none, whatever its guest wrote into it. Raises HostError when one of them cannot be read.
    """
    if kind == RAW:
        return []
    below = chain_of(host, path) if kind == QCOW2 else None
    if below is not None:
        return below
    found: list[str] = []
    for one in ask(host, path, kind, "--backing-chain"):
        apart = one.get("format-specific", {}).get("data", {}).get("data-file")
        found += [os.path.join(os.path.dirname(one["filename"]), apart)] if apart else []
        found += [one["full-backing-filename"]] if one.get("full-backing-filename") else []
    return found


class Bases:
    """The images that a run's disks are made from, in one cache."""

    def __init__(self, host: Host, cache_dir: str) -> None:
        self._host = host
        self._cache_dir = cache_dir
        self._known: dict[Image, str | HypervisorError] = {}
        self._fetching: dict[Image, threading.Lock] = {}
        self._sound: set[str] = set()

    def path(self, image: Image) -> str:
        """The path of an image in the cache. It is fetched once, and what comes of that holds for a run's disks."""
        with self._fetching.setdefault(image, threading.Lock()):
            if image not in self._known:
                try:
                    self._known[image] = self._ensure(image)
                except HypervisorError as error:
                    self._known[image] = error
        found = self._known[image]
        if isinstance(found, HypervisorError):
            raise found
        return found

    def _ensure(self, image: Image) -> str:
        if image.package is None and image.format not in (OVA, OVF):
            return ensure_image(self._host, image, self._cache_dir, lambda path: self.capacity(path, image))
        return self._ensure_packed(image)

    def _ensure_packed(self, image: Image) -> str:
        """A package, or an image that is taken out of one."""
        # Only here, for all tasks would wait for the reader to be loaded, and few have packages.
        from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.package import judge, take_out

        host, folder = self._host, self._cache_dir
        if image.package is not None:
            return take_out(
                host, self.path(image.package), image.source, folder, lambda path: self.capacity(path, image)
            )
        if image.format == OVA:
            return ensure_image(host, image, folder, lambda path: judge(host, path))
        # A descriptor stays where it is, for its files are beside it.
        verify_image(host, image, folder)
        judge(host, image.source)
        return image.source

    def capacity(self, path: str, image: Image, who: str = "") -> int:
        """The capacity of an image, which must be what it is said to be, whole, and refer to no other file."""
        said = f"{who}the image {image.source}"
        if image.format == VMDK and not is_one_piece(self._host, path):
            raise PlanError(f"{said} is no vmdk in one piece (such as streamOptimized), which alone is allowed")
        try:
            # qemu-img does not look for a format in what comes from anywhere: in some it would open other files.
            info = ask(self._host, path, image.format if image.package else None)
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
