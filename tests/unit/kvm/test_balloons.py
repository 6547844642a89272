# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting for what only a guest itself brings about: its balloon."""

from __future__ import annotations

import pytest

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm import balloons


class Balloon:
    """A simulator of a running guest whose memory changes each time that it is asked for, until it is settled."""

    def __init__(self, *kib: int) -> None:
        self._kib = list(kib)

    def info(self) -> list[int]:
        return [1, 0, self._kib.pop(0) if len(self._kib) > 1 else self._kib[0]]


def test_balloons_are_waited_for_at_the_same_time(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(balloons.time, "sleep", pauses.append)
    domains = {"a": Balloon(4, 3, 2), "b": Balloon(9, 8), "c": Balloon(5)}
    assert balloons.settled_memory_kib(domains) == {"a": 2, "b": 8, "c": 5}  # type: ignore[arg-type]
    assert pauses == [1.0, 1.0, 1.0]
    assert balloons.settled_memory_kib({}) == {}
