# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes a minimal initrd: a static busybox, the modules that reach the disk, and an init of a few lines.

A distribution's initrd starts udev and a shell framework; under emulation that is a third of the boot.
"""

from __future__ import annotations

import gzip
import re
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from .cpio import Cpio
from .errors import TestbedError

HOSTNAME_ARGUMENT = "testbed.hostname"
PROBE_ARGUMENT = "testbed.probe"
PROBE_MARKER = "TESTBED-PROBE-PASSED"

# Tried first: nearly every disk is virtio. The second list costs time (link probing), so only if need be.
# ext4 asks the kernel for crc32c by name, which modules.dep does not know of.
FIRST_MODULES = ("virtio_pci", "virtio_blk", "crc32c_generic", "ext4")
OTHER_MODULES = ("xen_blkfront", "virtio_scsi", "sd_mod", "ahci", "ata_piix")

_INIT = f"""#!/bin/busybox sh
export PATH=/bin
busybox mount -t proc proc /proc
busybox mount -t sysfs sysfs /sys
busybox mount -t devtmpfs devtmpfs /dev
root=/dev/vda
hostname=
read -r arguments </proc/cmdline
for argument in $arguments; do
    case "$argument" in
        root=*) root="${{argument#root=}}" ;;
        {HOSTNAME_ARGUMENT}=*) hostname="${{argument#*=}}" ;;
        {PROBE_ARGUMENT}) echo {PROBE_MARKER}; busybox poweroff -f ;;
    esac
done
load() {{
    while read -r module; do busybox insmod "/modules/$module" 2>/dev/null; done <"$1"
}}
attempt() {{
    tries=$1
    while [ "$tries" -gt 0 ]; do
        busybox mount -t ext4 -o rw,noatime,noinit_itable "$root" /new 2>/dev/null && return 0
        busybox usleep 100000
        tries=$((tries - 1))
    done
    return 1
}}
load /modules/first
attempt 5 || {{ load /modules/others; attempt 300; }} || {{ echo "no root filesystem on $root"; busybox poweroff -f; }}
if [ -n "$hostname" ]; then
    echo "$hostname" >/new/etc/hostname
    busybox sed -i "s/^127\\.0\\.1\\.1 .*/127.0.1.1 $hostname/" /new/etc/hosts
fi
busybox mount --move /dev /new/dev
busybox umount /sys /proc
exec busybox switch_root /new /sbin/init
"""


def build_initrd(root: Path, release: str) -> bytes:
    """The initrd, gzipped, for kernel `release` of the root filesystem below `root`."""
    archive = Cpio()
    for directory in ("bin", "dev", "proc", "sys", "new", "modules"):
        archive.directory(directory)
    archive.device("dev/console", 5, 1)
    archive.file("bin/busybox", _static_busybox(root), 0o755)
    archive.file("init", _INIT.encode(), 0o755)
    loaded: list[Path] = []
    for name, wanted in (("first", FIRST_MODULES), ("others", OTHER_MODULES)):
        modules = [path for path in module_closure(root, release, wanted) if path not in loaded]
        loaded += modules
        archive.file(f"modules/{name}", "".join(f"{path.name}\n" for path in modules).encode())
    for path in loaded:
        archive.file(f"modules/{path.name}", _uncompressed(path))
    # a boot loader in an emulated machine reads slower than any kernel unpacks
    return gzip.compress(archive.finish(), mtime=0)


def module_closure(root: Path, release: str, wanted: Iterable[str]) -> list[Path]:
    """The files of the wanted modules and of all they need, in loading order; built-in ones are left out."""
    base = root / "lib/modules" / release
    needs = parse_modules_dep((base / "modules.dep").read_text())
    by_name = {module_name(path): path for path in needs}
    ordered: dict[str, None] = {}
    for name in wanted:
        if name in by_name:
            ordered.update(dict.fromkeys(_depth_first(by_name[name], needs)))
    return [base / path for path in ordered]


def parse_modules_dep(text: str) -> dict[str, list[str]]:
    """depmod's list: module path -> paths of all modules it needs, itself not among them."""
    lines = (line.partition(":") for line in text.splitlines() if ":" in line)
    return {path: needed.split() for path, _colon, needed in lines}


def module_name(path: str) -> str:
    """kernel/fs/ext4/ext4.ko.xz -> ext4; the kernel takes '-' and '_' for the same."""
    return re.sub(r"\.ko(\.\w+)?$", "", Path(path).name).replace("-", "_")


def _depth_first(path: str, needs: Mapping[str, list[str]]) -> Iterator[str]:
    # modules.dep lists needs of needs too, the deepest last
    yield from reversed(needs.get(path, []))
    yield path


def _static_busybox(root: Path) -> bytes:
    path = root / "bin/busybox"
    if not path.exists():
        raise TestbedError(f"{path} is missing: the image recipe needs the package busybox-static")
    return path.read_bytes()


def _uncompressed(path: Path) -> bytes:
    # Debian 13 ships compressed modules, which busybox's insmod does not read
    readers = {".xz": "xz", ".zst": "zstd", ".gz": "gzip"}
    if path.suffix not in readers:
        return path.read_bytes()
    return subprocess.run([readers[path.suffix], "-dc", str(path)], check=True, capture_output=True).stdout
