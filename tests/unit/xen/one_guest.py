# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one paravirtual guest that tests of odd hosts start from."""

from __future__ import annotations

from dataclasses import replace

from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.resource import Outcome
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Guest
from ansible_collections.hostforge.hypervisor.tests.contract.look import policy, run, run_all
from ansible_collections.hostforge.hypervisor.tests.unit.xen.simulated_subject import ParavirtualSubject

BASE = ParavirtualSubject.base
NAME = BASE.name
CFG = f"/etc/xen/{NAME}.cfg"


def running(subject: ParavirtualSubject) -> Guest:
    """Make it, and let it run."""
    want = replace(BASE, state="running")
    run(subject, want)
    return want


def only(subject: ParavirtualSubject, want: Guest) -> Outcome[Guest]:
    """A run that may fail."""
    (outcome,) = run_all(subject, [want], policy(subject))
    return outcome
