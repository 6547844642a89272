# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes to the disks, drives and cards of a stored definition, in place, and which disk is which in it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from xml.etree.ElementTree import Element

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm import (
    devices,
    disk_options,
    ledger,
    nvme,
    read,
    snapshot_chain,
    xml,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.change import Change
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import HypervisorError
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.ledger import Entry
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Disk

Edit = Callable[[Element, Change], None]

# What disks say of themselves on some buses only.
UNKNOWN_ON = {
    "virtio": ("wwn", "vendor", "product"),
    "nvme": ("wwn", "vendor", "product"),
    "sata": ("vendor", "product"),
}
# Words of its driver with which QEMU does not start a guest that has the disk on that bus.
UNFIT_FOR = {"nvme": ("error_policy", "rerror_policy")}


def _add_disk(root: Element, change: Change) -> None:
    disk = change.after
    if devices.find_disk(root, disk.path) is None:
        target = devices.target_name(devices.targets(root), disk.bus or devices.DEFAULT_BUS)
        element = devices.disk_element(disk, target)
        xml.ensure(root, "devices").append(element)
        _ensure_controller(root, element)
    made = ledger.find(root, disk.path)
    ledger.write(root, Entry(disk.name, disk.path, made is not None and made.made))


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
    for word in UNFIT_FOR.get(change.after, ()):
        xml.ensure(found, "driver").attrib.pop(word, None)
    _ensure_controller(root, found)


def _ensure_controller(root: Element, disk: Element) -> None:
    parent = xml.ensure(root, "devices")
    devices.ensure_controller(parent, xml.attribute(disk, "target", "bus"))
    nvme.ensure_controller(parent, disk)


def _set_disk_option(root: Element, change: Change) -> None:
    disk_options.write(_disk(root, change), change.field.partition(".")[2], change.after)


def _set_serial(root: Element, change: Change) -> None:
    _set_disk_option(root, change)
    nvme.ensure_controller(xml.ensure(root, "devices"), _disk(root, change))


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
    ("add", "disks"): _add_disk,
    ("remove", "disks"): _remove_disk,
    ("set", "disks.bus"): _set_bus,
    **{("set", f"disks.{name}"): _set_disk_option for name in disk_options.NAMES},
    ("set", "disks.serial"): _set_serial,
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
