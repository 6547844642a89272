# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What goes into each image: the table of recipes, and the digest that names a built image."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from .apt import AptSettings
from .errors import TestbedError

Kind = Literal["host", "guest"]

# The source files that decide what an image is: a change in one of them makes a new image.
_BUILDERS = ("assemble", "contents", "cpio", "disk", "grub", "initrd", "recipe", "rootfs")


@dataclass(frozen=True)
class Recipe:
    """One image. `modules` names the kernel modules that stay, with what they need; None keeps all.

    A host is started with its kernel given to QEMU, unless `own_loader`: then GRUB on its disk starts what its
    configuration says, which takes longer and is for hypervisors that are started by the boot loader.

    components: those of the archive beside main. frozen: the machine's mirror may have a copy of the suite that is
    older than the suite's own files allow.
    """

    name: str
    kind: Kind
    suite: str
    disk_gib: int
    packages: tuple[str, ...]
    modules: tuple[str, ...] | None = None
    own_loader: bool = False
    components: tuple[str, ...] = ()
    frozen: bool = False

    @property
    def partitioned(self) -> bool:
        """Whether the disk starts by itself."""
        return self.own_loader or self.kind == "guest"


_COMMON = ("busybox-static", "iproute2", "kmod", "openssh-server", "python3", "sudo", "systemd-sysv", "udev")

# What every installed Debian has by its packages' priority, and what Ansible needs; nothing of a hypervisor.
_HOST = (
    *("ca-certificates", "dbus", "dmidecode", "fdisk", "iputils-ping", "less", "logrotate", "netbase", "nftables"),
    *("procps", "python3-apt"),
)
_CLOUD = ("linux-image-cloud-amd64",)
# The cloud kernel boots faster, but has nothing of USB: one of the two hosts has the kernel that most machines have.
# LVM and the server of NFS are no role's to install, and take a minute to install in an emulated machine.
_DEVICES_AND_STORES = ("linux-image-amd64", "lvm2", "nfs-kernel-server")
# The cloud kernel can be no dom0.
_OWN_LOADER = ("grub-pc", "linux-image-amd64")
# Kernel modules are built here, in half a minute: an emulated machine takes ten minutes for them. initramfs-tools, or
# dracut comes in its place and makes an initrd that nobody starts. VirtualBox itself is the role's to install; the
# libraries that draw windows, and the packages that make a CD one can start from, are not.
_BUILT_MODULES = ("initramfs-tools", "linux-image-amd64", "linux-headers-amd64", "virtualbox-dkms")
_WINDOWS = ("libcurl4-gnutls", "libgl1-mesa-dri", "libsdl2-2.0-0", "libvncserver1", "libxcursor1", "libxtst6")
_CD = ("grub-pc-bin", "mtools", "xorriso")
_HOST_12 = ("ifupdown", "isc-dhcp-client")

_GUEST = ("cloud-guest-utils", "cloud-init", "dbus", "e2fsprogs", "fdisk", "qemu-guest-agent")
# The cloud kernel boots faster, but that of Debian 12 lacks AHCI, and with it the cdrom drive of a q35 machine.
_GUEST_12 = ("linux-image-amd64",)
_GUEST_13 = ("linux-image-cloud-amd64",)

# The devices that hypervisors give their guests.
_GUEST_MODULES = (
    *("virtio_pci", "virtio_blk", "virtio_scsi", "virtio_net", "virtio_console", "virtio_rng", "virtio_balloon"),
    *("ahci", "ata_piix", "sd_mod", "sr_mod", "nvme", "usb_storage", "xhci_pci", "ehci_pci"),
    *("crc32c_generic", "ext4", "isofs", "vfat", "nls_ascii", "nls_cp437", "nls_utf8", "loop"),
    *("9p", "9pnet_virtio", "virtiofs", "vsock", "vmw_vsock_virtio_transport", "qemu_fw_cfg"),
    *("e1000", "e1000e", "8139cp", "8139too", "vmxnet3", "8021q", "af_packet", "dummy", "unix"),
    *("button", "evdev", "psmouse", "serio_raw", "efivarfs", "tpm_tis", "tpm_crb", "rtc_cmos"),
    *("i6300esb", "iTCO_wdt", "shpchp", "pvpanic", "autofs4", "configfs", "xen_blkfront", "xen_netfront"),
)

RECIPES: dict[str, Recipe] = {
    recipe.name: recipe
    for recipe in (
        Recipe("debian-12", "host", "bookworm", 20, (*_COMMON, *_HOST, *_DEVICES_AND_STORES, *_HOST_12)),
        Recipe("debian-13", "host", "trixie", 20, (*_COMMON, *_HOST, *_CLOUD)),
        Recipe("debian-12-grub", "host", "bookworm", 20, (*_COMMON, *_HOST, *_OWN_LOADER, *_HOST_12), own_loader=True),
        Recipe("debian-13-grub", "host", "trixie", 20, (*_COMMON, *_HOST, *_OWN_LOADER), own_loader=True),
        Recipe(
            *("debian-sid", "host", "sid", 20, (*_COMMON, *_HOST, *_BUILT_MODULES, *_WINDOWS, *_CD)),
            components=("contrib",),
            frozen=True,
        ),
        Recipe("debian-12-guest", "guest", "bookworm", 2, (*_COMMON, *_GUEST, *_GUEST_12), _GUEST_MODULES),
        Recipe("debian-13-guest", "guest", "trixie", 2, (*_COMMON, *_GUEST, *_GUEST_13), _GUEST_MODULES),
    )
}


def recipe_named(name: str) -> Recipe:
    try:
        return RECIPES[name]
    except KeyError:
        raise TestbedError(f"there is no image {name!r}; there are: {', '.join(RECIPES)}") from None


def digest(recipe: Recipe, apt: AptSettings, public_key: str) -> str:
    """Names a built image. HOSTFORGE_IMAGE_EPOCH is free text: a new value builds new images."""
    here = Path(__file__).parent
    ingredients = {
        "recipe": dataclasses.asdict(recipe),
        "apt": dataclasses.asdict(apt),
        "key": public_key,
        "epoch": os.environ.get("HOSTFORGE_IMAGE_EPOCH", ""),
        "builders": {name: (here / f"{name}.py").read_text() for name in _BUILDERS},
    }
    return hashlib.sha256(json.dumps(ingredients, sort_keys=True).encode()).hexdigest()[:12]
