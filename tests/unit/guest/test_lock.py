# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lock between runs: one holds it, others wait, and it ends with its holder."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest import module_host
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import HostError
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.module_host import ModuleHost

HOST = ModuleHost()
# Holds the lock until it is killed, and so does a command that it has started.
HOLDER = """
import subprocess, sys
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.lock import hold
with hold(sys.argv[1], 9):
    with subprocess.Popen(["sleep", "60"]) as child:
        print(child.pid, flush=True)
"""
# Adds one to a number in a file, in two steps.
COUNTER = """
import sys, time
from pathlib import Path
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.lock import hold
for _time in range(20):
    with hold(sys.argv[1], 60):
        number = int(Path(sys.argv[2]).read_text())
        time.sleep(0.001)
        Path(sys.argv[2]).write_text(str(number + 1))
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(module_host, "LOCKS", str(tmp_path / "locks"))
    monkeypatch.setattr(module_host, "OTHERS_LOCKS", str(tmp_path / "locks"))
    return tmp_path / "locks"


def test_one_run_holds_it_and_others_are_told_which(folder: Path) -> None:
    says = rf"another run .* \(process {os.getpid()}\) .* within 0 s"
    with HOST.lock("a", 0), HOST.lock("b", 0), pytest.raises(HostError, match=says), HOST.lock("a", 0):
        pass
    with HOST.lock("a", 0):
        pass
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_it_ends_with_its_holder_even_killed(folder: Path) -> None:
    folder.mkdir()
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, str(folder / "a.lock")], stdout=subprocess.PIPE)
    assert holder.stdout is not None
    child = int(holder.stdout.readline())
    try:
        with pytest.raises(HostError, match=f"process {holder.pid}"), HOST.lock("a", 0.3):
            pass
        holder.kill()
        holder.wait()
        with HOST.lock("a", 0):
            pass
    finally:
        os.kill(child, 9)
        holder.stdout.close()


def test_many_at_once_go_one_after_the_other(folder: Path, tmp_path: Path) -> None:
    folder.mkdir()
    count = tmp_path / "count"
    count.write_text("0")
    command = [sys.executable, "-c", COUNTER, str(folder / "a.lock"), str(count)]
    runs = [subprocess.Popen(command) for _run in range(4)]
    assert [run.wait() for run in runs] == [0] * 4
    assert count.read_text() == "80"


def test_an_error_of_what_is_done_meanwhile_is_its_own() -> None:
    with pytest.raises(OSError, match="mine"), HOST.lock("a", 0):
        raise OSError("mine")
    with HOST.lock("a", 0):
        pass


def test_where_there_can_be_no_lock_nothing_is_done(folder: Path, tmp_path: Path) -> None:
    folder.mkdir()
    (folder / "a.lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(HostError, match=r"a\.lock"), HOST.lock("a", 0):
        pass
    assert not (tmp_path / "elsewhere").exists()
