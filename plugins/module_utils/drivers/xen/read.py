# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a definition, or from what xl tells of a running domain, to the guest in the words of the core. Pure."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.xen import ledger
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.xen.definition import Definition
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.xen.disk_spec import DiskSpec, parse_disk
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.xen.nic_spec import (
    DEFAULT_BRIDGE,
    NicSpec,
    parse_nic,
    to_nic,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.xen.traits import EVENTS, TYPES
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.ledger import Ledger
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.seed import DIGEST_DIGITS
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import (
    Autostart,
    Cdrom,
    CloudInit,
    Disk,
    Guest,
    Nic,
    Options,
)

# What GRUB is called that runs as the kernel of a guest and boots from its disks, by the guest's type.
GRUBS = {
    "pv": "/usr/lib/grub-xen/grub-x86_64-xen.bin",
    "pvh": "/usr/lib/grub-xen/grub-i386-xen_pvh.bin",
}
_GRUB = re.compile(r"grub-[a-z0-9_]+-xen(_pvh)?\.bin", re.ASCII)
_SEED = re.compile(rf"-([0-9a-f]{{{DIGEST_DIGITS}}})\.iso", re.ASCII)
BOOT = {"c": "disk", "d": "cdrom", "n": "network"}
DEFAULT_BOOT = "cd"
KIB = 1024
UNTOLD = "destroy"  # xl does not tell of what is as in an empty structure, which is not what xl.cfg has by default


@dataclass(frozen=True)
class Around:
    """What a definition does not say itself.

    size: the capacity of data, in bytes, by its path and format; None when it is not there. pool: where data lies, by
    its path. owns: whether data is this guest's and nobody else's. seed_dir: where seeds are, and has_seed whether one
    is there. bridge: the host's default.
    """

    size: Callable[[str, str], int | None] = lambda _path, _format: None
    pool: Callable[[str], str | None] = lambda _path: None
    owns: Callable[[str], bool] = lambda _path: False
    seed_dir: str = ""
    bridge: str = DEFAULT_BRIDGE
    has_seed: Callable[[str], bool] = lambda _path: True
    autostart: Autostart = field(default_factory=lambda: Autostart(False))


def stored_guest(definition: Definition, around: Around, grown: bool = False) -> Guest:
    """What a definition says. grown: disks that are to grow when the guest starts are told as if they had."""
    noted = ledger.read(definition)
    vcpus = definition.number_of("vcpus") or 1
    memory = definition.number_of("memory")
    kind = type_of(definition)
    return _guest(
        definition.text_of("name") or "",
        kind,
        disk_specs(definition),
        [parse_nic(item.text) for item in definition.items_of("vif")],
        noted,
        around,
        grown,
        description=noted.description,
        vcpus=vcpus,
        vcpus_max=definition.number_of("maxvcpus") or vcpus,
        memory_mib=memory,
        memory_max_mib=definition.number_of("maxmem") or memory,
        uuid=(definition.text_of("uuid") or "").lower() or None,
        firmware=_firmware(definition.text_of("bios") or definition.text_of("firmware"), kind),
        boot_order=_boot_order(_text(definition.text_of("boot")), kind),
        options=_options(kind, definition.text_of, cmdline_of(definition)),
    )


def running_guest(config: Mapping[str, Any], noted: Ledger, around: Around) -> Guest:
    """What a domain runs with, by xl list -l."""
    # It has its seed open, wherever that may be now.
    around = replace(around, has_seed=lambda _path: True)
    created, built = config.get("c_info", {}), config.get("b_info", {})
    kind = created.get("type", "pv")
    own = built.get(f"type.{kind}", {})
    told = {**own, **built, **{event: config.get(event) or UNTOLD for event in EVENTS}}
    vcpus_max = int(built.get("max_vcpus", 1))
    most = int(built.get("max_memkb", 0)) // KIB
    return _guest(
        created.get("name", ""),
        kind,
        live_disks(config),
        live_nics(config),
        noted,
        around,
        description=noted.description,
        vcpus=len(built.get("avail_vcpus", ())) or vcpus_max,
        vcpus_max=vcpus_max,
        memory_mib=int(built.get("target_memkb", 0)) // KIB or most,
        memory_max_mib=most,
        uuid=(created.get("uuid") or "").lower() or None,
        firmware=_firmware(own.get("bios"), kind),
        boot_order=_boot_order(own.get("boot") or "", kind),
        options=_options(kind, told.get, told.get("cmdline") or ""),
    )


def _guest(
    name: str,
    kind: str,
    disks: list[DiskSpec],
    nics: list[NicSpec],
    noted: Ledger,
    around: Around,
    grown: bool = False,
    **more: Any,
) -> Guest:
    found = [(spec.path, seed_of(spec.path, name, around.seed_dir)) for spec in disks]
    seeds = [match[1] for path, match in found if match and around.has_seed(path)]
    data = [one for one in disks if not one.cdrom and not seed_of(one.path, name, around.seed_dir)]
    return Guest(
        name=name,
        disks=tuple(_disk(spec, noted, around, grown) for spec in data),
        cdroms=tuple(Cdrom(spec.target or None, spec.vdev) for spec in disks if spec.cdrom),
        nics=tuple(to_nic(spec, kind, around.bridge) for spec in nics),
        cloud_init=CloudInit(seeds[0]) if seeds else None,
        autostart=around.autostart,
        **more,
    )


def seed_of(path: str, name: str, folder: str) -> re.Match[str] | None:
    """Whether a disk is the seed of the guest of that name: a match whose group 1 is the digest."""
    if not folder or os.path.dirname(path) != folder or not os.path.basename(path).startswith(f"{name}-"):
        return None
    after = len(name)
    return _SEED.fullmatch(os.path.basename(path)[after:])


def disk_specs(definition: Definition) -> list[DiskSpec]:
    """The disks and drives of a definition, in their order."""
    return [parse_disk(item.text) for item in definition.items_of("disk")]


def live_disks(config: Mapping[str, Any]) -> list[DiskSpec]:
    """The disks and drives of a running domain."""
    return [
        DiskSpec(
            target=one.get("pdev_path") or "",
            vdev=one.get("vdev") or "",
            format=one.get("format") or "raw",
            read_only=not one.get("readwrite"),
            cdrom=bool(one.get("is_cdrom")),
        )
        for one in config.get("disks", ())
    ]


def live_nics(config: Mapping[str, Any]) -> list[NicSpec]:
    """The cards of a running domain."""
    found = []
    for one in config.get("nics", ()):
        kind = "vif" if one.get("nictype") == "vif" else "ioemu"
        pairs = {"mac": one.get("mac"), "bridge": one.get("bridge"), "script": one.get("script")}
        pairs |= {"model": one.get("model"), "vlan": str(one.get("vlan") or "") or None, "type": kind}
        found.append(NicSpec(tuple((key, value) for key, value in pairs.items() if value)))
    return found


def _disk(spec: DiskSpec, noted: Ledger, around: Around, grown: bool) -> Disk:
    entry = noted.find(spec.path)
    size = around.size(spec.path, spec.format)
    if grown and entry is not None and size is not None:
        size = max(size, entry.grow)
    return Disk(
        name=entry.name if entry else spec.vdev,
        size_bytes=size,
        pool=around.pool(spec.path),
        format=spec.format,
        path=spec.path,
        owned=around.owns(spec.path),
        options=(("vdev", spec.vdev),),
    )


def type_of(definition: Definition) -> str:
    """pv | pvh | hvm."""
    kind = definition.text_of("type")
    if kind in TYPES:
        return kind
    if definition.text_of("builder") == "hvm":
        return "hvm"
    return "pvh" if definition.number_of("pvh") else "pv"


def cmdline_of(definition: Definition) -> str:
    """The kernel's command line, which may also be written in two parts."""
    whole = definition.text_of("cmdline")
    root, extra = definition.text_of("root"), definition.text_of("extra") or ""
    if whole is not None:
        return whole
    return f"root={root} {extra}".strip() if root else extra


def _firmware(bios: str | None, kind: str) -> str | None:
    if kind != "hvm":
        return None
    return "uefi" if bios in ("ovmf", "uefi") else "bios"


def _boot_order(letters: str, kind: str) -> tuple[str, ...] | None:
    if kind != "hvm":
        return None
    return tuple(BOOT[letter] for letter in letters or DEFAULT_BOOT if letter in BOOT)


def _options(kind: str, get: Callable[[str], Any], cmdline: str) -> Options:
    kernel, loader = _text(get("kernel")), _text(get("bootloader"))
    if _GRUB.fullmatch(os.path.basename(kernel)):
        kernel, loader = "", "pvgrub"
    elif os.path.basename(loader) == "pygrub":
        loader = "pygrub"
    found = {
        "type": kind,
        "bootloader": loader or "none",
        "kernel": kernel,
        "ramdisk": _text(get("ramdisk")),
        "cmdline": cmdline,
        **{event: _text(get(event)).replace("_", "-") or default for event, default in EVENTS.items()},
    }
    return tuple(sorted(found.items()))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def nics_of(definition: Definition, bridge: str) -> list[Nic]:
    """The cards of a definition, in their order."""
    kind = type_of(definition)
    return [to_nic(parse_nic(item.text), kind, bridge) for item in definition.items_of("vif")]
