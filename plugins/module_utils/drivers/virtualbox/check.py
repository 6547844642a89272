# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What this host cannot do: looked up before anything is touched."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.virtualbox import check_disks, define, nics
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.virtualbox.facts import Facts
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.change import Change
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import (
    HostError,
    HypervisorError,
    PlanError,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.host import Host
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.media import check_medium
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Guest, Nic

Question = Callable[[], None]
DRIVER = "/dev/vboxdrv"
# What can be changed while a guest's memory is saved: nothing that it would meet again when it goes on.
SAVED_TOO = ("description", "autostart", "extradata", "seeds")


def check(change: Change, want: Guest, have: Guest | None, facts: Facts) -> Iterator[PlanError]:
    """Yield every reason why this host cannot make a change."""
    for question in _questions(change, want, have, facts):
        try:
            question()
        except PlanError as error:
            yield error
        except (HostError, HypervisorError) as error:
            yield PlanError(str(error))


def _questions(change: Change, want: Guest, have: Guest | None, facts: Facts) -> Iterator[Question]:
    """What there is to look at for a change: each on its own, so that one refusal hides no other."""
    subject = (change.verb, change.field)
    seen = facts.seen
    if seen.is_busy(change.name):
        yield partial(_refuse_busy, change.name, facts)
    if seen.is_saved(change.name) and change.verb != "start" and change.field not in SAVED_TOO:
        yield _refuse_saved
    if subject == ("create", "guest"):
        yield from _new(change.after, facts)
    elif subject == ("remove", "guest"):
        yield partial(_refuse_snapshots, seen.snapshots(change.name))
    elif change.verb in ("start", "restart"):
        yield from _startable(change.name, want, have, facts)
    elif change.field.startswith("disks"):
        yield from check_disks.questions(change, have, facts)
    elif change.verb != "remove":
        yield from _of_field(change, want, facts)


def _startable(name: str, want: Guest, have: Guest | None, facts: Facts) -> Iterator[Question]:
    yield partial(check_driver, facts.host)
    for nic in (want.nics if want.nics is not None else have.nics if have else None) or ():
        yield partial(_check_nic, nic, facts)
    yield from check_disks.questions_at_start(name, want, have, facts)


def _of_field(change: Change, want: Guest, facts: Facts) -> Iterator[Question]:
    if change.field.startswith("nics"):
        for nic in want.nics or ():
            yield partial(_check_nic, nic, facts)
    elif change.field in ("cdroms", "cdroms.source"):
        yield partial(check_medium, facts.host, getattr(change.after, "source", change.after))
    elif change.field == "autostart" and change.after.enabled:
        yield partial(_check_autostart, facts)
    elif change.field == "ostype":
        yield partial(_check_ostype, change.after, facts)
    elif change.field == "shared_folders":
        for folder in change.after:
            yield partial(_check_folder, folder.path, facts)


def _new(new: Guest, facts: Facts) -> Iterator[Question]:
    yield partial(_check_name, new, facts)
    yield partial(_check_uuid, new, facts)
    for disk in new.disks or ():
        yield partial(check_disks.check_new, new.name, disk, facts)
    for nic in new.nics or ():
        yield partial(_check_nic, nic, facts)
    for drive in new.cdroms or ():
        yield partial(check_medium, facts.host, drive.source)
    if new.autostart is not None and new.autostart.enabled:
        yield partial(_check_autostart, facts)
    if new.option("ostype"):
        yield partial(_check_ostype, new.option("ostype"), facts)
    for folder in new.option("shared_folders") or ():
        yield partial(_check_folder, folder.path, facts)


def _refuse_saved() -> None:
    """Its memory knows the machine as it was."""
    raise PlanError(
        "its memory is saved, and would not fit any more or be lost: start it, which brings it back, or give the saved "
        "state up (VBoxManage discardstate)"
    )


def _refuse_busy(name: str, facts: Facts) -> None:
    raise PlanError(f"something is being done to it at this moment ({facts.seen.state(name)}): try again")


def _refuse_snapshots(number: int) -> None:
    if number:
        raise PlanError(f"it has {number} snapshots, whose data would be lost with it: delete them first")


def _check_name(new: Guest, facts: Facts) -> None:
    broken = facts.seen.broken.get(new.name)
    if broken is not None:
        raise PlanError(
            f"a guest of that name is registered, whose settings VirtualBox cannot read: {broken.error}; mend "
            f"{broken.path}, or unregister it"
        )
    path = define.settings_path(facts.api, new)
    if facts.host.info(path) is not None and not define.is_ours(facts.host, path):
        raise PlanError(
            f"{path} is there already, and no guest is registered by it: register it (VBoxManage registervm), or move "
            "it away"
        )


def _check_uuid(new: Guest, facts: Facts) -> None:
    owner = facts.seen.uuids.get(new.uuid or "")
    if owner:
        raise PlanError(f"uuid: {new.uuid} is guest {owner}'s on this host; write another, or leave it out")


def _check_nic(nic: Nic, facts: Facts) -> None:
    if nic.bridge is not None:
        if nic.bridge not in facts.interfaces:
            known = ", ".join(sorted(facts.interfaces)) or "none"
            raise PlanError(f"nics: there is no interface {nic.bridge} on the host to bridge to; there are: {known}")
    elif nic.network is None or not (nic.network.startswith(nics.INTERNAL) or nic.network in facts.networks):
        known = ", ".join(sorted(facts.networks))
        raise PlanError(f"nics: there is no network {nic.network}; there are: {known}, and any {nics.INTERNAL}NAME")


def _check_autostart(facts: Facts) -> None:
    folder = str(facts.api.box.systemProperties.autostartDatabasePath or "")
    if not folder:
        raise PlanError(
            "autostart: this user's VirtualBox has no folder for what starts with the host: set one (VBoxManage "
            "setproperty autostartdbpath), which the service vboxautostart reads"
        )
    found = facts.host.info(folder)
    if found is None or found.kind != "folder":
        raise PlanError(f"autostart: there is no folder {folder}, which VirtualBox is to note it in")


def _check_ostype(wanted: str, facts: Facts) -> None:
    if wanted not in facts.ostypes:
        raise PlanError(f"ostype: VirtualBox knows no {wanted}: see VBoxManage list ostypes")


def _check_folder(path: str, facts: Facts) -> None:
    found = facts.host.info(path)
    if found is None or found.kind != "folder":
        raise PlanError(f"shared_folders: there is no folder {path} on the host")


def check_driver(host: Host) -> None:
    """No guest can be started without the kernel's module."""
    if host.info(DRIVER) is None:
        raise PlanError(
            f"no guest can be started: there is no {DRIVER}, for the kernel module vboxdrv is not loaded on the host"
        )
