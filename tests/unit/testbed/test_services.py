# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Locks, atomic files, the file server and missing programs."""

from __future__ import annotations

import http.client
import multiprocessing
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.hostforge.hypervisor.molecule.shared.testbed import accel, paths, serve, tools
from ansible_collections.hostforge.hypervisor.molecule.shared.testbed.errors import TestbedError
from ansible_collections.hostforge.hypervisor.molecule.shared.testbed.initrd import PROBE_MARKER


def hold(lock: Path, seconds: float) -> None:
    with paths.locked(lock, "a test"):
        lock.with_suffix(".held").touch()
        time.sleep(seconds)


def test_a_second_process_waits_for_the_first(tmp_path: Path) -> None:
    lock = tmp_path / "folder/one.lock"
    other = multiprocessing.get_context("spawn").Process(target=hold, args=(lock, 0.5))
    other.start()
    while not lock.with_suffix(".held").exists():
        time.sleep(0.01)
    begun = time.monotonic()
    with paths.locked(lock, "a test"):
        waited = time.monotonic() - begun
    other.join()
    assert waited > 0.3


def test_the_lock_of_a_killed_process_is_free(tmp_path: Path) -> None:
    lock = tmp_path / "one.lock"
    other = multiprocessing.get_context("spawn").Process(target=hold, args=(lock, 60))
    other.start()
    while not lock.with_suffix(".held").exists():
        time.sleep(0.01)
    other.kill()
    other.join()
    with paths.locked(lock, "a test"):
        assert lock.exists()


def test_files_are_replaced_at_once_and_leave_no_draft(tmp_path: Path) -> None:
    target = tmp_path / "one.json"
    paths.write_atomically(target, "old")
    paths.write_atomically(target, "new")
    assert target.read_text() == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["one.json"]


@pytest.mark.parametrize(
    ("own", "xdg", "expected"),
    [("/own", "/xdg", "/own"), (None, "/xdg", "/xdg/hostforge"), (None, None, "/home/me/.cache/hostforge")],
)
def test_where_the_cache_is(monkeypatch: pytest.MonkeyPatch, own: str | None, xdg: str | None, expected: str) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    for name, value in (("HOSTFORGE_CACHE", own), ("XDG_CACHE_HOME", xdg)):
        if value is None:
            monkeypatch.delenv(name, raising=False)
        else:
            monkeypatch.setenv(name, value)
    assert paths.cache_root() == Path(expected)


def test_a_missing_program_is_named_with_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tools, "_SEARCH", "/nowhere")
    with pytest.raises(TestbedError, match="apt-get install qemu-system-x86"):
        tools.find("qemu-system-x86_64")


def test_a_failing_program_is_quoted() -> None:
    with pytest.raises(TestbedError, match=r"(?s)failed with exit code 2.*nothing-there"):
        tools.run(["ls", "/nothing-there"])


@pytest.fixture
def served(tmp_path: Path) -> Iterator[int]:
    (tmp_path / "guest").write_bytes(b"x" * 3_000_000)
    (tmp_path / "secret").write_text("no")
    web = serve.server({"guest.qcow2": tmp_path / "guest"})
    thread = threading.Thread(target=web.serve_forever)
    thread.start()
    yield web.server_address[1]
    web.shutdown()
    web.server_close()
    thread.join()


def ask(port: int, method: str, path: str) -> tuple[int, str | None, int]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request(method, path)
    answer = connection.getresponse()
    result = (answer.status, answer.getheader("Content-Length"), len(answer.read()))
    connection.close()
    return result


def test_the_named_file_is_served(served: int) -> None:
    assert ask(served, "GET", "/guest.qcow2") == (200, "3000000", 3_000_000)
    assert ask(served, "HEAD", "/guest.qcow2") == (200, "3000000", 0)


@pytest.mark.parametrize("path", ["/", "/secret", "/../secret", "/guest", "/guest.qcow2/../secret"])
def test_nothing_else_is(served: int, path: str) -> None:
    assert ask(served, "GET", path)[0] == 404


def test_the_probes_answer_ends_with_the_boot_and_is_for_one_user(tmp_path: Path) -> None:
    answer = tmp_path / "accelerator.json"
    assert accel._read(answer) is None
    answer.write_text("{")
    assert accel._read(answer) is None
    answer.write_text('{"boot": "earlier", "user": 0, "accelerator": "kvm"}')
    assert accel._read(answer) is None
    accel_now = f'{{"boot": "{accel.boot_id()}", "user": {os.geteuid()}, "accelerator": "kvm"}}'
    answer.write_text(accel_now)
    assert accel._read(answer) == "kvm"


def test_an_emulator_that_hangs_or_fails_is_no_hardware_virtualisation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    emulator = tmp_path / "emulator"
    monkeypatch.setattr(accel, "PROBE_SECONDS", 0.5)
    monkeypatch.setattr(accel, "find", lambda _name: str(emulator))
    for script, expected in (
        ("sleep 5", False),
        ("echo firmware; exit 1", False),
        (f"echo {PROBE_MARKER}", True),
        (f"echo {PROBE_MARKER}; exec sleep 5", True),
    ):
        emulator.write_text(f"#!/bin/sh\n{script}\n")
        emulator.chmod(0o755)
        assert accel.probe(Path("/k"), Path("/i")) is expected
