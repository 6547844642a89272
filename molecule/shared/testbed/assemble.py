# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Turns a root filesystem's tar file into an image: configured, with an initrd, as a disk.

Runs as root, or as the root of a user namespace, because the files of a system have many owners.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from . import contents, disk
from .apt import AptSettings
from .initrd import build_initrd, module_closure
from .recipe import Recipe
from .tools import run

ROOTFS = "rootfs.tar"


def assemble(recipe: Recipe, apt: AptSettings, public_key: str, work: Path) -> None:
    """From `rootfs.tar` in the folder `work` make disk.qcow2 there, and for hosts vmlinuz and initrd."""
    root = work / "root"
    root.mkdir()
    # device nodes cannot be made in a user namespace, and devtmpfs hides them anyway
    run(["tar", "--extract", "--file", work / ROOTFS, "--directory", root, "--exclude=./dev/*", "--numeric-owner"])
    release = min(path.name for path in (root / "lib/modules").iterdir())
    if recipe.modules is not None:
        prune_modules(root, release, recipe.modules)
    initrd = build_initrd(root, release)
    raw = work / "disk.raw"
    if recipe.kind == "host":
        _configure(root, contents.host_files(recipe, apt), contents.masked(recipe))
        _add_user(root, public_key)
        _enable_networkd(root, wanted="ifupdown" not in recipe.packages)
        # apt in a VM needs a quarter of a minute to read its lists, unless it finds them digested
        run(["chroot", root, "apt-cache", "gencaches"])
        shutil.copyfile(root / f"boot/vmlinuz-{release}", work / "vmlinuz")
        (work / "initrd").write_bytes(initrd)
        if recipe.own_loader:
            (root / f"boot/initrd.img-{release}").write_bytes(initrd)
            (root / "boot/grub/grub.cfg").write_text(contents.first_grub_config(release))
    else:
        _configure(root, contents.guest_files(recipe, apt), contents.masked(recipe))
        _enable_networkd(root, wanted=True)
        (root / f"boot/vmlinuz-{release}").rename(root / "boot/vmlinuz")
        (root / "boot/initrd").write_bytes(initrd)
        _drop_unused(root)
        _mark_updated(root)
    if recipe.partitioned:
        disk.write_bootable(root, raw, recipe.disk_gib, work, recipe.own_loader)
    else:
        disk.write_plain(root, raw, recipe.disk_gib)
    disk.to_qcow2(raw, work / "disk.qcow2", compress=recipe.kind == "guest")
    for leftover in (work / ROOTFS, raw):
        leftover.unlink()
    shutil.rmtree(root)


def prune_modules(root: Path, release: str, keep: tuple[str, ...]) -> None:
    """Remove all modules but those named and what they need, and write the lists of them anew."""
    base = root / "lib/modules" / release
    kept = set(module_closure(root, release, keep))
    for path in base.rglob("*.ko*"):
        if path not in kept:
            path.unlink()
    run(["chroot", root, "depmod", release])


def _configure(root: Path, files: dict[str, str], masked: list[str]) -> None:
    (root / "etc/apt/apt.conf.d/99mmdebstrap").unlink(missing_ok=True)
    (root / "etc/dpkg/dpkg.cfg.d/99mmdebstrap").unlink(missing_ok=True)
    (root / "etc/apt/sources.list").unlink(missing_ok=True)
    shutil.rmtree(root / "etc/apt/sources.list.d")
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)  # it may be a link to somewhere else
        path.write_text(content)
        if content.startswith("#!"):
            path.chmod(0o755)
    for name in masked:
        link = root / name
        link.parent.mkdir(parents=True, exist_ok=True)
        link.unlink(missing_ok=True)
        link.symlink_to("/dev/null")


def _add_user(root: Path, public_key: str) -> None:
    run(["chroot", root, "useradd", "--create-home", "--shell", "/bin/bash", contents.USER])
    folder = root / "home" / contents.USER / ".ssh"
    folder.mkdir(mode=0o700)
    (folder / "authorized_keys").write_text(f"{public_key}\n")
    run(["chroot", root, "chown", "-R", f"{contents.USER}:", f"/home/{contents.USER}/.ssh"])
    (root / "etc/sudoers.d" / contents.USER).chmod(0o440)


def _enable_networkd(root: Path, wanted: bool) -> None:
    unit = "systemd-networkd.service"
    run(["chroot", root, "systemctl", "enable" if wanted else "disable", unit, f"{unit[:-8]}-wait-online.service"])


def _drop_unused(root: Path) -> None:
    """Package lists are half of a guest's image; checking the schema of its data is a fifth of cloud-init's start."""
    for path in (root / "var/lib/apt/lists").glob("*_*"):
        path.unlink()
    shutil.rmtree(root / "usr/lib/python3/dist-packages/jsonschema")


def _mark_updated(root: Path) -> None:
    """systemd redoes users, catalogues and caches when /usr is newer than these marks (systemd-update-done(8))."""
    newest = (root / "usr").stat().st_mtime + 1
    for mark in (root / "etc/.updated", root / "var/.updated"):
        mark.touch()
        os.utime(mark, (newest, newest))
