# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options under C(xen:) that can only be judged when wish and state are seen together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.xen.define import DEFAULT_TYPE
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.xen.definition import Definition
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.xen.edit import NO_LOADER
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.xen.nic_spec import NETFRONT
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.change import Change
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import PlanError
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Guest

LOADERS = ("bootloader", "kernel", "ramdisk")


def as_wished(want: Guest, have: Guest, stored: Definition | None, started: Definition | None) -> Guest:
    """A state in which of the definition is told what the wish has keys for.

    started: the definition that a running guest was started by, as far as it is known to be another than the stored.
    """
    if want.option("config") is None or stored is None:
        return have
    found = _told(have, want, stored)
    return found if have.live is None else replace(found, live=_told(have.live, want, started or stored))


def _told(have: Guest, want: Guest, definition: Definition) -> Guest:
    keys = [key for key, _value in want.option("config")]
    seen = tuple((key, definition.plain_of(key) or "") for key in keys)
    return replace(have, options=tuple(sorted({**dict(have.options), "config": seen}.items())))


def one_by_one(changes: Iterable[Change]) -> Iterator[Change]:
    """The changes, with one for each key of xl.cfg that differs; no text is for one that must not be there.

    The type comes before the boot loader, which is another for each type.
    """
    for change in _type_first(list(changes)):
        if (change.verb, change.field) == ("set", "config"):
            yield from change.by_key()
        else:
            yield change


def _type_first(changes: list[Change]) -> list[Change]:
    places = [place for place, one in enumerate(changes) if one.verb == "set" and one.field in ("type", *LOADERS)]
    kinds = [change for change in changes if change.field == "type"]
    if not kinds:
        return changes
    first = places[0]
    return [*changes[:first], *kinds, *(change for change in changes[first:] if change.field != "type")]


def refuse(want: Guest, have: Guest | None) -> None:
    """Raise PlanError for what cannot be, with every reason."""
    if want.state == "absent":
        return
    kind = want.option("type") or (have.option("type") if have else None) or DEFAULT_TYPE
    reasons = [*_networks(want), *_loaders(want, kind), *([] if kind == "hvm" else _emulated(want, kind))]
    if reasons:
        raise PlanError("; ".join(reasons))


def _networks(want: Guest) -> Iterator[str]:
    for nic in want.nics or ():
        if nic.network is not None:
            yield f"nics: there are no networks on Xen, and so no {nic.network}: write the bridge of the host"


def _loaders(want: Guest, kind: str) -> Iterator[str]:
    loader = want.option("bootloader")
    if loader not in (None, NO_LOADER) and (want.option("kernel") or want.option("ramdisk")):
        yield f"bootloader {loader} and a kernel: a guest boots by one of them"
    if loader not in (None, NO_LOADER) and kind == "hvm":
        yield f"bootloader {loader}: a guest of type hvm boots by its firmware"
    if loader == "pygrub" and kind == "pvh" and want.option("kernel"):
        yield "bootloader pygrub: it brings the kernel itself"
    if want.option("ramdisk") and want.option("kernel") == "":
        yield "ramdisk: it goes with a kernel"


def _emulated(want: Guest, kind: str) -> Iterator[str]:
    """What only an emulated machine has."""
    said = f"guests of type {kind} have none; set xen.type to hvm"
    for name in ("firmware", "boot_order"):
        if getattr(want, name) is not None:
            yield f"{name}: {said}"
    if want.cdroms:
        yield f"cdroms: {said}, or write a disk with a path"
    for nic in want.nics or ():
        if nic.model not in (None, NETFRONT):
            yield f"nics: model {nic.model}: guests of type {kind} have {NETFRONT} only"
