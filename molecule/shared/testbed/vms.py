# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Starts and removes VMs."""

from __future__ import annotations

import dataclasses
import os
import pwd
import shutil
import socket
from dataclasses import dataclass
from pathlib import Path

from . import record as records
from .accel import accelerator
from .errors import TestbedError
from .images import Image, ensure_image
from .logs import collect
from .paths import locked, vms_folder
from .process import identify, stop
from .qemu import Machine, command
from .record import ADDRESS, Record
from .remote import wait_for_ssh
from .say import say
from .tools import run


@dataclass(frozen=True)
class Wanted:
    """What `up` is asked for; extra disks are empty.

    One CPU: with two emulated ones, the kernel of a VM with two nested guests has panicked, and time is hardly saved.
    """

    name: str
    image: str
    memory_mib: int = 4096
    cpus: int = 1
    extra_disks_mib: tuple[int, ...] = ()
    second_nic: bool = False
    devices: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()
    processor: str | None = None


def up(wanted: Wanted) -> Record:
    """Start a VM and wait until it can be logged into; one that runs already is left as it is."""
    image = ensure_image(wanted.image)
    with locked(vms_folder() / f"{records.folder_of(wanted.name).name}.lock", f"the VM {wanted.name}"):
        known = records.load(wanted.name)
        if known is None or not known.running:
            _clean(wanted.name)
            known = _start(wanted, image)
        try:
            wait_for_ssh(known)
        except TestbedError as error:
            kept = collect(known)
            _stop_and_clean(known)
            raise TestbedError(f"{error}\nits logs are kept in {kept}") from None
    say(f"{known.name}: up, ssh on {ADDRESS} port {known.port}")
    return known


def down(name: str) -> bool:
    """Power the VM off and remove its folder; False when there was nothing to remove."""
    with locked(vms_folder() / f"{records.folder_of(name).name}.lock", f"the VM {name}"):
        known = records.load(name)
        if known is None:
            return _clean(name)
        _stop_and_clean(known)
    say(f"{name}: powered off and removed")
    return True


def _start(wanted: Wanted, image: Image) -> Record:
    folder = records.folder_of(wanted.name)
    folder.mkdir()
    machine = Machine(
        name=wanted.name,
        folder=folder,
        accelerator=accelerator(image.kernel, image.initrd),
        cpus=wanted.cpus,
        memory_mib=wanted.memory_mib,
        disks=_make_disks(folder, image, wanted.extra_disks_mib),
        second_nic=wanted.second_nic,
        devices=wanted.devices,
        arguments=wanted.arguments,
        kernel=None if image.own_loader else image.kernel,
        initrd=None if image.own_loader else image.initrd,
        run_as=_unprivileged(),
        processor=wanted.processor,
    )
    say(f"{machine.name}: starting QEMU with {machine.accelerator}, {machine.cpus} CPUs, {machine.memory_mib} MiB")
    return _recorded(_launch(machine), image)


def _launch(machine: Machine, attempts: int = 5) -> Machine:
    """Free ports are looked for and then used: another process may be quicker, so it is tried again."""
    ready = dataclasses.replace(machine, ssh_port=_free_port())
    try:
        run(command(ready))
    except TestbedError as error:
        if "forwarding" not in str(error) or attempts == 1:
            raise
        return _launch(machine, attempts - 1)
    return ready


def _recorded(machine: Machine, image: Image) -> Record:
    process = identify(int(machine.pidfile.read_text()))
    if process is None:
        raise TestbedError(f"QEMU of VM {machine.name} ended at once")
    record = Record(machine.name, str(image.folder), machine.ssh_port, process)
    records.save(record)
    return record


def _make_disks(folder: Path, image: Image, extra_mib: tuple[int, ...]) -> tuple[Path, ...]:
    boot = folder / "disk0.qcow2"
    run(["qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", image.disk, boot])
    extra = [folder / f"disk{number}.qcow2" for number in range(1, len(extra_mib) + 1)]
    for path, size in zip(extra, extra_mib, strict=True):
        run(["qemu-img", "create", "-q", "-f", "qcow2", path, f"{size}M"])
    return (boot, *extra)


def _stop_and_clean(record: Record) -> None:
    stop(record.process)
    _clean(record.name)


def _clean(name: str) -> bool:
    """Remove the VM's folder, and a QEMU of an interrupted start that has a pid file but no record yet."""
    folder = records.folder_of(name)
    if not folder.exists():
        return False
    _stop_unrecorded(name, folder)
    shutil.rmtree(folder)
    return True


def _stop_unrecorded(name: str, folder: Path) -> None:
    try:
        process = identify(int((folder / "pid").read_text()))
    except (FileNotFoundError, ValueError):
        return
    if process is not None and _is_ours(process.pid, folder):
        say(f"{name}: ending the QEMU of an interrupted start")
        stop(process)


def _is_ours(pid: int, folder: Path) -> bool:
    """Its command line names this folder's pid file."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return str(folder / "pid").encode() in words


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((ADDRESS, 0))
        return int(probe.getsockname()[1])


def _unprivileged() -> str | None:
    """For root: the user QEMU becomes once it has opened its files."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam("nobody").pw_name
    except KeyError:
        return None
