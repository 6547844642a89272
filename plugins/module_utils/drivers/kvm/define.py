# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The XML of a new guest: a plain, modern machine that can be changed while it runs."""

from __future__ import annotations

from dataclasses import dataclass
from xml.etree.ElementTree import Element

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm import (
    boot,
    cpu,
    devices,
    fragments,
    ledger,
    passthrough,
    watchdog,
    xml,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.machine import is_express
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.ledger import Entry
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Guest

MACHINES = {"x86_64": "q35", "aarch64": "virt"}
# PCI Express devices are added to a running guest only where a port is free, and ports cannot be added to it.
SPARE_PORTS = 12
NO_SCREEN = "none"


@dataclass(frozen=True)
class Plot:
    """What a new definition needs beside the wish. Disks come into it when their data is there.

    arch: the host's. notes: the ledger of disks. seed: the path of the seed.
    """

    arch: str
    notes: tuple[Entry, ...] = ()
    seed: str | None = None


def new_definition(want: Guest, plot: Plot) -> Element:
    """Make the definition of a new guest. Everything wished for is in it; libvirt fills in the rest."""
    kind = want.option("type") or "kvm"
    machine = want.option("machine") or MACHINES.get(plot.arch)
    root = Element("domain", {"type": kind})
    xml.add(root, "name", want.name)
    xml.set_text(root, "uuid", want.uuid or "")
    xml.set_text(root, "description", want.description or "")
    _notes(root, want, plot)
    xml.add(root, "memory", str(max(want.memory_max_mib or 0, want.memory_mib or 0)), unit="MiB")
    xml.add(root, "currentMemory", str(want.memory_mib), unit="MiB")
    xml.add(root, "vcpu", str(max(want.vcpus_max or 0, want.vcpus or 0)), current=want.vcpus)
    _firmware(root, want, plot, machine)
    if want.option("cpu_model"):
        cpu.put_model(root, want.option("cpu_model"))
    else:
        cpu.put(root, want.option("cpu_mode") or cpu.DEFAULT_MODES[kind])
    if want.option("topology"):
        cpu.put_topology(root, want.option("topology"))
    xml.add(root, "clock", offset="utc")
    for event, does in (("on_poweroff", "destroy"), ("on_reboot", "restart"), ("on_crash", "destroy")):
        xml.add(root, event, does)
    _devices(xml.add(root, "devices"), want, plot)
    if machine and is_express(machine):
        _ports(root)
    for option in passthrough.KINDS:
        passthrough.put(root, option, want.option(option) or ())
    for fragment in want.option("xml") or ():
        fragments.put(root, fragment)
    return root


def _notes(root: Element, want: Guest, plot: Plot) -> None:
    for entry in plot.notes:
        ledger.write(root, entry)
    if plot.seed:
        ledger.write_seed_path(root, plot.seed)
    if want.package is not None:
        ledger.write_unfinished(root, True)
    if want.autostart:
        ledger.write_autostart(root, want.autostart)


def _firmware(root: Element, want: Guest, plot: Plot, machine: str | None) -> None:
    uefi = want.firmware == "uefi" or bool(want.secure_boot)
    secure = "yes" if want.secure_boot else "no"
    system = xml.add(root, "os", firmware="efi" if uefi else None)
    xml.add(system, "type", "hvm", arch=plot.arch, machine=machine)
    if uefi:
        firmware = xml.add(system, "firmware")
        for feature in ("enrolled-keys", "secure-boot"):
            xml.add(firmware, "feature", enabled=secure, name=feature)
    boot.set_order(root, want.boot_order or boot.DEFAULT)
    features = xml.add(root, "features")
    if plot.arch == "x86_64":
        xml.add(features, "acpi")
        xml.add(features, "apic")
        if want.secure_boot:
            xml.add(features, "smm", state="on")


def _devices(parent: Element, want: Guest, plot: Plot) -> None:
    taken: set[str] = set()
    media = [drive.source for drive in want.cdroms or ()] + ([plot.seed] if plot.seed else [])
    for path in media:
        target = devices.target_name(taken, devices.CDROM_BUS)
        taken.add(target)
        parent.append(devices.cdrom_element(path, target))
    for nic in want.nics or ():
        parent.append(devices.nic_element(nic))
    _console(parent)
    set_graphics(parent, want.option("graphics") or NO_SCREEN)
    if want.tpm:
        add_tpm(parent)
    if want.option("watchdog"):
        watchdog.put(parent, want.option("watchdog"))


def _ports(root: Element) -> None:
    parent = xml.ensure(root, "devices")
    xml.add(parent, "controller", type="pci", index=0, model="pcie-root")
    for _port in range(SPARE_PORTS):
        xml.add(parent, "controller", type="pci", model="pcie-root-port")


def _console(parent: Element) -> None:
    """What every guest has: a serial console, the guest agent's channel, randomness, a balloon that reports."""
    xml.add(xml.add(parent, "serial", type="pty"), "target", port=0)
    xml.add(xml.add(parent, "console", type="pty"), "target", type="serial", port=0)
    xml.add(xml.add(parent, "channel", type="unix"), "target", type="virtio", name="org.qemu.guest_agent.0")
    xml.add(xml.add(parent, "rng", model="virtio"), "backend", "/dev/urandom", model="random")
    xml.add(xml.add(parent, "memballoon", model="virtio"), "stats", period=10)


def set_graphics(parent: Element, kind: str) -> None:
    """Give a guest a screen that only this host can see, or take it away. A card that shows something stays."""
    for tag in ("graphics", "channel[@type='spicevmc']", "audio", "redirdev"):
        xml.drop(parent, tag)
    if kind == NO_SCREEN or xml.attribute(parent, "video/model", "type") in (None, NO_SCREEN):
        xml.drop(parent, "video")
        xml.add(xml.add(parent, "video"), "model", type=NO_SCREEN if kind == NO_SCREEN else "virtio")
    if kind != NO_SCREEN:
        screen = xml.add(parent, "graphics", type=kind, autoport="yes", listen="127.0.0.1")
        xml.add(screen, "listen", type="address", address="127.0.0.1")


def add_tpm(parent: Element) -> None:
    """An emulated TPM 2.0."""
    xml.add(xml.add(parent, "tpm", model="tpm-crb"), "backend", type="emulator", version="2.0")
