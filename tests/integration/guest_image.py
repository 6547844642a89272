# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A minimal test guest: Debian's cloud kernel and a busybox, which boots from a disk in seconds even when emulated.

It is no Debian. It takes an address, lets go of devices, moves its balloon, turns itself off when the power button is
pressed, and has a shell on its serial console.
"""

from __future__ import annotations

import hashlib
import lzma
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from ansible_collections.hostforge.hypervisor.molecule.shared.testbed import cpio, disk, initrd
from ansible_collections.hostforge.hypervisor.molecule.shared.testbed.paths import images_folder, locked
from ansible_collections.hostforge.hypervisor.tests.integration.private import run

KERNEL = "linux-image-cloud-amd64"
BUSYBOX = "busybox-static"
MODULES = (
    "virtio_pci",
    "virtio_blk",
    "virtio_net",
    "virtio_balloon",
    "virtio_console",
    "virtio_scsi",
    "sd_mod",
    "nvme",
    "button",
    "evdev",
)
READY = "TEST-GUEST-READY"

INIT = f"""#!/bin/busybox sh
export PATH=/bin
/bin/busybox mount -t proc proc /proc
/bin/busybox --install -s /bin
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
while read -r module; do insmod "/modules/$module"; done </modules/list
ip link set lo up
# The power button is one of these; nobody types at the others.
for device in /dev/input/event*; do
    (dd if="$device" of=/dev/null bs=24 count=1 2>/dev/null && poweroff -f) &
done
# Cards and processors may come at any time.
(while :; do
    for card in /sys/class/net/eth*; do
        name="${{card##*/}}"
        [ -e "$card" ] && [ ! -e "/run/$name" ] || continue
        touch "/run/$name"
        ip link set "$name" up
        udhcpc -i "$name" -t 100 -T 1 -f -s /lease >/dev/null 2>&1 &
    done
    for processor in /sys/devices/system/cpu/cpu*/online; do
        [ "$(cat "$processor")" = 1 ] || echo 1 >"$processor"
    done
    sleep 1
done) 2>/dev/null &
echo {READY}
while :; do setsid cttyhack sh -i </dev/ttyS0 >/dev/ttyS0 2>&1; done
"""
LEASE = """#!/bin/busybox sh
[ "$1" != bound ] || busybox ip addr add "$ip/$mask" dev "$interface"
"""
# A kernel that gets no turn when it looks whether its timer ticks takes it for broken, and stops.
ARGUMENTS = "console=ttyS0 quiet nokaslr mitigations=off audit=0 8250.nr_uarts=1 random.trust_cpu=on no_timer_check"
GRUB = f"""\
set timeout=0
linux /boot/vmlinuz {ARGUMENTS}
initrd /boot/initrd
boot
"""


def image_path() -> Path:
    """Where the image of this recipe lies in the cache."""
    recipe = hashlib.sha256(b"".join(Path(module.__file__ or "").read_bytes() for module in (cpio, disk, initrd)))
    recipe.update(Path(__file__).read_bytes())
    return images_folder() / f"minimal-guest-{recipe.hexdigest()[:12]}.qcow2"


def guest_image() -> Path:
    """The image, made when it is not in the cache."""
    path = image_path()
    with locked(path.with_suffix(".lock"), "the minimal test guest's image"):
        if not path.exists():
            with tempfile.TemporaryDirectory() as work:
                made = _make(Path(work))
                shutil.copyfile(made, path.with_suffix(".part"))
            path.with_suffix(".part").rename(path)
    return path


def _make(work: Path) -> Path:
    """Unpack, without installing, a kernel and a busybox; lay them out as a disk with GRUB."""
    system, root = work / "system", work / "root"
    for package in (*_newest_kernel(), BUSYBOX):
        unpack(package, work, system)
    release = next((system / "lib/modules").iterdir()).name
    _unpack_modules(system / "lib/modules")
    busybox = system / "bin/busybox"
    run(str(busybox), "depmod", "-b", str(system), release)
    (root / "boot/grub").mkdir(parents=True)
    kernels = (system / f"boot/vmlinuz-{release}", system / f"lib/modules/{release}/vmlinuz")
    shutil.copyfile(next(path for path in kernels if path.exists()), root / "boot/vmlinuz")
    (root / "boot/initrd").write_bytes(_initrd(system, release, busybox.read_bytes()))
    (root / "boot/grub/grub.cfg").write_text(GRUB)
    disk.write_bootable(root, work / "disk.raw", 1, work)
    disk.to_qcow2(work / "disk.raw", work / "disk.qcow2", compress=False)
    return work / "disk.qcow2"


def _newest_kernel() -> tuple[str, ...]:
    """The packages that the metapackage stands for: Debian 14 has the modules in a package of their own."""
    try:
        depends = _depends(KERNEL)
    except RuntimeError:
        # A machine that has never looked for packages.
        run("apt-get", "-q", "update")
        depends = _depends(KERNEL)
    found = re.search(r"\blinux-image-[^ ,]+", depends)
    assert found, f"{KERNEL} names no kernel: {depends}"
    return found[0], *re.findall(r"\blinux-(?:binary|modules)-[^ ,]+", _depends(found[0]))


def _depends(package: str) -> str:
    """What a package depends on, in the words of its description."""
    shown = run("apt-cache", "show", "--no-all-versions", package)
    return "".join(re.findall(r"^Depends: .*", shown, re.MULTILINE))


def unpack(package: str, work: Path, target: Path) -> None:
    """Fetch a package and lay its files out, without installing it.

    Debian 12 has files in /lib and /bin that are in /usr since, so the one is made a link to the other, as it is on
    installed systems.
    """
    folder = work / package
    folder.mkdir()
    here = os.getcwd()
    os.chdir(folder)
    try:
        run("apt-get", "-q", "-o", "APT::Sandbox::User=root", "download", package)
    finally:
        os.chdir(here)
    for name in ("bin", "lib", "lib64", "sbin"):
        (target / "usr" / name).mkdir(parents=True, exist_ok=True)
        if not (target / name).is_symlink():
            (target / name).symlink_to(f"usr/{name}")
    for archive in folder.glob("*.deb"):
        files = archive.with_suffix(".tar")
        with files.open("wb") as output:
            subprocess.run(["dpkg-deb", "--fsys-tarfile", str(archive)], check=True, stdout=output)
        run("tar", "-x", "--keep-directory-symlink", "-C", str(target), "-f", str(files))


def _unpack_modules(folder: Path) -> None:
    """Debian 13 ships compressed modules, which busybox does not read."""
    for packed in folder.rglob("*.ko.xz"):
        packed.with_suffix("").write_bytes(lzma.decompress(packed.read_bytes()))
        packed.unlink()


def _initrd(system: Path, release: str, busybox: bytes) -> bytes:
    archive = cpio.Cpio()
    for directory in ("bin", "dev", "proc", "run", "sys", "modules"):
        archive.directory(directory)
    archive.device("dev/console", 5, 1)
    archive.file("bin/busybox", busybox, 0o755)
    archive.file("init", INIT.encode(), 0o755)
    archive.file("lease", LEASE.encode(), 0o755)
    modules = initrd.module_closure(system, release, MODULES)
    archive.file("modules/list", "".join(f"{path.name}\n" for path in modules).encode())
    for path in modules:
        archive.file(f"modules/{path.name}", path.read_bytes())
    return archive.finish()
