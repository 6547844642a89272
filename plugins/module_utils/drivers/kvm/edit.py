# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes to a stored definition, in place: what is not named here stays, element for element."""

from __future__ import annotations

from xml.etree.ElementTree import Element

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm import (
    boot,
    cpu,
    define,
    edit_devices,
    fragments,
    ledger,
    passthrough,
    watchdog,
    xml,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.change import Change


def _description(root: Element, change: Change) -> None:
    xml.set_text(root, "description", change.after)


def _vcpus(root: Element, change: Change) -> None:
    vcpu = xml.ensure(root, "vcpu")
    vcpu.set("current", str(change.after))
    # Which vcpus are online is told one by one in <vcpus>, which would contradict the new number.
    xml.drop(root, "vcpus")


def _vcpus_max(root: Element, change: Change) -> None:
    vcpu = xml.ensure(root, "vcpu")
    current = min(int(vcpu.get("current") or vcpu.text or 1), change.after)
    vcpu.text = str(change.after)
    vcpu.set("current", str(current))
    xml.drop(root, "vcpus")
    # A topology is sockets x dies x cores x threads, and must give the maximum; libvirt makes a new one.
    cpu.drop_topology(root)


def _memory(root: Element, change: Change) -> None:
    current = xml.ensure(root, "currentMemory")
    current.set("unit", "MiB")
    current.text = str(change.after)


def _memory_max(root: Element, change: Change) -> None:
    memory = xml.ensure(root, "memory")
    current = xml.ensure(root, "currentMemory")
    if not current.text or xml.kib(current) > change.after * 1024:
        _memory(root, change)
    memory.set("unit", "MiB")
    memory.text = str(change.after)


def _tpm(root: Element, change: Change) -> None:
    parent = xml.ensure(root, "devices")
    xml.drop(parent, "tpm")
    if change.after:
        define.add_tpm(parent)


def _boot_order(root: Element, change: Change) -> None:
    boot.set_order(root, change.after)


def _type(root: Element, change: Change) -> None:
    root.set("type", change.after)
    if change.after == "qemu" and xml.attribute(root, "cpu", "mode") == "host-passthrough":
        # Without acceleration there is no host processor to pass through.
        xml.ensure(root, "cpu").set("mode", cpu.DEFAULT_MODES["qemu"])
        xml.ensure(root, "cpu").attrib.pop("check", None)


def _machine(root: Element, change: Change) -> None:
    xml.ensure(xml.ensure(root, "os"), "type").set("machine", change.after)


def _cpu_mode(root: Element, change: Change) -> None:
    cpu.put(root, change.after)


def _cpu_model(root: Element, change: Change) -> None:
    cpu.put_model(root, change.after)


def _topology(root: Element, change: Change) -> None:
    cpu.put_topology(root, change.after)


def _host_devices(root: Element, change: Change) -> None:
    passthrough.put(root, change.field, change.after)


def _xml(root: Element, change: Change) -> None:
    fragments.put(root, fragments.Fragment(change.key, change.after))


def _watchdog(root: Element, change: Change) -> None:
    watchdog.put(xml.ensure(root, "devices"), change.after)


def _graphics(root: Element, change: Change) -> None:
    define.set_graphics(xml.ensure(root, "devices"), change.after)


def _autostart(root: Element, change: Change) -> None:
    ledger.write_autostart(root, change.after)


EDITS: dict[tuple[str, str], edit_devices.Edit] = {
    ("set", "description"): _description,
    ("set", "vcpus"): _vcpus,
    ("set", "vcpus_max"): _vcpus_max,
    ("set", "memory_mib"): _memory,
    ("set", "memory_max_mib"): _memory_max,
    ("set", "tpm"): _tpm,
    ("set", "boot_order"): _boot_order,
    ("set", "type"): _type,
    ("set", "machine"): _machine,
    ("set", "cpu_mode"): _cpu_mode,
    ("set", "cpu_model"): _cpu_model,
    ("set", "topology"): _topology,
    ("set", "watchdog"): _watchdog,
    ("set", "pci_devices"): _host_devices,
    ("set", "usb_devices"): _host_devices,
    ("set", "xml"): _xml,
    ("set", "graphics"): _graphics,
    ("set", "autostart"): _autostart,
    **edit_devices.EDITS,
}
