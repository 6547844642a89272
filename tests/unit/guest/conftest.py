# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures of the tests of the core."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.module_utils import basic

from ansible_collections.hostforge.hypervisor.tests.unit.guest.bench import Bench


@pytest.fixture
def bench(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Bench:
    logged: list[str] = []

    class Journal:
        """The journal, where it is to be had."""

        @staticmethod
        def send(**fields: Any) -> None:
            logged.append(str(fields))

    monkeypatch.setattr(basic, "has_journal", True)
    monkeypatch.setattr(basic, "journal", Journal, raising=False)
    monkeypatch.setattr(basic.syslog, "syslog", lambda *words: logged.append(str(words)))
    return Bench(capsys, logged)
