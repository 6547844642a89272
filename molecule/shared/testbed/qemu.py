# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""QEMU's command line for one VM: pure, from a description to a list of arguments."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .errors import TestbedError
from .initrd import HOSTNAME_ARGUMENT

EMULATOR = "qemu-system-x86_64"
HARDWARE = "kvm"
EMULATED = "tcg"

# `max` under TCG has AMD's SVM, so that the VM can host guests. Without five-level page tables each of the
# two-stage walks of a nested guest is shorter: a fifth less time, measured.
_ACCELERATION = {
    HARDWARE: ["-accel", "kvm", "-cpu", "host"],
    EMULATED: ["-accel", "tcg,thread=multi,tb-size=1024", "-cpu", "max,la57=off"],
}
_FIRST_DISK_SLOT = 8
# An emulated processor has no flaws to work around; and a guest's idle processor shall not keep a real one busy.
_KERNEL_ARGUMENTS = ("root=/dev/vda", "rw", "console=ttyS0", "mitigations=off", "audit=0", "kvm.halt_poll_ns=0")


@dataclass(frozen=True)
class Machine:
    """What is asked of QEMU.

    `folder` holds the VM's files; disks are qcow2 files, the first one is booted from. `processor` is a model of QEMU's
    that an emulated VM has in place of the usual one. `devices` are words of QEMU's -device for what else the VM has,
    `arguments` words for its kernel.
    """

    name: str
    folder: Path
    accelerator: str
    cpus: int
    memory_mib: int
    disks: tuple[Path, ...]
    ssh_port: int = 0
    second_nic: bool = False
    devices: tuple[str, ...] = ()
    kernel: Path | None = None
    initrd: Path | None = None
    arguments: tuple[str, ...] = ()
    run_as: str | None = None
    processor: str | None = None

    @property
    def serial(self) -> Path:
        return self.folder / "serial.log"

    @property
    def pidfile(self) -> Path:
        return self.folder / "pid"

    @property
    def monitor(self) -> Path:
        return self.folder / "qmp"


def command(machine: Machine) -> list[str]:
    """The full command; QEMU goes into the background by itself once the VM runs."""
    return [
        *(EMULATOR, "-name", machine.name, "-nodefaults", "-no-user-config", "-display", "none"),
        *("-machine", "q35", *acceleration(machine.accelerator, machine.processor)),
        *("-smp", str(machine.cpus), "-m", f"{machine.memory_mib}M"),
        *("-serial", f"file:{_escaped(machine.serial)}"),
        *("-qmp", f"unix:{_escaped(machine.monitor)},server=on,wait=off"),
        *("-pidfile", str(machine.pidfile), "-daemonize"),
        *("-device", "virtio-rng-pci,addr=6"),
        *(word for device in machine.devices for word in ("-device", device)),
        *_kernel(machine),
        *_disks(machine.disks),
        *_network(machine),
        *([] if machine.run_as is None else ["-runas", machine.run_as]),
    ]


def acceleration(accelerator: str, processor: str | None = None) -> list[str]:
    """With hardware virtualisation a VM has the machine's own processor."""
    words = _ACCELERATION[accelerator]
    return words if processor is None or accelerator == HARDWARE else [*words[:-1], processor]


def _kernel(machine: Machine) -> list[str]:
    if machine.kernel is None or machine.initrd is None:
        return []
    line = " ".join((*_KERNEL_ARGUMENTS, f"{HOSTNAME_ARGUMENT}={machine.name}", *machine.arguments))
    return ["-kernel", str(machine.kernel), "-initrd", str(machine.initrd), "-append", line]


def _disks(disks: Sequence[Path]) -> list[str]:
    """cache=unsafe: a VM whose machine loses power is thrown away, so nothing ever waits for the disk."""
    arguments: list[str] = []
    for number, path in enumerate(disks):
        slot = 3 if number == 0 else _FIRST_DISK_SLOT + number - 1
        drive = f"if=none,id=disk{number},format=qcow2,cache=unsafe,discard=unmap,file={_escaped(path)}"
        device = f"virtio-blk-pci,drive=disk{number},serial=disk{number},addr={slot:#x}"
        arguments += ["-drive", drive, "-device", device]
    return arguments


def _network(machine: Machine) -> list[str]:
    """User-mode networking needs no rights; the slot makes the card's name in the VM, enp0s4."""
    forward = f"user,id=uplink,hostfwd=tcp:127.0.0.1:{machine.ssh_port}-:22"
    arguments = ["-netdev", forward, "-device", "virtio-net-pci,netdev=uplink,addr=0x4"]
    if machine.second_nic:
        second = "user,id=second,net=10.0.3.0/24,restrict=on"
        arguments += ["-netdev", second, "-device", "virtio-net-pci,netdev=second,addr=0x5"]
    return arguments


def _escaped(path: Path) -> str:
    """QEMU's options end at a comma; a doubled one stands for itself."""
    return str(path).replace(",", ",,")


def parse_size_mib(text: str) -> int:
    """'4G' or '512M' -> MiB."""
    factors = {"M": 1, "G": 1024}
    number, unit = text[:-1], text[-1:].upper()
    if unit not in factors or not re.fullmatch("[1-9][0-9]*", number):
        raise TestbedError(f"{text!r} is not a size; write a whole number with M or G, such as 4G")
    return int(number) * factors[unit]
