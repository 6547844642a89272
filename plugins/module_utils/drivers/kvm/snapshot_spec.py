# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options that only snapshots of KVM guests have, and what cannot be written of them together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest import snapshots
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.reader import Reader
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.resource import Wish
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.snapshots import Snapshot
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.spec import Spec

SNAPSHOT: Spec = {
    **snapshots.SNAPSHOT,
    "kind": {"type": "str", "choices": ["auto", "internal", "external"], "default": "auto"},
    "quiesce": {"type": "bool", "default": False},
}


def parse_snapshots(params: Mapping[str, Any]) -> list[Wish[Snapshot]]:
    """Turn a task's options into wishes. Raises SpecError with all that is wrong in all of them."""
    return snapshots.parse_snapshots(params, SNAPSHOT, _check_whole)


def _check_whole(read: Reader, want: Snapshot) -> None:
    """What only shows when the options are seen together."""
    if want.memory and want.kind == "external":
        read.wrong("memory", "is saved in internal snapshots only; leave one of memory and kind: external out")
    if want.quiesce and (want.kind == "internal" or want.memory):
        read.wrong("quiesce", "is for external snapshots, of disks alone: the others hold the whole guest still")
