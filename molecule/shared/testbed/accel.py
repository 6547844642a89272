# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Decides between hardware virtualisation and emulation by booting a kernel.

The file /dev/kvm proves nothing: on some cloud machines it opens, and every guest then hangs after its firmware.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

from .initrd import PROBE_ARGUMENT, PROBE_MARKER
from .paths import cache_root, locked, write_atomically
from .qemu import EMULATED, EMULATOR, HARDWARE, acceleration
from .say import say
from .tools import find

# A kernel that works with hardware virtualisation passes within two seconds.
PROBE_SECONDS = 12
_DEVICE = Path("/dev/kvm")


def accelerator(kernel: Path, initrd: Path) -> str:
    """`kvm` or `tcg`; HOSTFORGE_ACCEL forces one. The probe's answer holds until the machine boots again."""
    forced = os.environ.get("HOSTFORGE_ACCEL")
    if forced in (HARDWARE, EMULATED):
        return forced
    if not os.access(_DEVICE, os.R_OK | os.W_OK):
        return EMULATED
    answer = cache_root() / "accelerator.json"
    with locked(cache_root() / "accelerator.lock", "the probe of hardware virtualisation"):
        known = _read(answer)
        if known is None:
            say(f"probing hardware virtualisation by booting a kernel with it (at most {PROBE_SECONDS} s)")
            known = HARDWARE if probe(kernel, initrd) else EMULATED
            write_atomically(answer, json.dumps({"boot": boot_id(), "user": os.geteuid(), "accelerator": known}))
            words = {HARDWARE: "it works", EMULATED: f"no kernel boots with {_DEVICE}, so VMs are emulated (slow)"}
            say(f"probed hardware virtualisation: {words[known]}")
    return known


def probe(kernel: Path, initrd: Path) -> bool:
    """Whether a kernel with hardware virtualisation gets as far as our init within the time limit."""
    command = [
        *(find(EMULATOR), "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"),
        *("-machine", "q35", *acceleration(HARDWARE), "-m", "256M", "-serial", "stdio"),
        *("-kernel", str(kernel), "-initrd", str(initrd), "-append", f"console=ttyS0 {PROBE_ARGUMENT}"),
    ]
    try:
        done = subprocess.run(
            command, check=False, stdin=subprocess.DEVNULL, capture_output=True, timeout=PROBE_SECONDS
        )
    except subprocess.TimeoutExpired as late:
        return PROBE_MARKER.encode() in (late.stdout or b"")
    return PROBE_MARKER.encode() in done.stdout


def boot_id() -> str:
    """The kernel's name for the time since the machine last started."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def _read(answer: Path) -> str | None:
    try:
        known = json.loads(answer.read_text())
    except (FileNotFoundError, ValueError):
        return None
    if (known.get("boot"), known.get("user")) != (boot_id(), os.geteuid()):
        return None
    return str(known["accelerator"])
