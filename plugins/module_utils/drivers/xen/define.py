# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The definition of a new guest, and that of one which runs without any."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.xen import devices, edit, ledger
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.xen.definition import Definition
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.xen.edit import Site
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.xen.nic_spec import from_nic
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.xen.read import (
    GRUBS,
    Around,
    live_disks,
    live_nics,
    running_guest,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.xen.traits import EVENTS
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import PlanError
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.ledger import Entry, Ledger
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Guest

DEFAULT_TYPE = "pv"
# What of a running domain can be written into a definition: other parts of it would be lost.
KNOWN = ("c_info", "b_info", "disks", "nics", *EVENTS, "on_watchdog", "on_soft_reset")
_KNOWN_BUILT = (
    *("max_vcpus", "avail_vcpus", "max_memkb", "target_memkb", "video_memkb", "shadow_memkb", "claim_mode"),
    *("kernel", "ramdisk", "cmdline", "bootloader", "tsc_mode", "sched_params", "numa_placement", "passthrough"),
    *("type.pv", "type.pvh", "type.hvm", "arch_arm", "arch_x86", "device_model_version", "iommu_memkb", "vuart"),
    *("max_grant_frames", "max_maptrack_frames", "max_grant_version", "disable_migrate", "apic", "acpi"),
)
_KNOWN_MACHINE = ("bios", "boot", "serial", "vnc", "vga", "sdl", "rdm", "pae", "nx", "hpet", "vpt_align", "hdtype")


def new_definition(want: Guest, notes: Sequence[Entry], seed: str | None, site: Site) -> Definition:
    """Make the definition of a new guest, without its disks: those come into it when their data is there."""
    definition = Definition("")
    kind = want.option("type") or DEFAULT_TYPE
    definition.put("name", want.name)
    definition.put("uuid", want.uuid or str(uuid.uuid4()))
    definition.put("type", kind)
    _boot(definition, want, kind)
    definition.put("memory", want.memory_mib)
    definition.put("maxmem", max(want.memory_max_mib or 0, want.memory_mib or 0))
    definition.put("vcpus", want.vcpus)
    definition.put("maxvcpus", max(want.vcpus_max or 0, want.vcpus or 0))
    for event in EVENTS:
        if want.option(event):
            definition.put(event, want.option(event))
    definition.put("disk", [])
    for drive in want.cdroms or ():
        edit.add_drive(definition, drive.source)
    nics = [nic if nic.mac else _addressed(nic) for nic in want.nics or ()]
    definition.put("vif", [from_nic(nic, kind, site.is_switch(nic.bridge or "")).written() for nic in nics])
    for key, value in want.option("config") or ():
        definition.put(key, value or None)
    delay = want.autostart.delay_s if want.autostart else None
    ledger.write(definition, Ledger(want.description or "", None, delay, tuple(notes)))
    if seed:
        edit.put_seed(definition, want.name, seed, site.seed_dir)
    return definition


def _addressed(nic: Any) -> Any:
    return type(nic)(nic.network, nic.bridge, devices.new_mac(), nic.vlan, nic.model, nic.link, nic.options)


def _boot(definition: Definition, want: Guest, kind: str) -> None:
    kernel, loader = want.option("kernel"), want.option("bootloader")
    if loader is None:
        loader = edit.PVGRUB if kind in GRUBS and not kernel else edit.NO_LOADER
    edit.put_loader(definition, loader)
    for key in ("kernel", "ramdisk", "cmdline"):
        if want.option(key):
            definition.put(key, want.option(key))
    if kind == "hvm":
        edit.put_firmware(definition, want.firmware)
        if want.boot_order:
            edit.put_boot_order(definition, want.boot_order)
        edit.put_serial(definition)
        definition.put("vnc", 0)


def adopted(config: Mapping[str, Any]) -> Definition:
    """The definition of a domain that runs without one, from what xl tells of it.

    Raises PlanError for one with parts that would be lost.
    """
    built = config.get("b_info", {})
    parts = ((config, KNOWN), (built, _KNOWN_BUILT), (built.get("type.hvm", {}), _KNOWN_MACHINE))
    lost = sorted(key for part, known in parts for key, value in part.items() if _says(value) and key not in known)
    if lost:
        raise PlanError(
            f"it runs without a definition, and with {', '.join(lost)}, which cannot be written into one here: write "
            "its file in /etc/xen by hand"
        )
    guest = running_guest(config, Ledger(), Around())
    definition = Definition("")
    values: dict[str, Any] = {
        "name": guest.name,
        "uuid": guest.uuid,
        "type": guest.option("type"),
        "memory": guest.memory_mib,
        "maxmem": guest.memory_max_mib,
        "vcpus": guest.vcpus,
        "maxvcpus": guest.vcpus_max,
        **{event: guest.option(event) for event in EVENTS},
    }
    values |= {key: built.get(key) for key in ("kernel", "ramdisk", "cmdline", "bootloader", "tsc_mode")}
    sched = built.get("sched_params", {})
    values |= {"cpu_weight": sched.get("weight"), "cap": sched.get("cap")}
    for key, value in values.items():
        if value is not None:
            definition.put(key, value)
    if guest.option("type") == "hvm":
        _adopt_machine(definition, built.get("type.hvm", {}), guest)
    definition.put("disk", [spec.written() for spec in live_disks(config)])
    kind = guest.option("type")
    words = [spec if kind == "hvm" else spec.put("type", None) for spec in live_nics(config)]
    definition.put("vif", [spec.written() for spec in words])
    return definition


def _says(value: Any) -> bool:
    """Whether a value that xl tells is more than that something is not there."""
    return bool(value) and value != "False"


def _adopt_machine(definition: Definition, own: Mapping[str, Any], guest: Guest) -> None:
    edit.put_firmware(definition, guest.firmware)
    for key in ("boot", "serial"):
        if isinstance(own.get(key), str):
            definition.put(key, own[key])
    definition.put("vnc", int(own.get("vnc", {}).get("enable") == "True"))
