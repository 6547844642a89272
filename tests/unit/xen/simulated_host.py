# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SimulatedXenHost: a SIMULATOR of a Xen host in memory: files, qemu-img, and xl as captured output shows it to be.

It proves nothing about Xen. It says no where xl 4.17 was seen to say no, and with the same status.
"""

from __future__ import annotations

import json
import os
import struct
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import HostError
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.host import FileInfo
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.start_order import STARTER
from ansible_collections.hostforge.hypervisor.tests.unit.guest.fake_host import FakeHost
from ansible_collections.hostforge.hypervisor.tests.unit.xen.simulated_xl import SimulatedXl

MAGIC = b"QFI\xfb"
HEAD = struct.Struct(">4sIQIIQ")
FOLDERS = ("/proc", "/etc/xen", "/etc/xen/auto", "/var/lib/xen/save", "/var/lib/xen/images", "/var/lib/xen/images/fast")
BRIDGES = ("xenbr0", "xenbr1")
SWITCH = "ovsbr0"
EXTENT = 4 * 1024**2
GRUBS = ("/usr/lib/grub-xen/grub-x86_64-xen.bin", "/usr/lib/grub-xen/grub-i386-xen_pvh.bin")


def qcow2_head(size: int, base: str | None) -> bytes:
    """A qcow2 file without anything but its head: version 3, with the format of its backing file as an extension."""
    name = (base or "").encode()
    head = HEAD.pack(MAGIC, 3, 128 if name else 0, len(name), 16, size).ljust(72, b"\0")
    head += struct.pack(">QQQII", 0, 0, 0, 4, 104)
    return head + struct.pack(">II8sII", 0xE2792ACA, 5, b"qcow2", 0, 0) + name


@dataclass
class SimulatedXenHost(FakeHost):
    """links: path to target; sparse: path to the size of a file of which only the head is kept.

    volumes: the block devices, all of them volumes of LVM in the group vg0: path to size.
    """

    links: dict[str, str] = field(default_factory=dict)
    sparse: dict[str, int] = field(default_factory=dict)
    volumes: dict[str, int] = field(default_factory=dict)
    owners: dict[str, str] = field(default_factory=dict)
    changes: int = 0

    def __post_init__(self) -> None:
        self.folders.update(dict.fromkeys(FOLDERS, 0o755))
        for bridge in BRIDGES:
            self.folders.update({f"/sys/class/net/{bridge}": 0o755, f"/sys/class/net/{bridge}/bridge": 0o755})
        self.folders[f"/sys/class/net/{SWITCH}"] = 0o755
        for path in (*GRUBS, "/usr/libexec/xen-qemu-system-i386", STARTER):
            self.files[path] = b"program"
        self.xl = SimulatedXl(self)
        self._lock = threading.RLock()

    def real(self, path: str) -> str:
        """A path without links."""
        return self.real(self.links[path]) if path in self.links else path

    def run(self, argv: Sequence[str], stdin: str = "", timeout_s: float | None = None) -> str:
        with self._lock:
            return self._run(list(argv))

    def _run(self, argv: list[str]) -> str:
        commands: dict[str, Callable[[list[str]], str]] = {
            "xl": self.xl.run,
            "qemu-img": self._qemu_img,
            "readlink": lambda words: "".join(f"{self.real(path)}\0" for path in words[3:]),
            "stat": lambda words: f"{self.modes.get(words[-1], 0o644):o} {self.owners.get(words[-1], '0:0')}\n",
            "chown": self._give,
            "ln": self._link,
            "vgs": lambda words: f"  {EXTENT if 'vg_extent_size' in words else 'vg0'}\n",
            "lvcreate": self._make_volume,
            "lvextend": self._make_volume,
            "lvremove": self._remove_volume,
            "lvrename": self._rename_volume,
            "blockdev": lambda words: f"{self.volumes[words[-1]]}\n",
            "ip": lambda _words: "[]",
        }
        if argv[0] in commands:
            self.log.append(tuple(argv))
            return commands[argv[0]](argv[1:])
        return super().run(argv)

    def _make_volume(self, words: list[str]) -> str:
        name = words[words.index("--name") + 1] if "--name" in words else words[-1].rpartition("/")[2]
        size = int(words[words.index("--size") + 1].removesuffix("b"))
        assert size % EXTENT == 0
        self.volumes[f"/dev/vg0/{name}"] = size
        return ""

    def _remove_volume(self, words: list[str]) -> str:
        del self.volumes[words[-1]]
        return ""

    def _rename_volume(self, words: list[str]) -> str:
        self.volumes[f"/dev/vg0/{words[-1]}"] = self.volumes.pop(f"/dev/vg0/{words[-2]}")
        return ""

    def _give(self, words: list[str]) -> str:
        self.owners[words[-1]] = words[-2]
        return ""

    def write_file(self, path: str, content: bytes, mode: int = 0o600) -> None:
        super().write_file(path, content, mode)
        self.owners.pop(path, None)  # it is another file

    def _link(self, words: list[str]) -> str:
        if words[-1] in self.links or words[-1] in self.files:
            raise HostError(f"ln ended with status 1: failed to create symbolic link '{words[-1]}': File exists", 1)
        self.links[words[-1]] = words[-2]
        return ""

    def read_file(self, path: str) -> bytes:
        try:
            return self.files[self.real(path)]
        except KeyError as error:
            raise HostError(f"{path}: No such file or directory") from error

    def info(self, path: str) -> FileInfo | None:
        path = self.real(path)
        if path in self.volumes:
            return FileInfo(path, 0, 0, 0, "device")
        found = super().info(path)
        if found is None or path not in self.sparse:
            return found
        return FileInfo(path, self.sparse[path], len(self.files[path]), 1)

    def list_dir(self, path: str) -> list[str]:
        names = [os.path.basename(name) for name in self.links if os.path.dirname(name) == path]
        names += [os.path.basename(name) for name in self.volumes if os.path.dirname(name) == path]
        return sorted([*super().list_dir(path), *names])

    def remove(self, path: str) -> None:
        if self.links.pop(path, None) is None:
            super().remove(path)
            self.sparse.pop(path, None)

    def rename(self, source: str, target: str) -> None:
        if source in self.links:
            self.links[target] = self.links.pop(source)
            return
        super().rename(source, target)
        if source in self.sparse:
            self.sparse[target] = self.sparse.pop(source)

    def make_disk(self, path: str, kind: str, size: int, base: str | None = None) -> None:
        """Make a disk's data, past qemu-img."""
        if kind == "raw":
            self.files[path], self.sparse[path] = b"raw", size
        else:
            self.files[path] = qcow2_head(size, base)

    def disk_info(self, path: str, kind: str | None = None) -> dict[str, object]:
        """What qemu-img tells of a file."""
        if self.real(path) in self.volumes:
            return {"format": "raw", "virtual-size": self.volumes[self.real(path)], "filename": path}
        content = self.read_file(path)
        path = self.real(path)
        found = "qcow2" if content.startswith(MAGIC) else "raw"
        if kind not in (None, "raw", found):
            raise HostError(
                f"qemu-img info ended with status 1: Could not open '{path}': Image is not in {kind} format"
            )
        if (kind or found) == "raw":
            return {"format": "raw", "virtual-size": self.sparse.get(path, len(content)), "filename": path}
        _magic, _version, start, length, _bits, size = HEAD.unpack_from(content)
        base = content[start : start + length].decode()
        more = {"backing-filename": base, "full-backing-filename": base} if base else {}
        return {"format": "qcow2", "virtual-size": size, "filename": path, **more}

    def _qemu_img(self, words: list[str]) -> str:
        verb, options = words[0], words
        kind = options[options.index("-f") + 1] if "-f" in options else None
        after = options[options.index("--") + 1 :]
        if verb == "info":
            found = self.disk_info(after[0], kind)
            if "--backing-chain" not in options:
                return json.dumps(found)
            base = found.get("full-backing-filename")
            return json.dumps([found, *([self.disk_info(str(base))] if base else [])])
        if verb == "create":
            base = options[options.index("-b") + 1] if "-b" in options else None
            self.make_disk(after[0], kind or "raw", int(after[1]), base)
        elif verb == "resize":
            base = self.disk_info(after[0], kind).get("full-backing-filename")
            self.make_disk(after[0], kind or "raw", int(after[1]), str(base) if base else None)
        elif verb == "convert" and after[1] not in self.volumes:
            size = self.disk_info(after[0], kind)["virtual-size"]
            self.make_disk(after[1], options[options.index("-O") + 1], int(str(size)))
        return ""
