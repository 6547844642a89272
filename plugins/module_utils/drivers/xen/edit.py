# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes to a stored definition, in place: what is not named here stays, byte for byte."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.xen import devices, ledger, nic_spec
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.xen.definition import Definition
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.xen.disk_spec import EMPTY, RAW, DiskSpec
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.xen.nic_spec import NicSpec
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.xen.read import BOOT, GRUBS, seed_of, type_of
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.xen.traits import EVENTS
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.change import Change
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import HypervisorError
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.ledger import Entry
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Disk

NO_LOADER, PVGRUB = "none", "pvgrub"
# The keys of a value and of its maximum.
AMOUNTS = {
    "vcpus": ("vcpus", "maxvcpus"),
    "vcpus_max": ("vcpus", "maxvcpus"),
    "memory_mib": ("memory", "maxmem"),
    "memory_max_mib": ("memory", "maxmem"),
}


@dataclass(frozen=True)
class Site:
    """What an edit needs to know of the host.

    is_switch: whether a bridge is one of Open vSwitch. bridge: the default. seed_dir: where seeds are.
    """

    is_switch: Callable[[str], bool] = lambda _bridge: False
    bridge: str = nic_spec.DEFAULT_BRIDGE
    seed_dir: str = ""


Edit = Callable[[Definition, Change, Site], None]


def _description(definition: Definition, change: Change, _site: Site) -> None:
    ledger.write(definition, replace(ledger.read(definition), description=change.after))


def _amount(definition: Definition, change: Change, _site: Site) -> None:
    """A maximum that is not written is the value: before that changes, it is written."""
    value, maximum = AMOUNTS[change.field]
    if definition.text_of(maximum) is None and value in definition.written:
        definition.put(maximum, definition.number_of(value))
    definition.put(value, change.after)


def _maximum(definition: Definition, change: Change, _site: Site) -> None:
    value, maximum = AMOUNTS[change.field]
    if (definition.number_of(value) or 0) > change.after:
        definition.put(value, change.after)
    definition.put(maximum, change.after)


def _boot_order(definition: Definition, change: Change, _site: Site) -> None:
    put_boot_order(definition, change.after)


def put_boot_order(definition: Definition, order: Sequence[str]) -> None:
    """Write what the firmware of an emulated machine tries, in turn."""
    letters = {word: letter for letter, word in BOOT.items()}
    definition.put("boot", "".join(letters[word] for word in order))


def put_firmware(definition: Definition, firmware: str | None) -> None:
    """Write the firmware of an emulated machine."""
    if firmware:
        definition.put("bios", {"uefi": "ovmf", "bios": "seabios"}[firmware])


def _type(definition: Definition, change: Change, _site: Site) -> None:
    before = type_of(definition)
    grub = definition.text_of("kernel") in GRUBS.values()
    for old in ("builder", "pvh"):
        definition.put(old, None)
    definition.put("type", change.after)
    if grub:
        put_loader(definition, PVGRUB if change.after in GRUBS else NO_LOADER)
    if change.after == "hvm" and before != "hvm":
        put_serial(definition)
        # Its cards were of Xen's own kind, and stay so.
        for index in range(len(definition.items_of("vif"))):
            item = definition.items_of("vif")[index]
            spec = nic_spec.parse_nic(item.text)
            if spec.get("type") is None:
                definition.put_item(item, spec.put("type", "vif").written())


def put_serial(definition: Definition) -> None:
    """Give an emulated machine a serial port, which then is its console, and is logged as that."""
    if definition.plain_of("serial") is None:
        definition.put("serial", "pty")


def put_loader(definition: Definition, loader: str) -> None:
    """Write by what a guest boots: GRUB as its kernel, a program on the host, or neither."""
    if loader == PVGRUB:
        definition.put("bootloader", None)
        definition.put("kernel", GRUBS[type_of(definition)])
        definition.put("ramdisk", None)
    elif loader == NO_LOADER:
        definition.put("bootloader", None)
        if definition.text_of("kernel") in GRUBS.values():
            definition.put("kernel", None)
    else:
        definition.put("bootloader", loader)
        definition.put("kernel", None)
        definition.put("ramdisk", None)


def _loader(definition: Definition, change: Change, _site: Site) -> None:
    put_loader(definition, change.after)


def _kernel(definition: Definition, change: Change, _site: Site) -> None:
    definition.put("kernel", change.after or None)
    if change.after:
        definition.put("bootloader", None)


def _ramdisk(definition: Definition, change: Change, _site: Site) -> None:
    definition.put("ramdisk", change.after or None)


def _cmdline(definition: Definition, change: Change, _site: Site) -> None:
    for part in ("root", "extra"):
        definition.put(part, None)
    definition.put("cmdline", change.after or None)


def _event(definition: Definition, change: Change, _site: Site) -> None:
    definition.put(change.field, change.after)


def _config(definition: Definition, change: Change, _site: Site) -> None:
    definition.put(change.key, change.after or None)


def add_disk(definition: Definition, disk: Disk) -> None:
    """Add a disk that has its data, and its place in the guest, and note its name."""
    if devices.find_disk(definition, disk.path) is None:
        spec = DiskSpec(disk.path or "", disk.option("vdev") or "", disk.format or RAW)
        definition.add_item("disk", spec.written())
    noted = ledger.read(definition)
    found = noted.find(disk.path)
    made = found is not None and found.made
    ledger.write(definition, noted.with_disk(Entry(disk.name, disk.path or "", made)))


def _add_disk(definition: Definition, change: Change, _site: Site) -> None:
    add_disk(definition, change.after)


def _remove_disk(definition: Definition, change: Change, _site: Site) -> None:
    path = change.before.path
    noted = ledger.read(definition)
    entry = noted.find(path)
    if change.delete or (entry is not None and entry.pending):
        ledger.write(definition, noted.without(path))
    found = devices.find_disk(definition, path)
    if found is not None:
        definition.cut_item(found[0])


def _vdev(definition: Definition, change: Change, _site: Site) -> None:
    entry = next((one for one in ledger.read(definition).disks if one.name == change.key), None)
    found = devices.find_disk(definition, entry.path) if entry else devices.find_device(definition, change.key)
    if found is None:
        raise HypervisorError(f"the disk {change.key} is gone")
    definition.put_item(found[0], replace(found[1], vdev=change.after).written())


def add_drive(definition: Definition, source: str | None) -> None:
    """Add a cdrom drive with a medium, or without."""
    vdev = devices.free_drive([spec.vdev for _item, spec in devices.disks(definition)])
    definition.add_item("disk", _drive(vdev, source).written())


def _drive(vdev: str, source: str | None) -> DiskSpec:
    return DiskSpec(source or "", vdev, RAW if source else EMPTY, read_only=True, cdrom=True)


def _add_drive(definition: Definition, change: Change, _site: Site) -> None:
    add_drive(definition, change.after.source)


def _remove_drive(definition: Definition, change: Change, _site: Site) -> None:
    found = devices.find_device(definition, change.before.drive)
    if found is not None:
        definition.cut_item(found[0])


def _medium(definition: Definition, change: Change, _site: Site) -> None:
    found = devices.find_device(definition, change.key)
    if found is None:
        raise HypervisorError(f"the cdrom drive {change.key} is gone")
    new = replace(_drive(found[1].vdev, change.after), others=found[1].others)
    definition.put_item(found[0], new.written())


def put_seed(definition: Definition, name: str, path: str, seed_dir: str) -> None:
    """Put a seed in the place of the one before, or give the guest a disk for it, which it can only read."""
    old = [pair for pair in devices.disks(definition) if seed_of(pair[1].path, name, seed_dir)]
    if old:
        definition.put_item(old[0][0], replace(old[0][1], target=path).written())
    else:
        definition.add_item("disk", DiskSpec(path, devices.SEED_VDEV, RAW, read_only=True).written())
    ledger.write(definition, replace(ledger.read(definition), seed=path))


def _add_nic(definition: Definition, change: Change, site: Site) -> None:
    nic = change.after
    if not nic.mac or devices.find_nic(definition, nic.mac, None, site.bridge) is None:
        spec = nic_spec.from_nic(nic, type_of(definition), site.is_switch(nic.bridge or ""))
        definition.add_item("vif", spec.written())


def _remove_nic(definition: Definition, change: Change, site: Site) -> None:
    found = devices.find_nic(definition, change.before.mac, change.before, site.bridge)
    if found is not None:
        definition.cut_item(found[0])


def _edit_nic(definition: Definition, change: Change, site: Site, edit: Callable[[NicSpec], NicSpec]) -> None:
    found = devices.find_nic(definition, change.key, None, site.bridge)
    if found is None:
        raise HypervisorError(f"the card {change.key or 'without an address'} is gone, or there is more than one of it")
    definition.put_item(found[0], edit(found[1]).written())


def _nic_source(definition: Definition, change: Change, site: Site) -> None:
    bridge = change.after[1] or ""
    kind = type_of(definition)

    def edit(spec: NicSpec) -> NicSpec:
        vlan = nic_spec.to_nic(spec, kind, site.bridge).vlan or 0
        return nic_spec.plugged(spec, bridge, vlan, site.is_switch(bridge))

    _edit_nic(definition, change, site, edit)


def _nic_vlan(definition: Definition, change: Change, site: Site) -> None:
    kind = type_of(definition)

    def edit(spec: NicSpec) -> NicSpec:
        bridge = nic_spec.to_nic(spec, kind, site.bridge).bridge or ""
        return nic_spec.plugged(spec, bridge, change.after, site.is_switch(bridge))

    _edit_nic(definition, change, site, edit)


def _nic_model(definition: Definition, change: Change, site: Site) -> None:
    kind = type_of(definition)
    _edit_nic(definition, change, site, lambda spec: nic_spec.modelled(spec, change.after, kind))


EDITS: dict[tuple[str, str], Edit] = {
    ("set", "description"): _description,
    ("set", "vcpus"): _amount,
    ("set", "vcpus_max"): _maximum,
    ("set", "memory_mib"): _amount,
    ("set", "memory_max_mib"): _maximum,
    ("set", "boot_order"): _boot_order,
    ("set", "type"): _type,
    ("set", "bootloader"): _loader,
    ("set", "kernel"): _kernel,
    ("set", "ramdisk"): _ramdisk,
    ("set", "cmdline"): _cmdline,
    **{("set", event): _event for event in EVENTS},
    ("set", "config"): _config,
    ("add", "disks"): _add_disk,
    ("remove", "disks"): _remove_disk,
    ("set", "disks.vdev"): _vdev,
    ("add", "cdroms"): _add_drive,
    ("remove", "cdroms"): _remove_drive,
    ("set", "cdroms.source"): _medium,
    ("add", "nics"): _add_nic,
    ("remove", "nics"): _remove_nic,
    ("set", "nics.source"): _nic_source,
    ("set", "nics.vlan"): _nic_vlan,
    ("set", "nics.model"): _nic_model,
}
