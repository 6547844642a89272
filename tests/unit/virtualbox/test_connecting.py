# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""VirtualBox's bindings while the service behind them does not answer yet: one connection, asked again, in silence."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.virtualbox import connection
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import AbsentError


class Bindings:
    """What answers like vboxapi, after so many refusals. made: how many objects of it were made, which may be one."""

    def __init__(self, refusals: int) -> None:
        self.left = refusals
        self.made = 0

    def VirtualBoxManager(self, *_style: None) -> Bindings:  # noqa: N802
        self.made += 1
        try:
            self.getVirtualBox()
        except OSError as error:
            print("init exception: ", error)
        return self

    def getVirtualBox(self) -> Any:  # noqa: N802
        self.left -= 1
        if self.left >= 0:
            raise OSError("NS_ERROR_FAILURE")
        return SimpleNamespace(version="7.2.22")

    def getSessionObject(self, _box: Any) -> None:  # noqa: N802
        return None

    def deinit(self) -> None:
        """The end of the connection of the whole process."""


def connect(monkeypatch: pytest.MonkeyPatch, refusals: int) -> Bindings:
    bindings = Bindings(refusals)
    monkeypatch.setattr(connection, "vboxapi", bindings)
    monkeypatch.setattr(connection, "_API", [])
    monkeypatch.setattr(connection.time, "sleep", lambda _pause_s: None)
    connection.connect()
    return bindings


@pytest.mark.parametrize("refusals", [0, 1, 5])
def test_it_is_asked_again(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], refusals: int) -> None:
    assert connect(monkeypatch, refusals).made == 1
    assert capsys.readouterr() == ("", "")


def test_it_is_not_asked_for_ever(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(AbsentError, match=r"does not answer the user .*NS_ERROR_FAILURE"):
        connect(monkeypatch, 1000)
    assert capsys.readouterr() == ("", "")
