# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Xen driver on this machine, which is a real dom0, as a subject of the contract. Its guests are of type pv.

They boot copies of a kernel and of a ramdisk of a busybox, of which the contract is told where they are.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.xen.driver import XenDriver
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.xen.traits import TRAITS
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.xen.xl import domains
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.module_host import ModuleHost
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.start_order import STARTER
from ansible_collections.hostforge.hypervisor.tests.contract.subject import (
    FOREIGN,
    IGNORES,
    OBEYS,
    POWER,
    START,
    UNKNOWN,
)
from ansible_collections.hostforge.hypervisor.tests.contract.wishes import MIB, Place, base_wish, standard_edits
from ansible_collections.hostforge.hypervisor.tests.unit.xen.xen_subject import (
    AUTO,
    EMULATED,
    IMAGES,
    UNSETTABLE,
    XenSubject,
    on_bridges,
    paravirtual,
    paravirtual_edits,
    xen_edits,
)

# A kernel and a ramdisk that a guest of type pv can boot.
BOOT = os.environ.get("HOSTFORGE_XEN_BOOT", "/srv/lab")
HOME = "/var/lib/hostforge"
SAVED = "/var/lib/xen/save"
SEEDS, CACHE = f"{HOME}/seeds", f"{HOME}/images"
# What the guests boot: copies, under two names each.
KERNEL, RAMDISK = f"{HOME}/vmlinuz", f"{HOME}/initrd"
BRIDGES = ("xenbr0", "xenbr1")
PLACE = Place(
    networks=BRIDGES,
    media=("", ""),
    pools=("default", "fast"),
    image=f"{HOME}/base.qcow2",
    given="/elsewhere/given.qcow2",
    models=("netfront", "e1000"),
    options={
        "type": ("pv", "pv"),
        "cmdline": ("console=hvc0 quiet", "console=hvc0 said='one' \"two\""),
        "kernel": (KERNEL, f"{KERNEL}-two"),
        "ramdisk": (RAMDISK, f"{RAMDISK}-two"),
        "on_crash": ("destroy", "preserve"),
        "on_reboot": ("restart", "destroy"),
        "on_poweroff": ("destroy", "preserve"),
    },
)
HEARS_TIMES, HEARS_S = 12, 10
BOOTS_S, CONNECTED = 300, "4"
FOLDERS = ("/etc/xen", IMAGES, "/elsewhere", SEEDS)
_BASE = on_bridges(base_wish(PLACE, TRAITS))
_EDITS = xen_edits(standard_edits(PLACE, TRAITS))


def run(*argv: str) -> str:
    """Run a command and return what it says."""
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout


def archive(name: str, program: bytes) -> bytes:
    """A program in its folder as a cpio archive, which a kernel unpacks over what stands before it in a ramdisk."""
    entries = ((os.path.dirname(name), 0o040755, b""), (name, 0o100755, program), ("TRAILER!!!", 0, b""))
    return b"".join(_entry(*entry) for entry in entries)


def _entry(name: str, mode: int, content: bytes) -> bytes:
    numbers = (0, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name) + 1, 0)
    head = b"070701" + b"".join(b"%08X" % number for number in numbers) + name.encode() + b"\0"
    return head + b"\0" * (-len(head) % 4) + content + b"\0" * (-len(content) % 4)


def _wait_for_programs(card: str) -> None:
    """Until a guest has connected its card, which a program in its ramdisk brings about.

    A kernel that is asked to shut down before there are programs powers off by itself.
    """
    for _second in range(BOOTS_S):
        if run("xenstore-read", card).strip() == CONNECTED:
            return
        time.sleep(1)
    raise AssertionError(f"{card} is not {CONNECTED} after {BOOTS_S} s: the guest does not boot")


class Dom0Subject(XenSubject):
    """Xen of this machine."""

    traits = TRAITS
    features = frozenset({START, UNKNOWN, FOREIGN, POWER})
    base = paravirtual(_BASE)
    edits = tuple(edit for edit in paravirtual_edits(_EDITS) if edit.field not in ("type", "nics.vlan"))
    unsettable: ClassVar[Mapping[str, str]] = {
        **UNSETTABLE,
        **dict.fromkeys(EMULATED, "an emulated machine takes minutes to start where the host is emulated itself"),
        "nics.vlan": "there is no Open vSwitch on the host",
    }
    image = PLACE.image
    given = PLACE.given
    shutdown_timeout_s = 0

    def __init__(self) -> None:
        self.clean()
        for folder in (HOME, f"{IMAGES}/fast", "/elsewhere", AUTO, SAVED):
            os.makedirs(folder, exist_ok=True)
        for bridge in BRIDGES:
            if not os.path.exists(f"/sys/class/net/{bridge}"):
                run("ip", "link", "add", bridge, "type", "bridge")
            run("ip", "link", "set", bridge, "up")
        for path in (KERNEL, RAMDISK):
            for copy in (path, f"{path}-two"):
                shutil.copyfile(f"{BOOT}/{os.path.basename(path)}", copy)
        if not os.path.lexists(STARTER):  # of the unit that keeps delays, which the role enables
            os.makedirs(os.path.dirname(STARTER), exist_ok=True)
            os.symlink("/dev/null", STARTER)
        self.make_disk(PLACE.image, "qcow2", 16 * MIB)
        self.make_disk(PLACE.given, "qcow2", 24 * MIB)

    def make_driver(self) -> XenDriver:
        return XenDriver(ModuleHost(), IMAGES, SEEDS, CACHE)

    def clean(self) -> None:
        """Leave a host without guests."""
        for domain in domains(ModuleHost()):  # also those that are half made
            run("xl", "destroy", str(domain.number))
        for path in (*Path("/etc/xen").glob("*.cfg"), *Path(SAVED).glob("*"), *Path(AUTO).glob("*"), *self._data()):
            path.unlink()

    @staticmethod
    def _data() -> list[Path]:
        return [path for folder in FOLDERS[1:] for path in sorted(Path(folder).rglob("*")) if path.is_file()]

    @staticmethod
    def _list() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(run("xl", "list", "-l"))
        return found

    def dump(self) -> Mapping[str, object]:
        files = [*self._data(), *Path("/etc/xen").glob("*.cfg")]
        found: dict[str, object] = {f"file {path}": hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
        found |= {f"link {path}": target for path, target in self.links().items()}
        return {**found, **{f"guest {one['config']['c_info']['name']}": one for one in self._list() if one["domid"]}}

    def has_file(self, path: str) -> bool:
        return os.path.exists(path)

    def text(self, path: str) -> str:
        return Path(path).read_text()

    def write(self, path: str, text: str) -> None:
        Path(path).write_text(text)

    def make_disk(self, path: str, kind: str, size_bytes: int) -> None:
        run("qemu-img", "create", "-q", "-f", kind, path, str(size_bytes))

    def capacity(self, path: str) -> int:
        return int(json.loads(run("qemu-img", "info", "--force-share", "--output=json", path))["virtual-size"])

    def stored(self, name: str) -> Mapping[str, Any]:
        """By xl itself, which tells what it would make of a file."""
        text = run("xl", "create", "-n", f"/etc/xen/{name}.cfg")
        found: dict[str, Any] = json.loads(text[text.index("{") :])
        return found

    def running(self, name: str) -> Mapping[str, Any]:
        (found,) = [one["config"] for one in self._list() if one["config"]["c_info"]["name"] == name]
        return dict(found)

    def xl(self, *words: str) -> None:
        """More than once, as a guest that boots does not hear everything: it cannot be saved, for instance."""
        for _time in range(HEARS_TIMES):
            with suppress(subprocess.CalledProcessError):
                run("xl", *words)
                return
            time.sleep(HEARS_S)
        run("xl", *words)

    def links(self) -> Mapping[str, str]:
        return {str(path): os.readlink(path) for path in Path(AUTO).iterdir() if path.is_symlink()}

    def power(self, name: str) -> object:
        found = [one["domid"] for one in self._list() if one["config"]["c_info"]["name"] == name]
        return found[0] if found else None

    def obey(self, name: str, obeys: bool) -> None:
        """By its ramdisk, when it starts: asked to shut down, the kernel runs /sbin/poweroff, and if that does nothing
        it does nothing either. Without such a program it powers off by itself.
        """
        made = Path(BOOT, "initrd").read_bytes()
        made += b"\0" * (-len(made) % 4)
        Path(RAMDISK).write_bytes(made if obeys else made + archive("sbin/poweroff", b"#!/bin/busybox sh\n"))
        number = self.power(name)
        if number is not None:
            _wait_for_programs(f"/local/domain/{number}/device/vif/0/state")

    def lose_file(self, path: str) -> None:
        os.unlink(path)


class PatientDom0Subject(Dom0Subject):
    """The same, for the cases in which a guest is given the time to obey, or not to."""

    features = frozenset({START, FOREIGN, OBEYS, IGNORES, POWER})
    shutdown_timeout_s = 90
