# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan: from a wish and a state to the changes that lead from one to the other, in order. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.change import Change, Difference
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.compare import MAXIMA, SCALARS, compare
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.entries import DISK_FIELDS, NIC_FIELDS
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import PlanError
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Guest, Policy
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.traits import Traits

ENTRY_FIELDS = {"disks": DISK_FIELDS, "nics": NIC_FIELDS}
LISTS = ("disks", "cdroms", "nics")
# What a new guest gets where the user wrote nothing.
CREATION_DEFAULTS: dict[str, Any] = {
    "description": "",
    "vcpus": 1,
    "memory_mib": 1024,
    "disks": (),
    "cdroms": (),
    "nics": (),
}


def plan(want: Guest, have: Guest | None, traits: Traits, policy: Policy) -> Iterator[Change]:
    """Yield the changes that make a guest what the wish says, in the order they must be done.

    Raises PlanError, with every reason, when one of them is impossible or is not allowed by the policy. It does so
    after the last change, so that the host can be asked what it thinks of them, too.
    """
    _refuse_unknown(want, traits)
    if want.state == "absent":
        yield from _remove(want, have, policy)
    elif have is None:
        yield from _create(want)
    else:
        yield from _change(want, have, traits, policy)


def pending(want: Guest, have: Guest | None, traits: Traits, policy: Policy) -> bool:
    """Whether the running guest still differs from the wish in something that only a restart brings."""
    if want.state in ("absent", "stopped") or have is None or have.live is None:
        return False
    return any(found.pending for found in compare(want, have, traits, policy))


def complete(want: Guest) -> Guest:
    """The wish for a new guest, with the defaults of creation where nothing was written."""
    missing = {name: value for name, value in CREATION_DEFAULTS.items() if getattr(want, name) is None}
    for name in missing.keys() & MAXIMA.keys():
        missing[name] = min(missing[name], getattr(want, MAXIMA[name]) or missing[name])
    if want.secure_boot and want.firmware is None:
        missing["firmware"] = "uefi"
    return replace(want, **missing)


def _refuse_unknown(want: Guest, traits: Traits) -> None:
    written = [name for name in (*SCALARS, *LISTS) if getattr(want, name) is not None]
    written += [name for name, value in want.options if value is not None]
    for key, names in ENTRY_FIELDS.items():
        entries = getattr(want, key) or ()
        written += [f"{key}.{name}" for name in names if any(getattr(one, name) is not None for one in entries)]
        written += sorted({f"{key}.{name}" for one in entries for name, _value in one.options})
    unknown = [name for name in written if name not in traits.fields]
    if unknown:
        raise PlanError(f"{traits.hypervisor} guests have no {', '.join(unknown)}: leave it out")
    for disk in want.disks or ():
        if disk.format is not None and disk.format not in traits.formats:
            known = ", ".join(traits.formats)
            raise PlanError(f"disk {disk.name}: {traits.hypervisor} has no format {disk.format!r}; {known} are allowed")


def _create(want: Guest) -> Iterator[Change]:
    yield Change(want.name, "create", "guest", after=complete(want))
    if want.state == "running":
        yield Change(want.name, "start", "state", before="stopped", after="running")


def _stop(have: Guest, policy: Policy) -> Change:
    force = policy.restart == "force"
    return Change(
        have.name, "stop", "state", "", "running", "stopped", force=force, timeout_s=policy.shutdown_timeout_s
    )


def _remove(want: Guest, have: Guest | None, policy: Policy) -> Iterator[Change]:
    if have is None:
        return
    if want.uuid not in (None, have.uuid):
        raise PlanError(f"the guest of that name has the uuid {have.uuid}, not {want.uuid}, and is not removed")
    if have.live is not None:
        yield _stop(have, policy)
    # Data before definition: while the definition stands, an interrupted run still knows what was to go.
    for disk in have.disks or ():
        if policy.delete_disks and disk.owned and disk.size_bytes is not None:
            yield Change(have.name, "delete", "disks", key=disk.name, before=disk, delete=True)
    yield Change(have.name, "remove", "guest", before=have, delete=policy.delete_disks)


def _change(want: Guest, have: Guest, traits: Traits, policy: Policy) -> Iterator[Change]:
    running = have.live is not None
    stays_up = running and want.state != "stopped"
    found = list(compare(want, have if stays_up else replace(have, live=None), traits, policy))
    needs_restart = any(one.pending for one in found)
    cycle = stays_up and needs_restart and not traits.stores_pending
    in_use = [one.change for one in found if one.pending and one.change.delete and not cycle]
    if running and (cycle or not stays_up):
        yield _stop(have, policy)
    # Data goes last: what takes its place may fail, and then it is still there.
    for change in sorted((one.change for one in found if one.stored or one.change.hot), key=lambda one: one.delete):
        yield replace(change, hot=change.hot and not cycle, delete=change.delete and change not in in_use)
    if cycle or (want.state == "running" and have.state != "running"):
        yield Change(want.name, "start", "state", before="stopped" if cycle else have.state, after="running")
    elif stays_up and needs_restart and policy.restart != "never":
        yield replace(_stop(have, policy), verb="restart", after="running")
    # What a running guest holds on to goes when it has let go of it.
    yield from (replace(change, verb="delete", hot=False) for change in in_use)
    _refuse(want, have, found, _locked(found, cycle, in_use) if policy.restart == "never" else "")


def _locked(found: list[Difference], cycle: bool, in_use: list[Change]) -> str:
    """What cannot be done without a restart, and cannot wait for one either."""
    if cycle:
        names = ", ".join(sorted({one.change.field for one in found if one.pending}))
        return f"{names} can only be changed while the guest is off: set restart to graceful, or stop it"
    if in_use:
        names = ", ".join(change.key for change in in_use)
        says = "can only be detached at a restart, and be deleted after it: set restart to graceful, or stop it"
        return f"the running guest uses {names}, which {says}"
    return ""


def _refuse(want: Guest, have: Guest, found: list[Difference], locked: str) -> None:
    reasons = [one.refusal for one in found if one.refusal]
    if want.secure_boot and want.firmware is None and have.firmware == "bios":
        reasons.append("secure_boot needs firmware uefi, and this guest has bios")
    if locked:
        reasons.append(locked)
    if reasons:
        raise PlanError("; ".join(reasons))
