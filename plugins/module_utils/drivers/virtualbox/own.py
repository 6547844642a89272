# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Wish and state seen together: the wish in the words of this host, and what goes with nothing that is written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.virtualbox import nics
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.virtualbox.look import real
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.virtualbox.traits import TRAITS
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.virtualbox.words import CONTROLLERS, MODELS
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.change import Change
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import PlanError
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Disk, Guest, Nic
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.traits import RESTART, Field, Traits


def as_here(want: Guest, have: Guest | None) -> Guest:
    """The wish with the paths of its disks, and the ports of its cards, as they are told of a guest."""
    known = {real(disk.path): disk.path for disk in (have.disks or () if have else ()) if disk.path}
    disks = want.disks and tuple(
        replace(disk, path=known.get(real(disk.path), disk.path)) if disk.path else disk for disk in want.disks
    )
    cards = want.nics and tuple(_with_forwards(nic) for nic in want.nics)
    return replace(want, disks=disks, nics=cards)


def _with_forwards(nic: Nic) -> Nic:
    forwards = nic.option("forwards")
    if forwards is None:
        return nic
    return replace(nic, options=(("forwards", sorted({nics.forward(one) for one in forwards})),))


def as_wished(want: Guest, have: Guest, machine: Any) -> Guest:
    """A state in which of the extra data is told what the wish has keys for."""
    keys = [key for key, _value in want.option("extradata") or ()]
    if want.option("extradata") is None:
        return have
    seen = tuple((key, str(machine.getExtraData(key) or "")) for key in keys)

    def told(side: Guest) -> Guest:
        return replace(side, options=tuple(sorted({**dict(side.options), "extradata": seen}.items())))

    return replace(told(have), live=told(have.live) if have.live else None)


def traits_for(want: Guest, have: Guest | None) -> Traits:
    """The traits as they are for this guest: what does not sit in a hot-pluggable port cannot be pulled out."""
    if have is None or have.live is None or want.disks is None:
        return TRAITS
    kept = {disk.name for disk in want.disks} | {disk.path for disk in want.disks if disk.path}
    gone = [disk for disk in have.disks or () if disk.name not in kept and disk.path not in kept]
    if all(disk.option("hotplug") for disk in gone):
        return TRAITS
    return replace(TRAITS, fields={**TRAITS.fields, "disks": Field(RESTART)})


def one_by_one(changes: Iterable[Change]) -> Iterator[Change]:
    """The changes, with one for each key of extra data that differs."""
    for change in changes:
        if (change.verb, change.field) == ("set", "extradata"):
            yield from change.by_key()
        else:
            yield change


def refuse(want: Guest) -> None:
    """Raise PlanError for what cannot be, with every reason."""
    if want.state == "absent":
        return
    reasons = [*_disks(want.disks or ()), *_cards(want.nics or ()), *_start(want)]
    if reasons:
        raise PlanError("; ".join(reasons))


def _disks(disks: Iterable[Disk]) -> Iterator[str]:
    for disk in disks:
        if disk.bus is not None and disk.bus not in CONTROLLERS:
            yield f"disk {disk.name}: bus {disk.bus}: {', '.join(CONTROLLERS)} are allowed"
        if disk.path is not None and disk.format is None and disk.image is None and disk.pool is None:
            yield f"disk {disk.name}: {disk.path}: write its format, {', '.join(TRAITS.formats)}"
        if disk.option("hotplug") and disk.bus not in (None, "sata"):
            yield f"disk {disk.name}: hotplug: only disks on the bus sata can be pulled out of a running guest"


def _cards(cards: Iterable[Nic]) -> Iterator[str]:
    for nic in cards:
        if nic.model is not None and nic.model not in MODELS:
            yield f"nics: model {nic.model}: {', '.join(MODELS)} are allowed"
        if nic.option("forwards") and nic.network != nics.NAT:
            yield f"nics: forwards: ports are forwarded to cards of the network {nics.NAT} only"


def _start(want: Guest) -> Iterator[str]:
    if want.autostart is not None and want.autostart.order is not None:
        yield "autostart: VirtualBox knows no order, only a delay: the later it is to start, the longer"
