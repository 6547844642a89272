# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An image server that does everything wrong: it takes bounded time, is told, and leaves nothing behind."""

from __future__ import annotations

import hashlib
import os
import re
import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest import download, images
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import HypervisorError, PlanError
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.images import ensure_image
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.module_host import ModuleHost
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Image

DATA = bytes(range(256)) * 1000
SHA256 = hashlib.sha256(DATA).hexdigest()
SUMS = f"{SHA256}  one.qcow2\n".encode()
LIMIT_S = 20


def head(length: object = None, status: str = "200 OK", more: str = "") -> bytes:
    announced = "" if length is None else f"Content-Length: {length}\r\n"
    return f"HTTP/1.1 {status}\r\nConnection: close\r\n{announced}{more}\r\n".encode()


def drip(pieces: bytes) -> Iterator[bytes]:
    """One byte after the other, each soon enough for a time limit that is for one byte."""
    for piece in pieces:
        time.sleep(0.1)
        yield bytes([piece])


def stall() -> Iterator[bytes]:
    time.sleep(3)
    yield b""


Answer = Callable[[bytes], Iterator[bytes]]


def answers(body: bytes) -> dict[str, Callable[[], Iterator[bytes]]]:
    """Ways to answer for a body, each with the pieces that are sent before the connection is closed."""

    def pieces(*parts: bytes, then: Callable[[], Iterator[bytes]] = lambda: iter(())) -> Callable[[], Iterator[bytes]]:
        def send() -> Iterator[bytes]:
            yield from parts
            yield from then()

        return send

    half = body[: len(body) // 2]
    return {
        "right": pieces(head(len(body)), body),
        "cut": pieces(head(len(body)), half),
        "cut where pieces are announced": pieces(head(more="Transfer-Encoding: chunked\r\n"), b"fffff\r\n", half),
        "announces more": pieces(head(len(body) + 1), body),
        "announces nonsense": pieces(head("-many"), body),
        "stalls": pieces(head(len(body)), half, then=stall),
        "says nothing": pieces(then=stall),
        "closes at once": pieces(),
        "speaks another language": pieces(b"220 mail.example.org ESMTP\r\n"),
        "drips its header": pieces(then=lambda: drip(head(len(body)) * 9)),
        "drips": pieces(head(len(body)), then=lambda: drip(body * 9)),
        "has it not": pieces(head(3, "404 Not Found"), b"no\n"),
        "is broken": pieces(head(0, "503 Service Unavailable")),
        "redirects in a circle": pieces(head(0, "302 Found", "Location: /one.qcow2\r\n")),
        "redirects to a file": pieces(head(0, "302 Found", "Location: file:///etc/passwd\r\n")),
        "redirects nowhere": pieces(head(0, "302 Found", "Location: http://127.0.0.1:1/\r\n")),
    }


WRONG = [name for name in answers(DATA) if name != "right"]


class Server(socketserver.ThreadingTCPServer):
    """image, sums: how requests for an image and for its checksums are answered."""

    daemon_threads = True
    block_on_close = False
    image: Callable[[], Iterator[bytes]]
    sums: Callable[[], Iterator[bytes]]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, *_request: object) -> None:
        """Whoever asked has gone."""


class Handler(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        asked = self.rfile.readline().split()
        while self.rfile.readline().strip():
            pass
        for piece in (self.server.sums if asked[1] == b"/SUMS" else self.server.image)():  # type: ignore[attr-defined]
            self.wfile.write(piece)
            self.wfile.flush()


@pytest.fixture
def web() -> Iterator[Server]:
    with Server(("127.0.0.1", 0), Handler) as server:
        server.image, server.sums = answers(DATA)["right"], answers(SUMS)["right"]
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "STALL_S", 0.5)
    monkeypatch.setattr(download, "OPEN_S", 1.5)


def trust(_path: str) -> None:
    """What came is an image."""


def fails(image: Image, cache: Path, verify: Callable[[str], None] = trust) -> str:
    """Fetch an image, which must fail within some time and leave nothing; what is said."""
    begin = time.monotonic()
    with pytest.raises(HypervisorError) as caught:
        ensure_image(ModuleHost(), image, str(cache), verify)
    assert time.monotonic() - begin < LIMIT_S
    assert os.listdir(cache) == []
    return str(caught.value)


def works(image: Image, cache: Path) -> None:
    """The same once the server is in order."""
    path = ensure_image(ModuleHost(), image, str(cache), trust)
    assert Path(path).read_bytes() == DATA
    assert os.listdir(cache) == [os.path.basename(path)]


@pytest.mark.parametrize("way", WRONG)
@pytest.mark.parametrize("checksum", ["none", f"sha256:{SHA256}"], ids=["trusted", "with a checksum"])
def test_an_image(web: Server, tmp_path: Path, way: str, checksum: str) -> None:
    web.image = answers(DATA)[way]
    image = Image(f"{web.url}/one.qcow2", checksum)
    assert f"{web.url}/one.qcow2 " in fails(image, tmp_path)
    web.image = answers(DATA)["right"]
    works(image, tmp_path)


@pytest.mark.parametrize("way", WRONG)
def test_its_checksums(web: Server, tmp_path: Path, way: str) -> None:
    web.sums = answers(SUMS)[way]
    image = Image(f"{web.url}/one.qcow2", f"sha256:{web.url}/SUMS")
    assert f"{web.url}/SUMS " in fails(image, tmp_path)
    web.sums = answers(SUMS)["right"]
    works(image, tmp_path)


def test_what_it_did_is_said(web: Server, tmp_path: Path) -> None:
    for way, says in {
        "cut": f"announced {len(DATA)} bytes and sent {len(DATA) // 2}",
        "stalls": "timed out",
        "drips": r"it sent \d+ bytes in",
        "drips its header": r"there was no answer within",
        "has it not": "404",
        "redirects in a circle": "infinite loop",
    }.items():
        web.image = answers(DATA)[way]
        assert re.search(says, fails(Image(f"{web.url}/one.qcow2", "none"), tmp_path))


@pytest.mark.parametrize("body", [b"", b"<html>please log in</html>", DATA[:-1]], ids=["nothing", "a page", "less"])
def test_other_content(web: Server, tmp_path: Path, body: bytes) -> None:
    """Of which the server announces the right length, so that only a checksum, or a look at it, can tell."""
    web.image = answers(body)["right"]
    assert "has the sha256 checksum" in fails(Image(f"{web.url}/one.qcow2", f"sha256:{SHA256}"), tmp_path)

    def look(path: str) -> None:
        if Path(path).read_bytes() != DATA:
            raise PlanError("it is no image")

    assert fails(Image(f"{web.url}/one.qcow2", "none"), tmp_path, look) == "it is no image"
    web.image = answers(DATA)["right"]
    works(Image(f"{web.url}/one.qcow2", "none"), tmp_path)


def test_less_is_announced_than_there_is(web: Server, tmp_path: Path) -> None:
    web.image = lambda: iter([head(9), DATA])
    assert "has the sha256 checksum" in fails(Image(f"{web.url}/one.qcow2", f"sha256:{SHA256}"), tmp_path)


@pytest.mark.parametrize("announced", [True, False])
def test_checksums_without_end(web: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, announced: bool) -> None:
    """As where the URL is that of the image by mistake: it is not read into memory."""
    monkeypatch.setattr(images, "CHECKSUMS_BYTES", 100_000)
    web.sums = lambda: iter([head(10**12 if announced else None), *[DATA] * 99])
    said = fails(Image(f"{web.url}/one.qcow2", f"sha256:{web.url}/SUMS"), tmp_path)
    assert f"{web.url}/SUMS cannot be fetched: it is longer than 100000 bytes" in said


def test_a_proxy_is_used_as_everywhere(web: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", web.url)
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    works(Image("http://images.example.org/one.qcow2", "none"), tmp_path)
