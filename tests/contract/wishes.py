# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The wishes of the contract, as data: a base that writes every property, and one edit for each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.compare import SCALARS
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.seed import make_cloud_init
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import (
    Autostart,
    Cdrom,
    Disk,
    Guest,
    Image,
    Nic,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.traits import Traits
from ansible_collections.hostforge.hypervisor.tests.contract.subject import Edit

MIB = 1024**2
NAME = "contract-1"
MAC = "52:54:00:0a:0b:0c"
UUID = "6f1a0e6c-1b5d-4c55-9d4e-0c9a5a3f7b21"
OTHER_UUID = "0b1f2c3d-1b5d-4c55-9d4e-0c9a5a3f7b22"


@dataclass(frozen=True)
class Place:
    """What the host offers: two networks and media, perhaps a bridge, a second pool, an image and data of others.

    format: of disks, and of the data of others. options: of the hypervisor's own, each with a value before and a value
    after; disk_options: the same of disks. models: of a network card.
    """

    networks: tuple[str, str]
    media: tuple[str, str]
    bridge: str = ""
    pools: tuple[str, ...] = ("default",)
    image: str = ""
    given: str = ""
    format: str = "qcow2"
    buses: tuple[str, str] = ("virtio", "sata")
    models: tuple[str, str] = ("virtio", "e1000")
    firmwares: tuple[str, ...] = ("bios", "uefi")
    options: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)
    disk_options: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)


def base_wish(place: Place, traits: Traits, **instead: Any) -> Guest:
    """A wish in which every property is written that the hypervisor has. Sizes are odd, so that rounding shows."""
    seed = make_cloud_init(NAME, {"hostname": NAME}, None, None)
    options, of_disks = (
        tuple(sorted((key, values[0]) for key, values in found.items()))
        for found in (place.options, place.disk_options)
    )
    root = Disk("root", 67 * MIB, pool=place.pools[0], format=place.format, bus=place.buses[0], options=of_disks)
    guest = Guest(
        name=NAME,
        description="first words",
        vcpus=2,
        vcpus_max=4,
        memory_mib=131,
        memory_max_mib=263,
        firmware=place.firmwares[0],
        secure_boot=False,
        tpm=False,
        boot_order=("disk", "cdrom"),
        disks=(root,),
        cdroms=(Cdrom(place.media[0]),),
        nics=(Nic(network=place.networks[0], vlan=0, model=place.models[0], link="up"),),
        cloud_init=seed,
        autostart=Autostart(False),
        options=options,
    )
    return only_known(replace(guest, **instead), traits)


def only_known(guest: Guest, traits: Traits) -> Guest:
    """A wish without the properties that the hypervisor does not have."""
    known = {*traits.fields, "name", "state", "options"}
    gone: dict[str, Any] = {one.name: one.default for one in fields(Guest) if one.name not in known}
    gone["options"] = tuple((key, value) for key, value in guest.options if key in known)
    gone["disks"] = _without(guest.disks, "disks", ("pool", "format", "bus"), traits)
    gone["nics"] = _without(guest.nics, "nics", ("vlan", "model", "link"), traits)
    return replace(guest, **gone)


def _without(entries: Any, key: str, names: tuple[str, ...], traits: Traits) -> Any:
    gone = {name: None for name in names if f"{key}.{name}" not in traits.fields}
    return None if entries is None or key not in traits.fields else tuple(replace(one, **gone) for one in entries)


def standard_edits(place: Place, traits: Traits) -> tuple[Edit, ...]:
    """One or more edits for every property that the hypervisor has."""
    base = base_wish(place, traits)
    found = [*_scalar_edits(place), *_disk_edits(place, base, traits), *_cdrom_edits(place), *_nic_edits(place, base)]
    found += [_option_edit(key, after, base) for key, (_before, after) in place.options.items()]
    return tuple(edit for edit in found if {edit.field, *edit.also} <= set(traits.fields))


def _scalar_edits(place: Place) -> list[Edit]:
    other = make_cloud_init(NAME, {"hostname": "another"}, None, None)
    edits = [
        Edit("description", "description", {"description": "other words, <&> 'quoted' \"twice\" $(and) ü"}),
        Edit("description cleared", "description", {"description": ""}),
        Edit("description in lines", "description", {"description": "one\n\n  two\n#three"}),
        Edit("uuid", "uuid", {"uuid": UUID}),
        Edit("vcpus more", "vcpus", {"vcpus": 3}),
        Edit("vcpus fewer", "vcpus", {"vcpus": 1}),
        Edit("vcpus_max more", "vcpus_max", {"vcpus_max": 6}),
        Edit("vcpus_max fewer", "vcpus_max", {"vcpus_max": 2}),
        Edit("vcpus and vcpus_max more", "vcpus", {"vcpus": 5, "vcpus_max": 5}, also=("vcpus_max",)),
        Edit("vcpus and vcpus_max fewer", "vcpus", {"vcpus": 1, "vcpus_max": 1}, also=("vcpus_max",)),
        Edit("memory more", "memory_mib", {"memory_mib": 197}),
        Edit("memory less", "memory_mib", {"memory_mib": 129}),
        Edit("memory_max more", "memory_max_mib", {"memory_max_mib": 391}),
        Edit("memory_max less", "memory_max_mib", {"memory_max_mib": 139}),
        Edit("memory and its maximum more", "memory_mib", {"memory_mib": 331, "memory_max_mib": 331}, {}, MEMORY_TOO),
        Edit("memory and its maximum less", "memory_mib", {"memory_mib": 129, "memory_max_mib": 129}, {}, MEMORY_TOO),
        Edit("tpm", "tpm", {"tpm": True}),
        Edit("no tpm", "tpm", {"tpm": False}, {"tpm": True}),
        Edit("boot order", "boot_order", {"boot_order": ("network", "disk")}),
        Edit("boot order of one", "boot_order", {"boot_order": ("cdrom",)}),
        Edit("cloud_init", "cloud_init", {"cloud_init": other}),
        Edit("autostart", "autostart", {"autostart": Autostart(True)}),
        Edit("no autostart", "autostart", {"autostart": Autostart(False)}, {"autostart": Autostart(True)}),
        Edit("autostart with order and delay", "autostart", {"autostart": Autostart(True, 7, 30)}),
    ]
    if len(place.firmwares) > 1:
        edits.append(Edit("firmware", "firmware", {"firmware": place.firmwares[1]}))
    if "uefi" in place.firmwares:
        edits.append(Edit("secure boot", "secure_boot", {"secure_boot": True}, {"firmware": "uefi"}))
    return edits


MEMORY_TOO = ("memory_max_mib",)


def _disk_edits(place: Place, base: Guest, traits: Traits) -> list[Edit]:
    root = (base.disks or ())[0]
    data = replace(root, name="data", size_bytes=33 * MIB)
    slow = replace(data, bus=place.buses[1])
    edits = [
        Edit("disk added", "disks", {"disks": (root, data)}),
        Edit("disk added in front", "disks", {"disks": (data, root)}),
        Edit("disk added in few words", "disks", {"disks": (Disk(root.name), Disk("data", 33 * MIB))}),
        Edit("disk detached", "disks", {"disks": (root,)}, {"disks": (root, data)}),
        Edit("disk exchanged", "disks", {"disks": (root, replace(data, name="logs"))}, {"disks": (root, data)}),
        Edit("disk on another bus added", "disks", {"disks": (root, slow)}),
        Edit("disk on another bus detached", "disks", {"disks": (root,)}, {"disks": (root, slow)}),
        Edit("disk grown", "disks.size_bytes", {"disks": (replace(root, size_bytes=131 * MIB),)}),
        Edit("disk bus", "disks.bus", {"disks": (replace(root, bus=place.buses[1]),)}),
        Edit("disk format", "disks.format", {"disks": (replace(root, format=_other_format(root, traits)),)}),
    ]
    if len(place.pools) > 1:
        edits.append(Edit("disk pool", "disks.pool", {"disks": (replace(root, pool=place.pools[1]),)}))
        edits.append(Edit("disk in another pool", "disks", {"disks": (root, replace(data, pool=place.pools[1]))}))
    edits += [_disk_option_edit(key, after, root) for key, (_before, after) in place.disk_options.items()]
    if place.given:
        given = Disk("root", path=place.given, format=place.format)
        edits.append(Edit("disk path", "disks.path", {"disks": (given,)}))
        edits.append(Edit("disk of others added", "disks", {"disks": (root, replace(given, name="theirs"))}))
    if place.image:
        thin = replace(data, image=Image(place.image))
        edits.append(Edit("disk from an image", "disks", {"disks": (root, thin)}))
    return edits


def _other_format(disk: Disk, traits: Traits) -> str:
    return next(one for one in reversed(traits.formats) if one != disk.format)


def _cdrom_edits(place: Place) -> list[Edit]:
    one, two = Cdrom(place.media[0]), Cdrom(place.media[1])
    return [
        Edit("cdrom added", "cdroms", {"cdroms": (one, two)}),
        Edit("empty cdrom added", "cdroms", {"cdroms": (one, Cdrom())}),
        Edit("cdrom removed", "cdroms", {"cdroms": (two,)}, {"cdroms": (one, two)}),
        Edit("all cdroms removed", "cdroms", {"cdroms": ()}),
        Edit("medium changed", "cdroms.source", {"cdroms": (two,)}),
        Edit("medium ejected", "cdroms.source", {"cdroms": (Cdrom(),)}),
        Edit("medium put in", "cdroms.source", {"cdroms": (two,)}, {"cdroms": (Cdrom(),)}),
        Edit("second medium changed", "cdroms.source", {"cdroms": (one, two)}, {"cdroms": (one, Cdrom())}),
    ]


def _nic_edits(place: Place, base: Guest) -> list[Edit]:
    card = (base.nics or ())[0]
    second = replace(card, network=place.networks[1])
    edits = [
        Edit("card added", "nics", {"nics": (card, second)}),
        Edit("card added in few words", "nics", {"nics": (card, Nic(network=place.networks[1]))}),
        Edit("card added with mac", "nics", {"nics": (card, replace(second, mac=MAC))}),
        Edit("two alike cards added", "nics", {"nics": (card, second, second)}),
        Edit("card removed", "nics", {"nics": (second,)}, {"nics": (card, second)}),
        Edit("all cards removed", "nics", {"nics": ()}),
        Edit("card exchanged", "nics", {"nics": (replace(card, mac=MAC),)}),
        Edit("card on another network", "nics.source", {"nics": (second,)}),
        Edit("card tagged", "nics.vlan", {"nics": (replace(card, vlan=20),)}),
        Edit("card untagged", "nics.vlan", {"nics": (card,)}, {"nics": (replace(card, vlan=20),)}),
        Edit("cable pulled out", "nics.link", {"nics": (replace(card, link="down"),)}),
        Edit("cable put in", "nics.link", {"nics": (card,)}, {"nics": (replace(card, link="down"),)}),
        Edit("card without a cable added", "nics", {"nics": (card, replace(second, link="down"))}),
        Edit("card model", "nics.model", {"nics": (replace(card, model=place.models[1]),)}),
    ]
    if place.bridge:
        bridged = replace(card, network=None, bridge=place.bridge)
        edits.append(Edit("card on a bridge", "nics.source", {"nics": (bridged,)}))
        edits.append(Edit("card from a bridge to a network", "nics.source", {"nics": (card,)}, {"nics": (bridged,)}))
    # A vlan tag makes sense on a bridge at all hypervisors, on a network at some.
    where = {"nics": (replace(card, network=None, bridge=place.bridge),)} if place.bridge else {}
    return [_on_bridge(edit, where) if edit.field == "nics.vlan" and where else edit for edit in edits]


def _on_bridge(edit: Edit, where: Mapping[str, Any]) -> Edit:
    (card,) = where["nics"]
    before, after = (
        {"nics": tuple(replace(card, vlan=nic.vlan) for nic in side.get("nics", (card,)))}
        for side in (edit.before, edit.after)
    )
    return replace(edit, before=before, after=after)


def _option_edit(key: str, after: Any, base: Guest) -> Edit:
    options = tuple((name, after if name == key else value) for name, value in base.options)
    return Edit(key, key, {"options": options})


def _disk_option_edit(key: str, after: Any, root: Disk) -> Edit:
    options = tuple((name, after if name == key else value) for name, value in root.options)
    return Edit(f"disk {key}", f"disks.{key}", {"disks": (replace(root, options=options),)})


def scalars_of(guest: Guest) -> dict[str, Any]:
    """The properties that a wish writes, without its lists; options under their own names."""
    written = {name: getattr(guest, name) for name in SCALARS}
    return {key: value for key, value in {**written, **dict(guest.options)}.items() if value is not None}
