# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is written into an image's files: pure text, per kind of image and release."""

from __future__ import annotations

from collections.abc import Mapping

from .apt import AptSettings
from .recipe import Recipe
from .rootfs import DPKG_OPTIONS

USER = "ops"
# The slot that the command line of QEMU gives the first network card, as systemd names it.
UPLINK = "enp0s4"

# Nothing here changes what a hypervisor role meets; all of it wakes up at a bad time on a slow machine.
MASKED_ON_HOSTS = (
    *("apt-daily.timer", "apt-daily-upgrade.timer", "dpkg-db-backup.timer", "e2scrub_all.timer"),
    *("e2scrub_reap.service", "fstrim.timer", "logrotate.timer", "man-db.timer", "getty@tty1.service"),
    "systemd-update-utmp-runlevel.service",
    # A scenario that shares folders wakes up the first.
    *("nfs-server.service", "nfs-blkmap.service", "rpcbind.service", "rpcbind.socket"),
)
# A guest shows that it boots, has an address, lets its user in and sees its devices. Each of these costs a nested
# boot a second or more, and none of them serves that.
MASKED_IN_GUESTS = (
    *MASKED_ON_HOSTS,
    *("dev-hugepages.mount", "dev-mqueue.mount", "run-lock.mount", "sys-kernel-config.mount", "sys-kernel-debug.mount"),
    *("sys-kernel-tracing.mount", "tmp.mount", "proc-sys-fs-binfmt_misc.automount", "kmod-static-nodes.service"),
    *("modprobe@configfs.service", "modprobe@dm_mod.service", "modprobe@drm.service", "modprobe@efi_pstore.service"),
    *("modprobe@fuse.service", "modprobe@loop.service", "systemd-binfmt.service", "systemd-boot-update.service"),
    *("systemd-firstboot.service", "systemd-journal-flush.service", "systemd-machine-id-commit.service"),
    *("systemd-modules-load.service", "systemd-network-generator.service", "systemd-pstore.service"),
    *("systemd-random-seed.service", "systemd-repart.service", "systemd-sysctl.service", "systemd-timesyncd.service"),
    *("systemd-tmpfiles-setup-dev-early.service", "systemd-udev-load-credentials.service"),
    *("systemd-networkd-persistent-storage.service", "systemd-tmpfiles-clean.timer", "getty-static.service"),
    *("console-getty.service", "ldconfig.service", "cloud-init-hotplugd.socket"),
    *("systemd-tmpfiles-setup.service", "systemd-tmpfiles-setup-dev.service"),
)
# These run before the first unit, one process each, and generate nothing here.
_IDLE_GENERATORS = (
    *("bless-boot", "cryptsetup", "debug", "gpt-auto", "hibernate-resume", "integritysetup", "rc-local", "run", "ssh"),
    *("system-update", "sysv", "tpm2", "veritysetup"),
)
# Rules for devices that a guest does not have; each is read at the start and tried for every device.
_IDLE_RULES = (
    *("60-autosuspend", "60-drm", "60-evdev", "60-fido-id", "60-infiniband", "60-persistent-alsa"),
    *("60-persistent-input", "60-persistent-storage-mtd", "60-persistent-storage-tape", "60-persistent-v4l"),
    *("60-sensor", "64-btrfs", "66-azure-ephemeral", "70-camera", "70-joystick", "70-memory", "70-mouse"),
    *("70-touchpad", "75-probe_mtd", "78-sound-card", "90-iocost", "96-e2scrub"),
)


def masked(recipe: Recipe) -> list[str]:
    """Paths in the image that become links to /dev/null, which switches a unit, generator or rule off."""
    if recipe.kind == "host":
        return [f"etc/systemd/system/{unit}" for unit in MASKED_ON_HOSTS]
    return [
        *(f"etc/systemd/system/{unit}" for unit in MASKED_IN_GUESTS),
        *(f"etc/systemd/system-generators/systemd-{name}-generator" for name in _IDLE_GENERATORS),
        *(f"etc/udev/rules.d/{name}.rules" for name in _IDLE_RULES),
    ]


def host_files(recipe: Recipe, apt: AptSettings) -> dict[str, str]:
    """Path in the image -> content, for a machine that a role shall turn into a host."""
    network = _IFUPDOWN if "ifupdown" in recipe.packages else _NETWORKD_UPLINK
    return {
        **_common_files(recipe, apt),
        **network,
        **(_OWN_LOADER if recipe.own_loader else _NO_LOADER),
        "etc/resolv.conf": "nameserver 10.0.2.3\n",
        f"etc/sudoers.d/{USER}": f"{USER} ALL=(ALL:ALL) NOPASSWD: ALL\n",
    }


def guest_files(recipe: Recipe, apt: AptSettings) -> dict[str, str]:
    """Path in the image -> content, for the image that guests are made from: it listens to cloud-init."""
    return {
        **_common_files(recipe, apt),
        "etc/fstab": "LABEL=root / ext4 noatime,noinit_itable,errors=remount-ro 0 1\n",
        "etc/cloud/cloud.cfg.d/90_image.cfg": _CLOUD_CONFIG,
        "boot/grub/grub.cfg": _GRUB_CONFIG,
        "etc/systemd/system-generators/cloud-init-generator": _CLOUD_INIT_GENERATOR,
        "etc/systemd/journald.conf.d/image.conf": "[Journal]\nStorage=volatile\n",
        "etc/systemd/system/systemd-udev-trigger.service.d/image.conf": _UDEV_TRIGGER,
    }


def _common_files(recipe: Recipe, apt: AptSettings) -> dict[str, str]:
    return {
        "etc/apt/sources.list.d/debian.sources": apt.sources,
        "etc/apt/apt.conf.d/90testbed": "".join(f"{line}\n" for line in (*apt.options, 'Acquire::Languages "none";')),
        "etc/dpkg/dpkg.cfg.d/90testbed": "".join(f"{option}\n" for option in DPKG_OPTIONS),
        "etc/initramfs-tools/update-initramfs.conf": "update_initramfs=no\nbackup_initramfs=no\n",
        "etc/hostname": f"{recipe.kind}\n",
        "etc/hosts": f"127.0.0.1 localhost\n127.0.1.1 {recipe.kind}\n::1 localhost ip6-localhost\n",
        "etc/default/locale": "LANG=C.UTF-8\n",
        # empty, not missing: systemd makes one for this boot and does not take it for the first boot of all
        "etc/machine-id": "",
        # one quick key instead of three slow ones
        "etc/ssh/sshd_config.d/testbed.conf": "HostKey /etc/ssh/ssh_host_ed25519_key\nUseDNS no\n",
    }


def first_grub_config(release: str) -> str:
    """Starts kernel `release` until `update-grub` writes another; what that takes from a disk is not there yet."""
    return f"linux /boot/vmlinuz-{release} root=LABEL=root rw {_KERNEL_LINE}\ninitrd /boot/initrd.img-{release}\nboot\n"


_IFUPDOWN: Mapping[str, str] = {
    "etc/network/interfaces": (
        "source /etc/network/interfaces.d/*\n\nauto lo\niface lo inet loopback\n\n"
        f"auto {UPLINK}\niface {UPLINK} inet dhcp\n"
    )
}
_NETWORKD_UPLINK: Mapping[str, str] = {
    "etc/systemd/network/20-uplink.network": f"[Match]\nName={UPLINK}\n\n[Network]\nDHCP=ipv4\n"
}

# An emulated processor has no flaws to work around. Under Xen the last console is the one there is.
_KERNEL_LINE = "console=ttyS0 console=hvc0 mitigations=off audit=0"
_NO_LOADER: Mapping[str, str] = {"etc/fstab": "/dev/vda / ext4 noatime,noinit_itable 0 0\n"}
_OWN_LOADER: Mapping[str, str] = {
    "etc/fstab": "LABEL=root / ext4 noatime,noinit_itable 0 0\n",
    "etc/default/grub.d/testbed.cfg": (
        f'GRUB_TIMEOUT=0\nGRUB_CMDLINE_LINUX="{_KERNEL_LINE}"\nGRUB_CMDLINE_LINUX_DEFAULT=""\n'
        "GRUB_TERMINAL=serial\nGRUB_DISABLE_OS_PROBER=true\n"
    ),
}

# Every module that cloud-init loads is a second of an emulated guest's boot; these are the ones a guest is given to do.
_CLOUD_CONFIG = """\
datasource_list: [NoCloud, None]
datasource: {NoCloud: {fs_label: cidata}}
disable_root: true
ssh_deletekeys: false
ssh_genkeytypes: [ed25519]
preserve_hostname: false
manage_etc_hosts: localhost
resize_rootfs: true
growpart: {mode: auto, devices: [/]}
system_info:
  distro: debian
  default_user: {name: debian, lock_passwd: true, gecos: Debian, shell: /bin/bash, sudo: ["ALL=(ALL) NOPASSWD:ALL"]}
  network: {renderers: [networkd]}
cloud_init_modules:
  [seed_random, bootcmd, write-files, growpart, resizefs, set_hostname, update_hostname, users-groups, ssh]
cloud_config_modules: [set-passwords, runcmd]
cloud_final_modules: [scripts-user, final-message]
"""

# The original looks for every cloud there is; this image knows that its data is on a disk with the label cidata.
_CLOUD_INIT_GENERATOR = """\
#!/bin/sh
[ -d /run/cloud-init ] || mkdir /run/cloud-init
: >/run/cloud-init/enabled
mkdir -p "$1/multi-user.target.wants"
ln -sf /lib/systemd/system/cloud-init.target "$1/multi-user.target.wants/cloud-init.target"
"""

# Hundreds of devices of every machine concern nobody here: terminals, processors, sensors.
_SUBSYSTEMS = (
    *("acpi", "ata_device", "block", "cdrom", "dmi", "hid", "input", "net", "nvme", "pci", "platform", "scsi"),
    *("serio", "tpm", "usb", "virtio", "virtio-ports", "vsock", "xen"),
)
_UDEV_TRIGGER = (
    "[Service]\nExecStart=\nExecStart=-udevadm trigger --type=devices --action=add {matches}\n{serial}\n".format(
        matches=" ".join(f"--subsystem-match={name}" for name in _SUBSYSTEMS),
        serial="ExecStart=-udevadm trigger --action=add --name-match=/dev/ttyS0",
    )
)

_GRUB_CONFIG = """\
serial --unit=0 --speed=115200
terminal_input serial
terminal_output serial
set timeout=0
linux /boot/vmlinuz {arguments}
initrd /boot/initrd
boot
""".format(
    arguments="root=LABEL=root rw console=hvc0 console=ttyS0 quiet nokaslr mitigations=off audit=0 8250.nr_uarts=1"
)
