# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A wish for a guest from an OVF package: what the package says holds where nothing is written. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.appliance import (
    Appliance,
    ApplianceDisk,
    ApplianceNic,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.compare import MAXIMA
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import PlanError
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.image_files import QEMU_NAMES
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.reader import CONTROL, DISK_NAME, PLACE
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.shape import quote
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Cdrom, Disk, Guest, Image, Nic
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.traits import Traits
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.units import MIB, format_size

VALUES = ("vcpus", "memory_mib", "firmware", "secure_boot", "tpm", "description")


def filled(want: Guest, found: Appliance, traits: Traits) -> Guest:
    """The whole wish for a new guest. Raises PlanError for what cannot be made of the package.

    Its disks come before those that are only written; one of the same name is the package's, as it is written. Its
    cards and drives are taken where none are written. Addresses of cards are not: a package can be used twice.
    """
    if not found.disks:
        raise PlanError("a package with disks is allowed; it has none")
    values = {name: getattr(found, name) for name in VALUES if name in traits.fields and getattr(want, name) is None}
    if want.firmware == "bios":
        values.pop("secure_boot", None)
    for name, largest in MAXIMA.items():
        limit = getattr(want, largest)
        if values.get(name) is not None and limit is not None:
            values[name] = min(values[name], limit)
    if values.get("description") is not None:
        values["description"] = _text(values["description"])
    whole = replace(want, **values, disks=tuple(_disks(want, found, traits)))
    if want.nics is None:
        whole = replace(whole, nics=tuple(_nic(nic, traits) for nic in found.nics))
    if want.cdroms is None and "cdroms" in traits.fields:
        whole = replace(whole, cdroms=(Cdrom(),) * found.cdroms)
    return whole


def not_taken(found: Appliance, traits: Traits) -> list[str]:
    """What the package says and the guest does not get, each for a message."""
    unknown = [name for name in VALUES if getattr(found, name) and name not in traits.fields]
    return [*found.unread, *(f"{name}, which {traits.hypervisor} guests do not have" for name in unknown)]


def beside(want: Guest, have: Guest) -> Guest:
    """The wish for a guest that is there: disks that are not written may be the package's, and are left alone."""
    if want.disks is None:
        return want
    written = {disk.name for disk in want.disks} | {disk.path for disk in want.disks if disk.path}
    kept = (Disk(disk.name) for disk in have.disks or () if disk.name not in written and disk.path not in written)
    return replace(want, disks=(*want.disks, *kept))


def _text(description: str) -> str:
    if CONTROL.search(description):
        raise PlanError(f"the package's description: control characters are not allowed{quote(description)}")
    return description.strip()


def _disks(want: Guest, found: Appliance, traits: Traits) -> Iterator[Disk]:
    written = {disk.name: disk for disk in want.disks or ()}
    for number, one in enumerate(found.disks, 1):
        name = one.name if DISK_NAME.fullmatch(one.name) else f"disk{number}"
        mine = written.pop(name, Disk(name))
        yield mine if mine.image or mine.path else _disk(one, mine, want.package, traits)
    yield from written.values()


def _disk(one: ApplianceDisk, mine: Disk, package: Image | None, traits: Traits) -> Disk:
    """A disk of the package. mine: what is written of it."""
    if one.file is not None and one.format is None:
        raise PlanError(f"disk {mine.name}: the package has it in a format that is not known")
    size = -(-one.capacity_bytes // MIB) * MIB
    if mine.size_bytes is not None and mine.size_bytes < size:
        wished, least = format_size(mine.size_bytes), format_size(size)
        raise PlanError(f"disk {mine.name}: size: it has {least} in the package; a disk of {wished} is too small")
    kind = one.format or ""
    image = one.file and Image(one.file, format=QEMU_NAMES.get(kind, kind), copy="full", package=package)
    bus = traits.packages.buses.get(one.bus or "", traits.packages.bus) if "disks.bus" in traits.fields else None
    return replace(mine, size_bytes=mine.size_bytes or size, image=image or None, bus=mine.bus or bus)


def _nic(nic: ApplianceNic, traits: Traits) -> Nic:
    words = traits.packages
    network = words.networks.get(nic.network or "", nic.network)
    if network is None or CONTROL.search(network) or not PLACE.fullmatch(network):
        raise PlanError(f"nics: no network here can be called so{quote(network)}: write the guest's nics")
    has = {name for name in ("model", "link") if f"nics.{name}" in traits.fields}
    model = words.models.get(nic.model or "", words.model) if "model" in has else None
    return Nic(network, model=model, link=nic.link if "link" in has else None)
