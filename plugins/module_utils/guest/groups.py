# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Disks as logical volumes, in the volume groups of LVM that disks may be made in.

A volume is made with the signatures of an old one in its place wiped, without which LVM stops and asks.
Source: lvcreate(8), lvextend(8), lvrename(8), lvm(8) on names.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import HostError, PlanError
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.host import Host
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.parts import dead_parts, part_of
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Disk

# What LVM keeps for volumes of its own making.
RESERVED = re.compile(
    r"(snapshot|pvmove).*|.*_(cdata|cmeta|corig|cvol|iorig|mimage|mlog|pmspare|rimage|rmeta|tdata|tmeta|vdata|vorigin|"
    r"wcorig).*"
)


class Groups:
    """The volume groups of one host. groups: the folder of a pool's volumes, such as /dev/vg0, to its group's name."""

    def __init__(self, host: Host, groups: Mapping[str, str]) -> None:
        self._host = host
        self._groups = groups
        self._extents: dict[str, int] = {}

    def has(self, path: str) -> bool:
        """Whether a path is, or would be, that of a volume in one of the groups."""
        return os.path.dirname(path) in self._groups

    def check(self, disk: Disk) -> None:
        """Refuse, with PlanError, a placed disk that would be no volume."""
        name = os.path.basename(disk.path or "")
        if RESERVED.fullmatch(name):
            raise PlanError(f"disk {disk.name}: LVM keeps the name {name} for itself: choose another one for the disk")

    def rounded(self, folder: str, size_bytes: int) -> int:
        """A size as a volume has it: whole extents."""
        group = self._groups[folder]
        if group not in self._extents:
            said = self._host.run(
                ["vgs", "--noheadings", "--nosuffix", "--units", "b", "--options", "vg_extent_size", "--", group]
            )
            if not said.strip().isdigit():
                raise HostError(f"vgs tells no extent size of the volume group {group}: {said.strip()!r}")
            self._extents[group] = int(said)
        extent = self._extents[group]
        return -(-size_bytes // extent) * extent

    def make(self, path: str, size_bytes: int) -> None:
        """Make an empty volume. Its first blocks are zero; what else its blocks held before is not wiped."""
        where = ["--name", os.path.basename(path), "--", self._groups[os.path.dirname(path)]]
        size = ["--size", f"{size_bytes}b"]
        self._host.run(["lvcreate", "--quiet", "--yes", "--wipesignatures", "y", "--zero", "y", *size, *where])

    def copy(self, base: str, source_format: str, path: str, size_bytes: int) -> None:
        """Make a volume with an image's content. It gets its name when it is whole."""
        for dead in dead_parts(self._host, os.path.dirname(path)):
            self.drop(dead)
        part = part_of(path)
        try:
            self.make(part, size_bytes)
            # Not through the host's cache: what is renamed is on the disk.
            convert = ["qemu-img", "convert", "-n", "-t", "none", "-f", source_format, "-O", "raw"]
            self._host.run([*convert, "--", base, part])
            names = [os.path.basename(part), os.path.basename(path)]
            self._host.run(["lvrename", "--quiet", "--", self._groups[os.path.dirname(path)], *names])
        finally:
            self.drop(part)

    def grow(self, path: str, size_bytes: int) -> None:
        """Make a volume larger, be it in use or not. One that is so large already is left alone."""
        self._host.run(["lvextend", "--quiet", "--size", f"{size_bytes}b", "--", path])

    def drop(self, part: str) -> None:
        """Remove a volume that never got its name."""
        if self._host.info(part) is not None:
            self._host.run(["lvremove", "--quiet", "--yes", "--", part])
