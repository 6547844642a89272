# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Slow steps of different guests overlap, and what guests share is done once."""

from __future__ import annotations

import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import libvirt
import pytest

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.driver import KvmDriver
from ansible_collections.hostforge.hypervisor.tests.integration.private import run
from ansible_collections.hostforge.hypervisor.tests.integration.runs import (
    EMULATED,
    arguments,
    attempt,
    command,
    guest,
    stored,
)

# Long enough for any machine: only a test that fails waits so long.
PATIENCE_S = 50
GUESTS = 4


@dataclass
class Server:
    """Serves one image under any name. It sends the head of an answer at once, and the body when release() is."""

    body: bytes
    together: threading.Barrier | None = None
    asked: Counter[str] = field(default_factory=Counter)
    url: str = ""

    def release(self) -> None:
        """Wait until all that are expected have asked."""
        if self.together is not None:
            self.together.wait(PATIENCE_S)

    def image(self, name: str) -> dict[str, Any]:
        return {"source": f"{self.url}/{name}", "checksum": "none"}


@pytest.fixture
def server(tmp_path: Path, kvm: libvirt.virConnect) -> Iterator[Server]:
    path = tmp_path / "base.qcow2"
    run("qemu-img", "create", "-q", "-f", "qcow2", str(path), "16M")
    served = Server(path.read_bytes())

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            served.asked[self.path] += 1
            self.send_response(404 if "missing" in self.path else 200)
            self.send_header("Content-Length", str(len(served.body)))
            self.end_headers()
            self.wfile.flush()
            with suppress(threading.BrokenBarrierError, BrokenPipeError):
                served.release()
                self.wfile.write(served.body)

        def log_message(self, *words: object) -> None:
            """Say nothing."""

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    served.url = f"http://127.0.0.1:{http.server_port}"
    thread = threading.Thread(target=http.serve_forever, args=(0.05,))
    thread.start()
    yield served
    http.shutdown()
    thread.join()
    http.server_close()


def parts_left() -> list[Path]:
    return [path for folder in ("/var/lib/hostforge", "/var/lib/libvirt") for path in Path(folder).rglob(".hostforge*")]


def names(count: int = GUESTS) -> list[str]:
    return [f"guest-{number}" for number in range(count)]


def test_images_are_fetched_at_the_same_time(server: Server) -> None:
    # The server answers nobody before everybody has asked.
    server.together = threading.Barrier(GUESTS)
    guests = [{"name": name, "disks": [{"name": "root", "image": server.image(name)}]} for name in names()]
    result = guest(guests=guests)
    assert [entry["name"] for entry in result["guests"]] == names()
    assert server.asked == Counter(f"/{name}" for name in names())


@pytest.mark.parametrize("signal_", [signal.SIGINT, signal.SIGTERM], ids=str)
def test_an_interrupted_run_waits_for_nobody_and_the_next_goes_on(server: Server, signal_: signal.Signals) -> None:
    held = server.together = threading.Barrier(GUESTS + 1)
    guests = [{"name": name, "disks": [{"name": "root", "image": server.image(name)}]} for name in names()]
    with subprocess.Popen(
        command("kvm_guest"), stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as run_:
        assert run_.stdin is not None
        run_.stdin.write(arguments(kvm=EMULATED, guests=guests))
        run_.stdin.close()
        end = time.monotonic() + PATIENCE_S
        while server.asked.total() < GUESTS and time.monotonic() < end:
            time.sleep(0.05)
        run_.send_signal(signal_)
        assert run_.wait(PATIENCE_S) != 0
        assert held.n_waiting == GUESTS, "the server still keeps all of them waiting"
    held.abort()
    server.together = None
    guest(guests=guests)
    assert parts_left() == []


def test_an_image_for_many_is_fetched_once(server: Server) -> None:
    many = names(3 * KvmDriver.workers)
    seed = {"user_data": {"hostname": "x"}}
    disks = [{"name": "root", "image": server.image("one")}, {"name": "data", "size": "1 GiB"}]
    options = {"cloud_init": seed, "disks": disks, "guests": [{"name": name} for name in many]}
    result = guest(**options)
    assert [entry["name"] for entry in result["guests"]] == many
    assert server.asked == Counter({"/one": 1})
    assert not guest(**options)["changed"]
    parts = [
        path for folder in ("/var/lib/hostforge", "/var/lib/libvirt") for path in Path(folder).rglob(".hostforge*")
    ]
    assert parts == []


def test_an_image_that_cannot_be_had_fails_those_that_want_it(server: Server) -> None:
    wanted = {"a": "missing", "b": "there", "c": "missing"}
    guests = [{"name": name, "disks": [{"name": "root", "image": server.image(one)}]} for name, one in wanted.items()]
    result = attempt(guests=guests)
    assert result["failed"]
    assert ["404" in entry.get("error", "") for entry in result["guests"]] == [True, False, True]
    assert server.asked == Counter({"/missing": 1, "/there": 1})
    # What was missing is there now: the next run goes on where this one stopped.
    served = {one: server.image("there") for one in ("missing", "there")}
    guest(guests=[{"name": name, "disks": [{"name": "root", "image": served[one]}]} for name, one in wanted.items()])
    assert len({stored(name).findtext("uuid") for name in wanted}) == len(wanted)


def test_many_guests_start_stop_and_go_together(kvm: libvirt.virConnect) -> None:
    many = names(2 * KvmDriver.workers)
    small = {"memory": "64 MiB", "guests": [{"name": name} for name in many], "shutdown_timeout": 0}
    guest(**small, state="running", disks=[{"name": "root", "size": "1 GiB"}])
    assert {domain.name() for domain in kvm.listAllDomains(libvirt.VIR_CONNECT_LIST_DOMAINS_ACTIVE)} == set(many)
    guest(**small, state="stopped", restart="force")
    assert kvm.listAllDomains(libvirt.VIR_CONNECT_LIST_DOMAINS_ACTIVE) == []
    guest(**small, state="absent", delete_disks=True)
    assert kvm.listAllDomains(0) == []
    assert list(Path("/var/lib/libvirt/images").iterdir()) == []
