# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Xen driver on this machine, which is a real dom0, as a subject of the contract. Its guests are of type pv.

They boot a kernel with a ramdisk of a busybox, of which the contract is told where they are.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.xen.driver import XenDriver
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.xen.traits import TRAITS
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.module_host import ModuleHost
from ansible_collections.hostforge.hypervisor.tests.contract.subject import FOREIGN, POWER, START, UNKNOWN
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

# A kernel and a ramdisk that a guest of type pv can boot, and a second name for each.
BOOT = os.environ.get("HOSTFORGE_XEN_BOOT", "/srv/lab")
HOME = "/var/lib/hostforge"
SEEDS, CACHE = f"{HOME}/seeds", f"{HOME}/images"
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
        "kernel": (f"{BOOT}/vmlinuz", f"{BOOT}/vmlinuz-two"),
        "ramdisk": (f"{BOOT}/initrd", f"{BOOT}/initrd-two"),
        "on_crash": ("destroy", "preserve"),
        "on_reboot": ("restart", "destroy"),
        "on_poweroff": ("destroy", "preserve"),
    },
)
FOLDERS = ("/etc/xen", IMAGES, "/elsewhere", SEEDS)
_BASE = on_bridges(base_wish(PLACE, TRAITS))
_EDITS = xen_edits(standard_edits(PLACE, TRAITS))


def run(*argv: str) -> str:
    """Run a command and return what it says."""
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout


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
        for folder in (HOME, f"{IMAGES}/fast", "/elsewhere", AUTO):
            os.makedirs(folder, exist_ok=True)
        for bridge in BRIDGES:
            if not os.path.exists(f"/sys/class/net/{bridge}"):
                run("ip", "link", "add", bridge, "type", "bridge")
            run("ip", "link", "set", bridge, "up")
        for name in ("vmlinuz", "initrd"):
            if not os.path.exists(f"{BOOT}/{name}-two"):
                os.link(f"{BOOT}/{name}", f"{BOOT}/{name}-two")
        self.make_disk(PLACE.image, "qcow2", 16 * MIB)
        self.make_disk(PLACE.given, "qcow2", 24 * MIB)

    def make_driver(self) -> XenDriver:
        return XenDriver(ModuleHost(), IMAGES, SEEDS, CACHE)

    def clean(self) -> None:
        """Leave a host without guests."""
        for one in self._list():
            if one["domid"]:
                run("xl", "destroy", str(one["domid"]))
        for path in (*Path("/etc/xen").glob("*.cfg"), *Path(AUTO).glob("*"), *self._data()):
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

    def links(self) -> Mapping[str, str]:
        return {str(path): os.readlink(path) for path in Path(AUTO).iterdir() if path.is_symlink()}

    def power(self, name: str) -> object:
        found = [one["domid"] for one in self._list() if one["config"]["c_info"]["name"] == name]
        return found[0] if found else None

    def obey(self, name: str, obeys: bool) -> None:
        """Whether a guest of a kernel and a busybox obeys is up to the kernel."""

    def lose_file(self, path: str) -> None:
        os.unlink(path)
