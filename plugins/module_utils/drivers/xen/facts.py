# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known of a host while a run is prepared: what was seen, what it has, and what this run is to use of it."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from functools import cached_property

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.xen.look import Look
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.xen.storage import Storage
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import HostError, PlanError
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.host import Host
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.start_order import STARTER
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Disk

DEVICES = "/sys/class/net"
SETTINGS = "/etc/xen/xl.conf"
MOUNTS = ("/proc/self/mounts", "/proc/swaps")
# The device model, which qcow2 files and guests of type hvm need: where the distributions put it.
DEVICE_MODELS = (
    "/usr/libexec/xen-qemu-system-i386",
    "/usr/lib/xen/bin/qemu-system-i386",
    "/usr/lib/xen-4.17/bin/qemu-system-i386",
    "/usr/libexec/xen/bin/qemu-system-i386",
    "/usr/bin/qemu-system-i386",
    "/usr/bin/qemu-system-x86_64",
)
VLANS = (4, 20)
_BALLOON = re.compile(r"""^\s*autoballoon\s*=\s*["']?(\w+)""", re.MULTILINE)


@dataclass
class Facts:
    """freed: MiB that each guest gives up in this run; needed: what each is to get. claimed: path to guest and disk."""

    host: Host
    seen: Look
    storage: Storage
    freed: dict[str, int] = field(default_factory=dict)
    needed: dict[str, int] = field(default_factory=dict)
    claimed: dict[str, tuple[str, str]] = field(default_factory=dict)

    @cached_property
    def info(self) -> dict[str, str]:
        """What xl tells of the host, by xl's own words."""
        pairs = (line.partition(":") for line in self.host.run(["xl", "info"]).splitlines())
        return {key.strip(): value.strip() for key, _colon, value in pairs}

    @property
    def version(self) -> tuple[int, ...]:
        """Xen's version, its first two numbers."""
        numbers = re.findall(r"\d+", self.info.get("xen_version", ""))
        return tuple(int(number) for number in numbers[:2])

    @cached_property
    def has_device_model(self) -> bool:
        """Whether there is a QEMU for qcow2 files and emulated machines."""
        return any(self.host.info(path) is not None for path in DEVICE_MODELS)

    @cached_property
    def keeps_delays(self) -> bool:
        """Whether this host starts guests by the unit that waits after them."""
        return self.host.info(STARTER) is not None

    def is_bridge(self, name: str) -> bool:
        """Whether a name is a bridge of the kernel's own."""
        return self.host.info(f"{DEVICES}/{name}/bridge") is not None

    def is_switch(self, name: str) -> bool:
        """Whether a name is a bridge of Open vSwitch, which looks like no other device."""
        there = self.host.info(f"{DEVICES}/{name}") is not None
        card = self.host.info(f"{DEVICES}/{name}/device") is not None
        return there and not card and name != "lo" and not self.is_bridge(name)

    def check_memory(self, guest: str, mib: int) -> None:
        """Refuse, with PlanError, memory that this host does not have beside what others of the run are to get."""
        self.needed[guest] = mib
        free = int(self.info.get("free_memory") or 0) + sum(self.freed.values())
        wanted = sum(self.needed.values())
        if wanted > free and not self._gives_way():
            rest = "" if wanted == mib else f", and all that are to get memory in this run {wanted} MiB"
            raise PlanError(f"memory: the host has {free} MiB left for guests, and this one needs {mib} MiB{rest}")

    def _gives_way(self) -> bool:
        """Whether xl takes memory from the host's own domain when there is too little. Source: xl.conf(5)."""
        found = None
        if self.host.info(SETTINGS) is not None:
            found = _BALLOON.search(self.host.read_file(SETTINGS).decode("utf-8", "replace"))
        word = found[1] if found else "auto"
        if word in ("auto", "2"):
            return "dom0_mem" not in self.info.get("xen_commandline", "")
        return word in ("on", "1")

    def check_given(self, guest: str, disk: Disk) -> None:
        """Refuse data of others, with PlanError, that is not there, is no data, or that somebody uses."""
        path, who = disk.path or "", f"disk {disk.name}"
        found = self.host.info(path)
        if found is None:
            raise PlanError(f"{who}: there is no {path}; the data of a path must be there")
        if not found.holds_data:
            raise PlanError(f"{who}: {path} is neither a block device nor a file")
        if disk.format is None:
            raise PlanError(
                f"{who}: {path} is a file: write its format, qcow2 or raw; it is not looked up in the file, for a "
                "guest may have written there what it likes"
            )
        if self.storage.files.is_cached(path):
            raise PlanError(f"{who}: {path} is an image that disks are made from; use it as image")
        self._refuse_used(who, path)
        self._refuse_based(guest, who, disk)
        size = self.storage.files.check_format(disk)
        if disk.size_bytes and size < disk.size_bytes and not self.storage.can_grow(path):
            raise PlanError(f"{who}: the device {path} is smaller than it is to be: make it larger first")

    def _refuse_used(self, who: str, path: str) -> None:
        real = self.seen.real(path)
        for table in MOUNTS:
            for line in self._lines(table):
                device = line.split(" ")[0].split("\t")[0]
                if device.startswith("/") and real == self.seen.real(device):
                    raise PlanError(f"{who}: {path} is in use by the host itself ({os.path.basename(table)})")

    def _refuse_based(self, guest: str, who: str, disk: Disk) -> None:
        """Refuse data that is based on a disk of a guest: what that writes would break it."""
        for base in self.storage.files.bases({disk.path or "": disk.format or ""}):
            users = sorted(self.seen.users.get(self.seen.real(base), set()))
            if users:
                raise PlanError(f"{who}: {disk.path} is based on {base}, which belongs to {', '.join(users)}")

    def _lines(self, path: str) -> list[str]:
        try:
            return self.host.read_file(path).decode("utf-8", "replace").splitlines()
        except HostError:
            return []

    @cached_property
    def bases(self) -> dict[str, list[str]]:
        """Every file that disks are based on, as far as this host knows; looked for once while a run is prepared."""
        return self.seen.bases()
