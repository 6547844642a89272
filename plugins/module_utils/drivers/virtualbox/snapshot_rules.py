# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a snapshot must not be taken, reverted to or deleted: what VirtualBox cannot do, and what would cost data. Pure.

Each function returns the reasons, none when it may be. Source: the SDK reference on IMachine, and trial on 7.2.22.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.virtualbox.snapshot_look import View
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.snapshot_plan import Rules, refuse
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.snapshots import Snapshot


def complete(want: Snapshot, view: View) -> Snapshot:
    """The wish for a new snapshot, with its memory. Raises PlanError where there can be none."""
    warm = view.power != "stopped" or view.saved
    reasons = _busy(view)
    if want.memory and not warm:
        reasons.append(f"{view.guest} is off, and has no memory to save: leave memory: true out")
    if want.memory is False and warm:
        says = "of a guest that is running or saved"
        reasons.append(f"{says}, a snapshot always holds its memory: leave memory: false out, or stop it")
    reasons += [f"{path} is shared with others, who would go on writing to it" for path in view.shared]
    refuse(reasons)
    return replace(want, memory=warm, quiesce=None)


def revert_reasons(have: Snapshot, view: View) -> list[str]:
    """Against going back to a snapshot, which gives up what was written since."""
    reasons = [*_busy(view), *ambiguous(have, view)]
    if view.on_now:
        reasons.append(f"{', '.join(view.on_now)} stands on what {view.guest} has written since, which would be lost")
    return reasons


def removal_reasons(have: Snapshot, view: View, going: Collection[str] = ()) -> list[str]:
    """Against deleting a snapshot, which leaves the guest's state of now and all other snapshots as they are.

    going: snapshots of the guest that are to be deleted as well, before it where that is needed.
    """
    reasons = [*_busy(view), *ambiguous(have, view)]
    held = view.held.get(have.snapshot, ())
    if held:
        reasons.append(f"{', '.join(held)} stands on its disks, as a linked clone does")
    staying = [name for name in all_later_than(have.snapshot, view) if name not in going]
    branches = [name for name in view.children.get(have.snapshot, ()) if _stays(name, view, going)]
    if len(branches) > 1 or (branches and have.current):
        reasons.append(
            f"VirtualBox deletes no snapshot that both the guest and a later one, or several later ones, go on from: "
            f"delete {', '.join(staying)} first"
        )
    return reasons


def _stays(name: str, view: View, going: Collection[str]) -> bool:
    """Whether anything of a branch is left once those are deleted that go."""
    return name not in going or any(one not in going for one in all_later_than(name, view))


def all_later_than(name: str, view: View) -> list[str]:
    """Every snapshot that was taken after one, however far, the last ones first."""
    found: list[str] = []
    for child in view.children.get(name, ()):
        found += [*all_later_than(child, view), child]
    return found


def ambiguous(have: Snapshot, view: View) -> list[str]:
    """VirtualBox takes a name twice, and then goes by the first that it finds."""
    ids = view.doubles.get(have.snapshot)
    if not ids:
        return []
    others = f"{view.guest} has {len(ids)} snapshots of that name, {', '.join(ids)}"
    return [f"{others}: rename one with VBoxManage snapshot {view.guest} edit"]


def _busy(view: View) -> list[str]:
    if view.busy:
        return [f"something is being done to {view.guest} at this moment: try again when it has ended"]
    return []


RULES = Rules(complete, revert_reasons, removal_reasons, wakes=False)
