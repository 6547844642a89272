# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Xen driver keeps the contract, on a real dom0: run as root on the host itself; it ends every guest there.

Where the host is emulated a call of xl takes a second and a start half a minute, so HOSTFORGE_DOM0_CASES may choose:
a part of the cases' names, or several with commas.
"""

from __future__ import annotations

import os

import pytest

from ansible_collections.hostforge.hypervisor.tests.contract.cases import Case, cases
from ansible_collections.hostforge.hypervisor.tests.dom0.dom0_subject import Dom0Subject, PatientDom0Subject

CHOSEN = [word for word in os.environ.get("HOSTFORGE_DOM0_CASES", "").split(",") if word]
ALL = [(Dom0Subject, case) for case in cases(Dom0Subject)]
ALL += [(PatientDom0Subject, case) for case in cases(PatientDom0Subject) if case not in cases(Dom0Subject)]
ASKED = [(kind, case) for kind, case in ALL if not CHOSEN or any(word in str(case) for word in CHOSEN)]


@pytest.mark.parametrize(("kind", "case"), ASKED, ids=[str(case) for _kind, case in ASKED])
def test_dom0(kind: type[Dom0Subject], case: Case) -> None:
    subject = kind()
    try:
        case.run(subject)
    finally:
        subject.clean()
