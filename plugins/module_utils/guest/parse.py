# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From validated options to value objects in normal form, for one guest."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, Callable

from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.parse_image import parse_image, parse_package
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.reader import (
    BRIDGE,
    BRIDGE_SAYS,
    DISK_NAME,
    DISK_NAME_SAYS,
    LINE,
    LINE_SAYS,
    MODEL,
    NAME,
    NAME_SAYS,
    PLACE,
    PLACE_SAYS,
    TIMEOUT_LARGEST_S,
    VCPUS_LARGEST,
    Reader,
    Value,
    parse_mac,
    parse_uuid,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.seed import make_cloud_init
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import (
    Autostart,
    Cdrom,
    CloudInit,
    Disk,
    Guest,
    Nic,
    Options,
    Policy,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.units import MIB, parse_size


def parse_guest(read: Reader, hypervisor: str) -> Guest:
    """Make the wish out of one guest's options. What is wrong is in read.errors; then the result is of no use.

    hypervisor: the name under which the options stand that only it has.
    """
    name = read.text("name", NAME, NAME_SAYS) or ""
    guest = Guest(
        name=name,
        state=read.get("state"),
        description=_description(read),
        uuid=read.parsed("uuid", parse_uuid),
        vcpus=read.number("vcpus", 1, VCPUS_LARGEST),
        vcpus_max=read.number("vcpus_max", 1, VCPUS_LARGEST),
        memory_mib=_mib(read, "memory"),
        memory_max_mib=_mib(read, "memory_max"),
        firmware=read.get("firmware"),
        secure_boot=read.get("secure_boot"),
        tpm=read.get("tpm"),
        boot_order=_boot_order(read),
        package=parse_package(read.sub("package")) if read.get("package") is not None else None,
        disks=_each(read, "disks", lambda entry: _disk(entry, hypervisor)),
        cdroms=_each(read, "cdroms", _cdrom),
        nics=_each(read, "nics", lambda entry: _nic(entry, hypervisor)),
        cloud_init=_cloud_init(read, name),
        autostart=_autostart(read),
        options=_options(read, hypervisor),
    )
    _check_whole(read, guest)
    return guest


def parse_policy(read: Reader) -> Policy:
    """Make the policy out of one guest's options."""
    return Policy(
        restart=read.get("restart"),
        delete_disks=read.get("delete_disks"),
        wait_for=read.get("wait_for"),
        wait_timeout_s=read.number("wait_timeout", 0, TIMEOUT_LARGEST_S) or 0,
        shutdown_timeout_s=read.number("shutdown_timeout", 0, TIMEOUT_LARGEST_S) or 0,
    )


def _check_whole(read: Reader, guest: Guest) -> None:
    """What only shows when the options are seen together."""
    for value, largest, key in (
        (guest.vcpus, guest.vcpus_max, "vcpus"),
        (guest.memory_mib, guest.memory_max_mib, "memory"),
    ):
        if value is not None and largest is not None and value > largest:
            read.wrong(key, f"at most {key}_max ({read.get(f'{key}_max')!r}) is allowed")
    if guest.secure_boot and guest.firmware == "bios":
        read.wrong("secure_boot", "needs firmware uefi")
    _once(read, "disks", "name", [disk.name for disk in guest.disks or ()])
    _once(read, "disks", "path", [disk.path for disk in guest.disks or () if disk.path])
    media = {drive.source for drive in guest.cdroms or () if drive.source}
    for path in sorted({disk.path for disk in guest.disks or () if disk.path} & media):
        read.errors.append(f"{read.where}disks: path {path} is the source of a cdrom drive, too")
    _once(read, "nics", "mac", [nic.mac for nic in guest.nics or () if nic.mac])
    _once(read, "cdroms", "source", [drive.source for drive in guest.cdroms or () if drive.source])


def _once(read: Reader, key: str, part: str, values: Sequence[str]) -> None:
    for value in sorted({value for value in values if values.count(value) > 1}):
        read.errors.append(f"{read.where}{key}: {part} {value} is there more than once")


def _each(read: Reader, key: str, parse: Callable[[Reader], Value]) -> tuple[Value, ...] | None:
    entries = read.get(key)
    return None if entries is None else tuple(parse(read.sub(key, index)) for index in range(len(entries)))


def _options(read: Reader, hypervisor: str) -> Options:
    own = read.get(hypervisor)
    pairs = own.items() if isinstance(own, Mapping) else ()
    return tuple(sorted((key, value) for key, value in pairs if value is not None))


def _mib(read: Reader, key: str) -> int | None:
    size = read.parsed(key, parse_size)
    return None if size is None else size // MIB


def _description(read: Reader) -> str | None:
    # Hypervisors trim or keep the ends of a text as they like: without blank ends it compares equal on all.
    text = read.text("description")
    return None if text is None else text.strip()


def _boot_order(read: Reader) -> tuple[str, ...] | None:
    order: list[str] | None = read.get("boot_order")
    if order is None:
        return None
    if not order or len(set(order)) < len(order):
        read.wrong("boot_order", "at least one of disk, cdrom, network is allowed, each of them once")
    return tuple(order)


def _disk(read: Reader, hypervisor: str) -> Disk:
    image = parse_image(read.sub("image")) if read.get("image") is not None else None
    if read.get("path") is not None:
        for key in ("image", "pool"):
            if read.get(key) is not None:
                read.wrong(key, "not allowed beside path, which says where data is that is there already")
    return Disk(
        name=read.text("name", DISK_NAME, DISK_NAME_SAYS) or "",
        size_bytes=read.parsed("size", parse_size),
        pool=read.text("pool", PLACE, PLACE_SAYS),
        image=image,
        format=read.get("format"),
        bus=read.get("bus"),
        path=_disk_path(read),
        options=_options(read, hypervisor),
    )


def _disk_path(read: Reader) -> str | None:
    path = read.text("path", LINE, LINE_SAYS)
    if path is not None and not path.startswith("/"):
        read.wrong("path", "an absolute path on the host is allowed")
    # Two slashes in front are something else than one, which no hypervisor means.
    return None if path is None else "/" + os.path.normpath(path).lstrip("/")


def _cdrom(read: Reader) -> Cdrom:
    source = read.text("source", LINE, LINE_SAYS) if read.get("source") else None
    if source is not None and not source.startswith("/"):
        read.wrong("source", "an absolute path on the host is allowed, or nothing for an empty drive")
    return Cdrom(source)


def _nic(read: Reader, hypervisor: str) -> Nic:
    if (read.get("network") is None) == (read.get("bridge") is None):
        given = " and ".join(f"{key} {read.get(key)!r}" for key in ("network", "bridge") if read.get(key) is not None)
        says = "exactly one of network and bridge is needed"
        read.errors.append(f"{read.where[:-1]}: {says} (given: {given or 'neither'})")
    return Nic(
        network=read.text("network", PLACE, PLACE_SAYS),
        bridge=read.text("bridge", BRIDGE, BRIDGE_SAYS),
        mac=read.parsed("mac", parse_mac),
        vlan=read.number("vlan", 0, 4094),
        model=read.text("model", MODEL, "a model's name is letters, digits and _ . -"),
        link=read.get("link"),
        options=_options(read, hypervisor),
    )


def _cloud_init(read: Reader, name: str) -> CloudInit | None:
    values: dict[str, Any] | None = read.get("cloud_init")
    if values is None:
        return None
    for key in ("user_data", "network_config"):
        if values.get(key) is not None and not isinstance(values[key], (str, dict)):
            # The value itself may be a secret, so the message does not quote it.
            read.errors.append(f"{read.where}cloud_init.{key}: a mapping or a text is allowed")
            return None
    try:
        return make_cloud_init(name, values.get("user_data"), values.get("meta_data"), values.get("network_config"))
    except (TypeError, ValueError, RecursionError):
        read.errors.append(f"{read.where}cloud_init: something in it cannot be written as JSON or UTF-8")
        return None


def _autostart(read: Reader) -> Autostart | None:
    value = read.get("autostart")
    if value is None or isinstance(value, bool):
        return None if value is None else Autostart(value)
    if isinstance(value, str) and value.lower() in ("true", "yes", "on", "false", "no", "off"):
        return Autostart(value.lower() in ("true", "yes", "on"))
    if not isinstance(value, dict) or not set(value) <= {"order", "delay"}:
        read.wrong("autostart", "true, false, or a mapping with order and delay is allowed")
        return None
    inner = read.sub("autostart")
    for key, number in value.items():
        if isinstance(number, bool) or not isinstance(number, int):
            inner.wrong(key, "a whole number is allowed")
            return None
    return Autostart(True, inner.number("order", 0, 9999), inner.number("delay", 0, TIMEOUT_LARGEST_S))
