# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What this host cannot do: looked up before anything is touched, in place of xl's slow failures and silent ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.xen import check_disks, places, xl
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.xen.define import DEFAULT_TYPE
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.xen.edit import NO_LOADER, PVGRUB
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.xen.facts import VLANS, Facts
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.xen.read import GRUBS
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest import start_order
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.change import Change
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import HostError, PlanError
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.media import check_medium
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.plan import CREATION_DEFAULTS
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Autostart, Guest, Nic

NO_DELAY = start_order.is_not_kept("xen", "delay takes", "leave it out: an order needs no unit")
Question = Callable[[], None]


def check(change: Change, want: Guest, have: Guest | None, facts: Facts) -> Iterator[PlanError]:
    """Yield every reason why this host cannot make a change."""
    for question in _questions(change, want, have, facts):
        try:
            question()
        except PlanError as error:
            yield error
        except HostError as error:
            yield PlanError(str(error))


def _questions(change: Change, want: Guest, have: Guest | None, facts: Facts) -> Iterator[Question]:
    """What there is to look at for a change: each on its own, so that one refusal hides no other."""
    subject = (change.verb, change.field)
    saved = facts.seen.saved.get(change.name)
    if saved and (change.verb != "set" or change.field == "definition"):
        yield partial(_refuse_saved, saved)
    if subject == ("remove", "guest") and change.name in facts.seen.domains:
        yield partial(_check_ended, facts.seen.domains[change.name])
    if change.verb in ("start", "restart"):
        yield from _startable(change, want, have, facts)
    elif change.field.startswith("disks"):
        yield from check_disks.questions(change, want, have, facts)
    elif change.verb != "remove":
        yield from OF_FIELD.get(change.field, _nothing)(change, want, have, facts)


def _nothing(_change: Change, _want: Guest, _have: Guest | None, _facts: Facts) -> Iterator[Question]:
    return iter(())


def _of_guest(change: Change, _want: Guest, _have: Guest | None, facts: Facts) -> Iterator[Question]:
    return _new(change.after, facts)


def _of_autostart(change: Change, _want: Guest, _have: Guest | None, facts: Facts) -> Iterator[Question]:
    yield partial(_check_delay, change.after, facts)
    yield partial(_check_movable, change.name, facts)
    yield partial(_check_link, change.name, change.after, facts)


def _of_memory(change: Change, _want: Guest, have: Guest | None, facts: Facts) -> Iterator[Question]:
    if change.hot and have is not None and have.live is not None:
        yield partial(_check_growth, have.live, change.after, facts)


def _of_file(change: Change, _want: Guest, _have: Guest | None, facts: Facts) -> Iterator[Question]:
    yield partial(_check_file, change.field, change.after, facts)


def _of_cards(change: Change, want: Guest, _have: Guest | None, facts: Facts) -> Iterator[Question]:
    if change.field == "nics":
        yield partial(_check_nic, change.after, facts)
    for nic in want.nics or ():
        yield partial(_check_nic, nic, facts)


def _of_drives(change: Change, _want: Guest, _have: Guest | None, facts: Facts) -> Iterator[Question]:
    yield partial(check_medium, facts.host, getattr(change.after, "source", change.after))


def _of_definition(change: Change, _want: Guest, _have: Guest | None, facts: Facts) -> Iterator[Question]:
    yield partial(_check_adoption, change.name, facts)


OF_FIELD = {
    "guest": _of_guest,
    "autostart": _of_autostart,
    "memory_mib": _of_memory,
    "kernel": _of_file,
    "ramdisk": _of_file,
    "nics": _of_cards,
    "nics.source": _of_cards,
    "nics.vlan": _of_cards,
    "nics.model": _of_cards,
    "cdroms": _of_drives,
    "cdroms.source": _of_drives,
    "definition": _of_definition,
}


def _refuse_saved(path: str) -> None:
    """A saved guest is not simply off: a fresh start, or other data under it, would make its memory a trap."""
    raise PlanError(
        f"its memory was saved in {path} and would be lost, or be restored on changed disks: restore it (xl restore "
        "FILE, then remove the file), or move the file away if it is not needed"
    )


def _new(new: Guest, facts: Facts) -> Iterator[Question]:
    yield partial(_check_file_free, new.name, facts)
    yield partial(_check_uuid, new, facts)
    for field in ("kernel", "ramdisk"):
        yield partial(_check_file, field, new.option(field), facts)
    for disk in new.disks or ():
        yield partial(check_disks.check_new, new.name, disk, facts)
    yield partial(check_disks.check_places, new)
    for nic in new.nics or ():
        yield partial(_check_nic, nic, facts)
    for drive in new.cdroms or ():
        yield partial(check_medium, facts.host, drive.source)
    if new.autostart is not None:
        yield partial(_check_delay, new.autostart, facts)
        yield partial(_check_link, new.name, new.autostart, facts)


def _check_file_free(name: str, facts: Facts) -> None:
    if name == xl.OWN_DOMAIN:
        raise PlanError(f"{name} is the name of the host's own domain: give the guest another")
    path = places.config_path(name)
    if path in facts.seen.broken:
        raise PlanError(f"{path} is there and cannot be read: {facts.seen.broken[path][1]}; mend it, or move it away")
    if facts.host.info(path) is not None:
        raise PlanError(f"{path} is there already, and defines another guest: move it away")
    if name in facts.seen.saved:
        raise PlanError(f"a guest of that name was saved in {facts.seen.saved[name]}: move the file away first")


def _check_uuid(new: Guest, facts: Facts) -> None:
    owner = facts.seen.uuids().get(new.uuid or "")
    if owner:
        raise PlanError(
            f"uuid: {new.uuid} is guest {', '.join(sorted(owner))}'s on this host; write another, or leave it out"
        )


def _check_file(field: str, path: str | None, facts: Facts) -> None:
    found = facts.host.info(path) if path else None
    if path and (found is None or found.kind != "file"):
        raise PlanError(f"{field}: there is no file {path} on the host")


def _check_nic(nic: Nic, facts: Facts) -> None:
    name = nic.bridge or ""
    if not facts.is_bridge(name) and not facts.is_switch(name):
        raise PlanError(f"there is no bridge {name} on the host")
    if nic.vlan and facts.is_bridge(name) and facts.version < VLANS:
        raise PlanError(
            f"vlan {nic.vlan}: cards on the Linux bridge {name} cannot be tagged before Xen {VLANS[0]}.{VLANS[1]}; use "
            "a bridge of that vlan, or Open vSwitch"
        )


def _check_delay(wanted: Autostart, facts: Facts) -> None:
    if wanted.delay_s is not None and not facts.keeps_delays:
        raise PlanError(NO_DELAY)


def _check_movable(name: str, facts: Facts) -> None:
    file = facts.seen.file(name)
    if file is not None and file.path.startswith(f"{places.AUTO}/"):
        says = "is its definition itself and no link: move it to /etc/xen, and link it if it is to start with the host"
        raise PlanError(f"autostart: {file.path} {says}")


def _check_link(name: str, wanted: Autostart, facts: Facts) -> None:
    file = facts.seen.file(name)
    path = file.path if file else places.config_path(name)
    link = places.link_path(wanted, path)
    leads = facts.seen.auto.get(link, path)
    if wanted.enabled and leads != path:
        raise PlanError(
            f"autostart: {link} is there already, and leads to {leads}: move it away, or write another order"
        )


def _check_growth(live: Guest, wanted: int, facts: Facts) -> None:
    more = wanted - (live.memory_mib or 0)
    if more > 0:
        facts.check_memory(live.name, more)


def _check_adoption(name: str, facts: Facts) -> None:
    _check_file_free(name, facts)
    twins = sorted(facts.seen.twins(name))
    if twins:
        raise PlanError(
            f"it runs without a definition, and with the uuid of {', '.join(twins)}: it was renamed while it ran; "
            "rename it back (xl rename), or write its file in /etc/xen by hand"
        )


def _startable(change: Change, want: Guest, have: Guest | None, facts: Facts) -> Iterator[Question]:
    """What xl would find out late, or not at all, when it makes the domain."""
    name = change.name
    domain = facts.seen.domains.get(name)
    if change.verb == "start" and domain is not None:
        yield partial(_check_ended, domain)
        if domain.state == "paused" and not facts.seen.is_half_made(name):
            return  # it only goes on
    yield partial(_check_boot, want, have, facts)
    yield partial(_check_twins, name, want, have, facts)
    for nic in (want.nics if want.nics is not None else have.nics if have else None) or ():
        yield partial(_check_nic, nic, facts)
    yield from check_disks.questions_at_start(name, want, have, facts)
    memory = want.memory_mib or (have.memory_mib if have else CREATION_DEFAULTS["memory_mib"]) or 0
    yield partial(facts.check_memory, name, memory)


def _check_ended(domain: xl.Domain) -> None:
    says = {
        xl.CRASHED: "it has crashed, and is kept to be looked at, as its on_crash says: xl destroy it after that",
        xl.DYING: "its last domain has not gone yet, for something holds its memory: see xl list",
        xl.SAVING: "it is being saved or moved to another host at this moment",
    }
    if domain.state in says:
        raise PlanError(says[domain.state])


def _check_boot(want: Guest, have: Guest | None, facts: Facts) -> None:
    """Refuse a guest without anything to boot by, or whose boot loader is not on the host."""
    found = dict(have.options) if have else {}
    told = {key: str(value) for key, value in {**found, **dict(want.options)}.items()}
    kind, kernel, loader = told.get("type") or DEFAULT_TYPE, told.get("kernel"), told.get("bootloader")
    loader = NO_LOADER if want.option("kernel") else loader or PVGRUB
    if kind == "hvm" and not facts.has_device_model:
        raise PlanError("type hvm needs QEMU, which is in the package qemu-system-xen")
    if kind in GRUBS and loader == PVGRUB and facts.host.info(GRUBS[kind]) is None:
        raise PlanError(f"bootloader pvgrub: there is no {GRUBS[kind]}; it is in the package grub-xen-host")
    if kind in GRUBS and loader == NO_LOADER and not kernel:
        raise PlanError(f"guests of type {kind} need a kernel or a bootloader, and this one has neither")
    for field in ("bootloader",) if loader.startswith("/") else ("kernel", "ramdisk"):
        _check_file(field, told.get(field), facts)


def _check_twins(name: str, want: Guest, have: Guest | None, facts: Facts) -> None:
    """Two domains of one uuid are taken for each other by Xen's tools."""
    mine = want.uuid or (have.uuid if have else None)
    twins = sorted(facts.seen.running_uuids().get(mine or "", set()) - {name})
    if twins:
        raise PlanError(f"its uuid {mine} is that of {', '.join(twins)}, which runs: give one of the two files another")
