# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes to a running guest. Each returns when the guest has it, as far as libvirt can tell."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from xml.etree.ElementTree import Element

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm import (
    balloons,
    devices,
    edit_devices,
    passthrough,
    power,
    read,
    xml,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.connect import libvirt
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.roots import live_root, stored_root
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.change import Change

# The guest's own driver does the work: unplugging and ballooning take as long as it likes, or for ever.
GUEST_WORKS_S = 60

Live = Callable[["libvirt.virDomain", Change], None]


def _description(domain: libvirt.virDomain, change: Change) -> None:
    kind, flags = libvirt.VIR_DOMAIN_METADATA_DESCRIPTION, libvirt.VIR_DOMAIN_AFFECT_LIVE
    domain.setMetadata(kind, change.after or None, None, None, flags)


def _vcpus(domain: libvirt.virDomain, change: Change) -> None:
    domain.setVcpusFlags(change.after, libvirt.VIR_DOMAIN_AFFECT_LIVE)


def _memory(domain: libvirt.virDomain, change: Change) -> None:
    """Tell the guest how much it may have. One that has no balloon driver yet takes it when it loads that."""
    mute = balloons.is_mute(domain)
    if mute and not _has_balloon(domain):
        return
    kib = change.after * 1024
    domain.setMemoryFlags(kib, libvirt.VIR_DOMAIN_AFFECT_LIVE)
    if not mute:
        power.wait_until(
            lambda: domain.info()[2] == kib,
            GUEST_WORKS_S,
            f"the guest did not take {change.after} MiB within {GUEST_WORKS_S} s; it has them when it is restarted",
        )


def _has_balloon(domain: libvirt.virDomain) -> bool:
    return xml.attribute(live_root(domain), "devices/memballoon", "model") not in (None, "none")


def _add_disk(domain: libvirt.virDomain, change: Change) -> None:
    """Plug a disk in as it is stored, with all that is stored of it but its place on its bus."""
    root, stored = live_root(domain), stored_root(domain)
    if devices.find_disk(root, change.after.path) is not None:
        return
    device = devices.find_disk(stored, change.after.path)
    if device is None:
        device = devices.disk_element(change.after, "")
    xml.drop(device, "address")
    bus = xml.attribute(device, "target", "bus") or devices.DEFAULT_BUS
    target = xml.attribute(device, "target", "dev")
    if not target or target in devices.targets(root):
        xml.ensure(device, "target").set("dev", devices.target_name(devices.targets(root, stored), bus))
    controller = devices.ensure_controller(xml.ensure(root, "devices"), bus)
    if controller is not None:
        _attach(domain, controller)
    _attach(domain, device)


def _remove_disk(domain: libvirt.virDomain, change: Change) -> None:
    path = change.before.path
    _detach(domain, change, lambda: devices.find_disk(live_root(domain), path))


def _grow(domain: libvirt.virDomain, change: Change) -> None:
    root = live_root(domain)
    for disk in read.disks(root):
        if edit_devices.disk_name(stored_root(domain), disk) == change.key:
            target = xml.attribute(disk, "target", "dev") or ""
            domain.blockResize(target, change.after, libvirt.VIR_DOMAIN_BLOCK_RESIZE_BYTES)


def _set_medium(domain: libvirt.virDomain, change: Change) -> None:
    drive = edit_devices.find_drive(live_root(domain), change.key)
    if drive is not None:
        devices.set_medium(drive, change.after)
        domain.updateDeviceFlags(xml.render(drive), libvirt.VIR_DOMAIN_AFFECT_LIVE)


def _add_nic(domain: libvirt.virDomain, change: Change) -> None:
    if devices.find_nic(live_root(domain), change.after.mac) is None:
        _attach(domain, devices.nic_element(change.after))


def _remove_nic(domain: libvirt.virDomain, change: Change) -> None:
    mac = change.before.mac
    _detach(domain, change, lambda: devices.find_nic(live_root(domain), mac))


def _set_nic_source(domain: libvirt.virDomain, change: Change) -> None:
    def plug(nic: Element) -> None:
        devices.set_nic_source(nic, *change.after)
        xml.drop(nic, "target")

    _update_nic(domain, change, plug)


def _set_nic_link(domain: libvirt.virDomain, change: Change) -> None:
    _update_nic(domain, change, lambda nic: devices.set_link(nic, change.after))


def _update_nic(domain: libvirt.virDomain, change: Change, edit_nic: Callable[[Element], None]) -> None:
    nic = devices.find_nic(live_root(domain), change.key)
    if nic is not None:
        edit_nic(nic)
        domain.updateDeviceFlags(xml.render(nic), libvirt.VIR_DOMAIN_AFFECT_LIVE)


def _set_host_devices(domain: libvirt.virDomain, change: Change) -> None:
    """Removals first: what is given back makes room."""
    option, running = change.field, passthrough.devices(live_root(domain), change.field)
    for name in running:
        if name not in change.after:
            _detach(domain, change, partial(_host_device, domain, option, name))
    for name in change.after:
        if name not in running:
            _attach(domain, passthrough.element(option, name))


def _host_device(domain: libvirt.virDomain, option: str, name: str) -> Element | None:
    return passthrough.find(live_root(domain), option, name)


def _attach(domain: libvirt.virDomain, device: Element) -> None:
    domain.attachDeviceFlags(xml.render(device), libvirt.VIR_DOMAIN_AFFECT_LIVE)


def _detach(domain: libvirt.virDomain, change: Change, find: Callable[[], Element | None]) -> None:
    device = find()
    if device is None:
        return
    domain.detachDeviceFlags(xml.render(device), libvirt.VIR_DOMAIN_AFFECT_LIVE)
    goes = "it goes, with its data, when the guest is off" if change.delete else "it goes when the guest is restarted"
    says = f"the guest did not let go of it within {GUEST_WORKS_S} s; {goes}"
    power.wait_until(lambda: find() is None, GUEST_WORKS_S, says)


LIVE: dict[tuple[str, str], Live] = {
    ("set", "description"): _description,
    ("set", "vcpus"): _vcpus,
    ("set", "memory_mib"): _memory,
    ("add", "disks"): _add_disk,
    ("remove", "disks"): _remove_disk,
    ("grow", "disks.size_bytes"): _grow,
    ("set", "cdroms.source"): _set_medium,
    ("add", "nics"): _add_nic,
    ("remove", "nics"): _remove_nic,
    ("set", "nics.source"): _set_nic_source,
    ("set", "nics.link"): _set_nic_link,
    ("set", "pci_devices"): _set_host_devices,
    ("set", "usb_devices"): _set_host_devices,
}
