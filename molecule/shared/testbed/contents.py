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
    *("apt-daily.timer", "apt-daily-upgrade.timer", "dpkg-db-backup.timer", "e2scrub_all.timer", "e2scrub_reap.service"),
    *("fstrim.timer", "logrotate.timer", "man-db.timer", "getty@tty1.service", "systemd-update-utmp-runlevel.service"),
)
MASKED_IN_GUESTS = (
    *MASKED_ON_HOSTS,
    *("e2scrub_reap.service", "systemd-binfmt.service", "systemd-pstore.service", "systemd-timesyncd.service"),
    *("modprobe@drm.service", "modprobe@efi_pstore.service", "modprobe@fuse.service", "sys-kernel-debug.mount"),
    *("sys-kernel-tracing.mount", "dev-hugepages.mount", "dev-mqueue.mount", "systemd-network-generator.service"),
    *("ldconfig.service", "systemd-boot-update.service", "kmod-static-nodes.service"),
)


def host_files(recipe: Recipe, apt: AptSettings) -> dict[str, str]:
    """Path in the image -> content, for a machine that a role shall turn into a host."""
    network = _IFUPDOWN if "ifupdown" in recipe.packages else _NETWORKD_UPLINK
    return {
        **_common_files(recipe, apt),
        **network,
        "etc/fstab": "/dev/vda / ext4 noatime,noinit_itable 0 0\n",
        "etc/resolv.conf": "nameserver 10.0.2.3\n",
        f"etc/sudoers.d/{USER}": f"{USER} ALL=(ALL:ALL) NOPASSWD: ALL\n",
    }


def guest_files(recipe: Recipe, apt: AptSettings) -> dict[str, str]:
    """Path in the image -> content, for the image that guests are made from: it listens to cloud-init."""
    return {
        **_common_files(recipe, apt),
        "etc/fstab": "LABEL=root / ext4 noatime,noinit_itable,errors=remount-ro 0 1\n",
        "etc/cloud/cloud.cfg.d/90_image.cfg": _CLOUD_CONFIG,
        "etc/cloud/ds-identify.cfg": "policy: search,found=first,maybe=none,notfound=enabled\ndatasource: NoCloud\n",
        "boot/grub/grub.cfg": _GRUB_CONFIG,
    }


def _common_files(recipe: Recipe, apt: AptSettings) -> dict[str, str]:
    return {
        "etc/apt/sources.list.d/debian.sources": apt.sources,
        "etc/apt/apt.conf.d/90testbed": "".join(f"{line}\n" for line in (*apt.options, 'Acquire::Languages "none";')),
        "etc/dpkg/dpkg.cfg.d/90testbed": "".join(f"{option}\n" for option in DPKG_OPTIONS),
        "etc/initramfs-tools/update-initramfs.conf": "update_initramfs=no\nbackup_initramfs=no\n",
        "etc/hostname": f"{recipe.hostname}\n",
        "etc/hosts": f"127.0.0.1 localhost\n127.0.1.1 {recipe.hostname}\n::1 localhost ip6-localhost\n",
        "etc/default/locale": "LANG=C.UTF-8\n",
        # empty, not missing: systemd makes one for this boot and does not take it for the first boot of all
        "etc/machine-id": "",
        # one quick key instead of three slow ones
        "etc/ssh/sshd_config.d/testbed.conf": "HostKey /etc/ssh/ssh_host_ed25519_key\nUseDNS no\n",
    }


_IFUPDOWN: Mapping[str, str] = {
    "etc/network/interfaces": (
        "source /etc/network/interfaces.d/*\n\nauto lo\niface lo inet loopback\n\n"
        f"auto {UPLINK}\niface {UPLINK} inet dhcp\n"
    )
}
_NETWORKD_UPLINK: Mapping[str, str] = {
    "etc/systemd/network/20-uplink.network": f"[Match]\nName={UPLINK}\n\n[Network]\nDHCP=ipv4\n"
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

_GRUB_CONFIG = """\
serial --unit=0 --speed=115200
terminal_input serial
terminal_output serial
set timeout=0
linux /boot/vmlinuz root=LABEL=root rw console=ttyS0 quiet
initrd /boot/initrd
boot
"""
