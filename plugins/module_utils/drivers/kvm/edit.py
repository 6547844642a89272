# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes to a stored definition, in place: what is not named here stays, element for element."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from xml.etree.ElementTree import Element

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm import (
    boot,
    cpu,
    define,
    devices,
    disk_options,
    fragments,
    ledger,
    passthrough,
    read,
    snapshot_chain,
    watchdog,
    xml,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.change import Change
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import HypervisorError
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Disk

Edit = Callable[[Element, Change], None]


# What disks say of themselves on some buses only.
UNKNOWN_ON = {
    "virtio": ("wwn", "vendor", "product"),
    "nvme": ("wwn", "vendor", "product"),
    "sata": ("vendor", "product"),
}


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


def _add_disk(root: Element, change: Change) -> None:
    disk = change.after
    if devices.find_disk(root, disk.path) is None:
        target = devices.target_name(devices.targets(root), disk.bus or devices.DEFAULT_BUS)
        xml.ensure(root, "devices").append(devices.disk_element(disk, target))
        devices.ensure_controller(xml.ensure(root, "devices"), disk.bus)
    made = ledger.find(root, disk.path)
    ledger.write(root, ledger.Entry(disk.name, disk.path, made is not None and made.made))


def add_disks(root: Element, guest: str, disks: Iterable[Disk]) -> None:
    """Add disks whose data is there to a definition."""
    for disk in disks:
        _add_disk(root, Change(guest, "add", "disks", after=disk))


def _remove_disk(root: Element, change: Change) -> None:
    path = change.before.path
    noted = ledger.find(root, path)
    if change.delete or (noted is not None and noted.pending):
        for file in snapshot_chain.stack(root, root, path):
            ledger.forget(root, file)
    found = devices.find_disk(root, path)
    if found is not None:
        xml.ensure(root, "devices").remove(found)


def _set_bus(root: Element, change: Change) -> None:
    found = _disk(root, change)
    target = xml.ensure(found, "target")
    target.set("dev", devices.target_name(devices.targets(root), change.after))
    target.set("bus", change.after)
    # libvirt finds a place on the new bus, and refuses what disks on it cannot have.
    for tag in ("address", *UNKNOWN_ON.get(change.after, ())):
        xml.drop(found, tag)
    devices.ensure_controller(xml.ensure(root, "devices"), change.after)


def _set_disk_option(root: Element, change: Change) -> None:
    disk_options.write(_disk(root, change), change.field.partition(".")[2], change.after)


def _disk(root: Element, change: Change) -> Element:
    found = next((one for one in read.disks(root) if disk_name(root, one) == change.key), None)
    if found is None:
        raise HypervisorError(f"the disk {change.key} is gone")
    return found


def disk_name(root: Element, disk: Element) -> str:
    """What a disk is called in the guest specification."""
    origin = snapshot_chain.origin(root, root, disk)
    return origin.entry.name if origin else xml.attribute(disk, "target", "dev") or ""


def _add_cdrom(root: Element, change: Change) -> None:
    target = devices.target_name(devices.targets(root), devices.CDROM_BUS)
    xml.ensure(root, "devices").append(devices.cdrom_element(change.after.source, target))


def set_seed(root: Element, path: str) -> None:
    """Put a seed into the drive that is for it, which is made when there is none."""
    drive = read.seed_drive(root)
    if drive is None:
        target = devices.target_name(devices.targets(root), devices.CDROM_BUS)
        xml.ensure(root, "devices").append(devices.cdrom_element(path, target))
    else:
        devices.set_medium(drive, path)
    ledger.write_seed_path(root, path)


def _remove_cdrom(root: Element, change: Change) -> None:
    found = find_drive(root, change.before.drive)
    if found is not None:
        xml.ensure(root, "devices").remove(found)


def _set_medium(root: Element, change: Change) -> None:
    drive = find_drive(root, change.key)
    if drive is None:
        raise HypervisorError(f"the cdrom drive {change.key} is gone")
    devices.set_medium(drive, change.after)


def find_drive(root: Element, name: str | None) -> Element | None:
    """The cdrom drive of that device name."""
    return next((one for one in read.cdroms(root) if xml.attribute(one, "target", "dev") == name), None)


def _add_nic(root: Element, change: Change) -> None:
    if not change.after.mac or devices.find_nic(root, change.after.mac) is None:
        xml.ensure(root, "devices").append(devices.nic_element(change.after))


def _remove_nic(root: Element, change: Change) -> None:
    found = devices.find_nic(root, change.before.mac)
    if found is not None:
        xml.ensure(root, "devices").remove(found)


def _nic(root: Element, change: Change) -> Element:
    found = devices.find_nic(root, change.key)
    if found is None:
        raise HypervisorError(f"the card {change.key} is gone")
    return found


def _set_nic_source(root: Element, change: Change) -> None:
    devices.set_nic_source(_nic(root, change), *change.after)


def _set_nic_vlan(root: Element, change: Change) -> None:
    devices.set_vlan(_nic(root, change), change.after)


def _set_nic_model(root: Element, change: Change) -> None:
    xml.ensure(_nic(root, change), "model").set("type", change.after)


def _set_nic_link(root: Element, change: Change) -> None:
    devices.set_link(_nic(root, change), change.after)


EDITS: dict[tuple[str, str], Edit] = {
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
    ("add", "disks"): _add_disk,
    ("remove", "disks"): _remove_disk,
    ("set", "disks.bus"): _set_bus,
    **{("set", f"disks.{name}"): _set_disk_option for name in disk_options.NAMES},
    ("add", "cdroms"): _add_cdrom,
    ("remove", "cdroms"): _remove_cdrom,
    ("set", "cdroms.source"): _set_medium,
    ("add", "nics"): _add_nic,
    ("remove", "nics"): _remove_nic,
    ("set", "nics.source"): _set_nic_source,
    ("set", "nics.vlan"): _set_nic_vlan,
    ("set", "nics.model"): _set_nic_model,
    ("set", "nics.link"): _set_nic_link,
}
