# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What snapshots of KVM guests can and cannot do, for the plan; and of which kind a new one will be. Pure."""

from __future__ import annotations

from dataclasses import replace

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.snapshot_allow import (
    external_reasons,
    internal_reasons,
    removal_reasons,
    revert_reasons,
    take_reasons,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.snapshot_look import View
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import PlanError
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.snapshot_plan import Rules, refuse
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.snapshots import Snapshot

KINDS = {"internal": internal_reasons, "external": external_reasons}


def complete(want: Snapshot, view: View) -> Snapshot:
    """The wish for a new snapshot, with its kind and memory. Raises PlanError where there can be none."""
    on = view.power != "stopped"
    refuse(take_reasons(want, view))
    kind = _choose(want, view)
    return replace(want, kind=kind, memory=on and kind == "internal", quiesce=True if want.quiesce and on else None)


def _choose(want: Snapshot, view: View) -> str:
    """Where the kind is left to us it is internal if that can be: such a one can be reverted to at any later time."""
    on = view.power != "stopped"
    if want.kind in KINDS:
        kinds = {want.kind: KINDS[want.kind]}
    elif want.memory:
        kinds = {"internal": internal_reasons}
    elif on and (want.quiesce or want.memory is False):
        kinds = {"external": external_reasons}
    else:
        kinds = KINDS
    reasons = {kind: against(want, view) for kind, against in kinds.items()}
    kind = next((kind for kind, found in reasons.items() if not found), None)
    if kind is None:
        raise PlanError("; ".join(dict.fromkeys(reason for found in reasons.values() for reason in found)))
    return kind


RULES = Rules(complete, revert_reasons, removal_reasons)
