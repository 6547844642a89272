# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds a Debian root filesystem, as a tar file, with mmdebstrap and the machine's own package sources."""

from __future__ import annotations

import os
from pathlib import Path

from .apt import AptSettings
from .recipe import Recipe
from .tools import find, run

# dpkg reads these in the image too: test images have no use for documentation, and no power cut to survive.
DPKG_OPTIONS = (
    "force-unsafe-io",
    "path-exclude=/usr/share/man/*",
    "path-exclude=/usr/share/locale/*",
    "path-exclude=/usr/share/doc/*",
    "path-exclude=/usr/share/info/*",
    "path-include=/usr/share/doc/*/copyright",
    "path-include=/usr/share/locale/locale.alias",
)
# Guests only: descriptions of hardware and languages that no test looks at.
_GUEST_OPTIONS = (
    "path-exclude=/usr/lib/udev/hwdb.d/*",
    "path-exclude=/usr/share/i18n/*",
)
# The image gets an initrd of our own, so the distribution's is neither built now nor at later updates.
_NO_INITRAMFS = (
    "path-exclude=/etc/kernel/postinst.d/initramfs-tools",
    "path-exclude=/etc/kernel/postrm.d/initramfs-tools",
)


def build_rootfs(recipe: Recipe, apt: AptSettings, target: Path, log: Path) -> None:
    """Write the root filesystem of `recipe` to the tar file `target`."""
    sources = target.with_name("debian.sources")
    sources.write_text(apt.sources)
    if not is_root():
        find("newuidmap")
    run(mmdebstrap_command(recipe, apt, sources, target), log)


def mmdebstrap_command(recipe: Recipe, apt: AptSettings, sources: Path, target: Path) -> list[str]:
    """The package lists stay in the image: an installed host has them, and reading them is slow in a VM."""
    options = (*DPKG_OPTIONS, *_NO_INITRAMFS, *(_GUEST_OPTIONS if recipe.kind == "guest" else ()))
    return [
        "mmdebstrap",
        f"--mode={'root' if is_root() else 'unshare'}",
        "--variant=minbase",
        "--format=tar",
        "--skip=cleanup/apt/lists",
        '--aptopt=APT::Install-Recommends "false";',
        '--aptopt=Acquire::Languages "none";',
        *(f"--aptopt={line}" for line in apt.options),
        *(f"--dpkgopt={option}" for option in options),
        f"--include={','.join(recipe.packages)}",
        recipe.suite,
        str(target),
        str(sources),
    ]


def is_root() -> bool:
    return os.geteuid() == 0


def inside_prefix() -> list[str]:
    """What to put before a command that works on files of many owners: a user namespace, unless root."""
    return [] if is_root() else ["unshare", "--user", "--map-auto", "--map-root-user", "--mount"]
