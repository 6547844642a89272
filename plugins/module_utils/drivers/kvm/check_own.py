# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What this host can do of the options that only its guests have, and of those that are set one by one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from xml.etree.ElementTree import Element

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm import (
    define,
    existing,
    fragments,
    passthrough,
    xml,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.abilities import (
    Facts,
    kind_of,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.connect import libvirt_says
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.fragments import Fragment
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.roots import stored_root
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.change import Change
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import PlanError
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Guest


def _check_tpm(want: Guest, facts: Facts) -> None:
    if want.tpm and xml.attribute(facts.abilities(want), "devices/tpm", "supported") != "yes":
        raise PlanError("tpm: this host cannot emulate one; it takes the package swtpm")


def _check_processor(want: Guest, facts: Facts) -> None:
    mode = want.option("cpu_mode")
    if mode and xml.attribute(facts.abilities(want), f"cpu/mode[@name='{mode}']", "supported") != "yes":
        raise PlanError(f"cpu_mode {mode} is not available to guests of type {kind_of(want)} on this host")


def _check_model(want: Guest, facts: Facts) -> None:
    model = want.option("cpu_model")
    found = facts.abilities(want).findall("cpu/mode[@name='custom']/model") if model else []
    usable = sorted({one.text or "" for one in found if one.get("usable") != "no"})
    if model and model not in usable:
        raise PlanError(f"cpu_model {model} is not available on this host; there are: {', '.join(usable)}")


def _check_machine(want: Guest, facts: Facts) -> None:
    machine = want.option("machine")
    if machine and machine not in facts.machines:
        raise PlanError(f"machine: this host has no {machine}; there are: {', '.join(facts.machines)}")


def _check_host_devices(want: Guest, facts: Facts) -> None:
    for option in passthrough.KINDS:
        wished = want.option(option) or ()
        missing = passthrough.missing(option, wished)
        if missing:
            raise PlanError(f"{option}: this host has no {', '.join(missing)}")
        for device in wished:
            _refuse_own_disks(option, device)
            others = [name for name in facts.holders(option, device) if name != want.name]
            if others:
                raise PlanError(f"{option}: {device} is in use by the running guest {', '.join(others)}")
            facts.devices.take(want.name, (option, device), facts.runs(want))


def _take_host_devices(want: Guest, facts: Facts) -> None:
    """Refuse to start a guest with a device with which the task has started another one."""
    stored = set() if facts.seen is None else facts.seen.held(want.name)
    wished = {(option, one) for option in passthrough.KINDS for one in want.option(option) or ()}
    for device in sorted(wished | {one for one in stored if want.option(one[0]) is None}):
        _refuse_own_disks(*device)
        facts.devices.take(want.name, device, runs=True)


def _refuse_own_disks(option: str, device: str) -> None:
    """libvirt would take it from the host's driver all the same, with the file systems that are mounted from it."""
    for path in passthrough.disks(option, device):
        uses = existing.uses(path)
        if uses:
            raise PlanError(f"{option}: {device} holds {path}, which is in use by the host itself ({', '.join(uses)})")


def _leave_host_devices(change: Change, facts: Facts) -> None:
    """Note what a guest gives up, for those that come after it."""
    if change.field in passthrough.KINDS:
        for device in set(change.before or ()) - set(change.after or ()):
            facts.devices.leave(change.name, (change.field, device))
    else:
        facts.devices.leave(change.name)


def _check_fragment(change: Change, facts: Facts) -> None:
    with libvirt_says():
        root = stored_root(facts.connection.lookupByName(change.name), secure=True)
    _try_out(root, [Fragment(change.key, change.after)], facts)


def _check_fragments(new: Guest, facts: Facts) -> None:
    wished: Sequence[Fragment] = new.option("xml") or ()
    if wished:
        plain = replace(new, options=tuple(pair for pair in new.options if pair[0] != "xml"))
        _try_out(define.new_definition(plain, define.Plot(facts.arch)), wished, facts)


def _try_out(root: Element, wished: Sequence[Fragment], facts: Facts) -> None:
    """Refuse what libvirt does not take: it makes QEMU's command line of a definition without storing that."""
    before = xml.render(root)
    for fragment in wished:
        fragments.put(root, fragment)
    complaint = facts.complaint(xml.render(root))
    # Where it complains of the rest, too, that is nothing to hold against the fragments.
    if complaint and not facts.complaint(before):
        raise PlanError(f"xml: {', '.join(one.path for one in wished)}: libvirt says: {complaint}")


def _check_type(want: Guest, facts: Facts) -> None:
    if want.option("type"):
        facts.abilities(want)


# What is looked at when one option is set, and when a guest is made.
SET: dict[tuple[str, str], Callable[[Guest, Facts], None]] = {
    ("set", "type"): _check_type,
    ("set", "tpm"): _check_tpm,
    ("set", "machine"): _check_machine,
    ("set", "cpu_mode"): _check_processor,
    ("set", "cpu_model"): _check_model,
    ("set", "pci_devices"): _check_host_devices,
    ("set", "usb_devices"): _check_host_devices,
}
OF_NEW = (*dict.fromkeys(SET.values()), _check_fragments)


def looks(change: Change, want: Guest, facts: Facts) -> Iterator[Callable[[], None]]:
    """What there is to look at for a change of one option; each raises PlanError."""
    subject = (change.verb, change.field)
    if change.field in passthrough.KINDS or subject in (("stop", "state"), ("remove", "guest")):
        yield partial(_leave_host_devices, change, facts)
    if subject == ("start", "state"):
        yield partial(_take_host_devices, want, facts)
    if subject == ("set", "xml"):
        yield partial(_check_fragment, change, facts)
    elif subject in SET:
        yield partial(SET[subject], want, facts)
