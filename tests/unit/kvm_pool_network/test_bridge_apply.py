# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The transaction that makes a bridge: it stays only when it holds and the controller says so, else all is put back."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.hostforge.hypervisor.tests.unit.kvm_pool_network.role_files import load

bridge_apply = load("bridge_apply")


class Host:
    """A host on which a bridge comes up, or does not, and the list of what was run there."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self.ran, self.lacks = folder, [], ""
        self.old, self.new = folder / "old.conf", folder / "deeper/new.conf"
        self.old.write_text("old")
        monkeypatch.setattr(bridge_apply, "run", self.run)
        monkeypatch.setattr(bridge_apply, "lacking", lambda _expect: self.lacks)
        self.write_plan(2)

    def write_plan(self, timeout: float) -> None:
        files = [{"path": str(self.old), "after": "changed"}, {"path": str(self.new), "after": "made"}]
        steps = {name: [[name]] for name in ("before", "after", "undo_before", "undo_after")}
        plan = {**steps, "files": files, "expect": {}, "timeout": timeout}
        (self.folder / "plan.json").write_text(json.dumps(plan))

    def run(self, argv: list[str], must: bool) -> str:
        self.ran.append((argv[0], self.old.read_text()))
        if must and argv == ["fails"]:
            raise bridge_apply.Failed("it failed")
        return ""

    def transact(self) -> dict[str, Any]:
        bridge_apply.transact(bridge_apply.Folder(str(self.folder)))
        return self.status()

    def fail(self) -> dict[str, Any]:
        with pytest.raises(SystemExit):
            self.transact()
        return self.status()

    def status(self) -> dict[str, Any]:
        return json.loads((self.folder / "status.json").read_text())


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    return Host(tmp_path, monkeypatch)


def test_it_stays_when_the_controller_confirms(host: Host) -> None:
    worker = threading.Thread(target=host.transact)
    worker.start()
    limit = time.monotonic() + 10
    while not (host.folder / "status.json").exists() or host.status()["state"] == "applying":
        assert time.monotonic() < limit
        time.sleep(0.01)
    assert host.status()["state"] == "waiting"
    assert bridge_apply.confirm(bridge_apply.Folder(str(host.folder))) == {"state": "committed", "reason": ""}
    worker.join()
    assert (host.old.read_text(), host.new.read_text()) == ("changed", "made")
    assert host.ran == [("before", "old"), ("after", "changed")]


def test_all_is_put_back_when_nobody_confirms(host: Host) -> None:
    host.write_plan(0.2)
    assert "did not come back" in host.fail()["reason"]
    assert (host.old.read_text(), host.new.exists()) == ("old", False)
    assert host.ran[2:] == [("undo_before", "changed"), ("undo_after", "old")]


def test_all_is_put_back_when_the_bridge_does_not_hold(host: Host) -> None:
    host.write_plan(0.1)
    host.lacks = "the gateway does not answer"
    assert host.fail() == {"state": "rolled_back", "reason": "the gateway does not answer"}
    assert (host.old.read_text(), host.new.exists()) == ("old", False)


def test_all_is_put_back_when_a_step_fails_or_cannot_be_run(host: Host) -> None:
    plan = json.loads((host.folder / "plan.json").read_text())
    (host.folder / "plan.json").write_text(json.dumps({**plan, "after": [["fails"]]}))
    assert host.fail() == {"state": "rolled_back", "reason": "it failed"}
    assert host.old.read_text() == "old"


def test_the_end_of_an_attempt_that_was_put_back_is_heard(host: Host) -> None:
    bridge_apply.Folder(str(host.folder)).tell("rolled_back", "why")
    assert bridge_apply.confirm(bridge_apply.Folder(str(host.folder))) == {"state": "rolled_back", "reason": "why"}


def test_a_failing_command_is_told_with_its_words() -> None:
    with pytest.raises(bridge_apply.Failed, match="ls: cannot access"):
        bridge_apply.run(["ls", "/no/such/place"], must=True)
    assert bridge_apply.run(["ls", "/no/such/place"], must=False) == ""


def test_a_bridge_that_is_not_there_is_lacking() -> None:
    expect = {"device": "no-such-br", "port": None, "addresses": [], "any_address": False, "gateway": None}
    assert bridge_apply.lacking(expect) == "there is no bridge no-such-br"
