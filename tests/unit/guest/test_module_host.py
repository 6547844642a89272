# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ModuleHost on this machine, in a folder of its own, and with a web server that does not always tell the truth."""

from __future__ import annotations

import hashlib
import os
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest import module_host
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import HostError
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.module_host import ModuleHost
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.parts import is_part

HOST = ModuleHost()
DATA = bytes(range(256)) * 5000


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_command_gets_its_arguments_as_they_are() -> None:
    odd = ["a b", "$(id)", "`id`", "'", '"', "*", "-n", "", "\u00fc", ";", "a\nb"]
    assert HOST.run(["printf", "%s\\0", *odd]).split("\0")[:-1] == odd


def test_a_command_runs_in_the_c_locale_with_its_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    assert HOST.run(["printenv", "LC_ALL"]) == "C\n"
    assert HOST.run(["cat"], stdin="words") == "words"
    assert HOST.run(["cat"]) == ""


def test_a_command_that_fails_is_quoted() -> None:
    with pytest.raises(HostError, match=r"^sh -c ended with status 3: what it said$"):
        HOST.run(["sh", "-c", "echo out; echo what it said >&2; exit 3"])
    with pytest.raises(HostError, match="ended with status 1: only out"):
        HOST.run(["sh", "-c", "echo only out; exit 1"])


def test_of_much_that_a_command_says_the_beginning_is_told_and_the_end() -> None:
    """The first error is the cause, and what follows from it may be long."""
    much = "the cause; " + "and more " * 500 + "the end"
    with pytest.raises(HostError, match=r"status 1: the cause; .* … .* the end$") as caught:
        HOST.run(["sh", "-c", f"echo '{much}' >&2; exit 1"])
    assert len(str(caught.value)) < 1100


def test_a_command_that_is_not_there() -> None:
    with pytest.raises(HostError, match="no-such-command is not installed"):
        HOST.run(["no-such-command"])


def test_a_command_that_takes_too_long() -> None:
    with pytest.raises(HostError, match="timed out"):
        HOST.run(["sleep", "9"], timeout_s=0.1)


def test_a_command_whose_output_is_no_text() -> None:
    assert "\ufffd" in HOST.run(["printf", "\\377"])


def test_a_file_is_written_in_one_step(tmp_path: Path) -> None:
    path = tmp_path / "file"
    HOST.write_file(str(path), b"one")
    assert (path.read_bytes(), mode_of(path)) == (b"one", 0o600)
    HOST.write_file(str(path), b"two", 0o644)
    assert (HOST.read_file(str(path)), mode_of(path)) == (b"two", 0o644)
    assert os.listdir(tmp_path) == ["file"]


def test_a_file_that_cannot_be_written_leaves_the_old_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def fail(*_paths: str) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module_host.os, "fchmod", fail)
    with pytest.raises(HostError, match="No space left"):
        HOST.write_file(str(path), b"a secret")
    monkeypatch.undo()
    monkeypatch.setattr(module_host.os, "replace", fail)
    with pytest.raises(HostError, match="No space left"):
        HOST.write_file(str(path), b"a secret")
    assert os.listdir(tmp_path) == ["file"]
    assert path.read_bytes() == b"old"


def test_what_killed_runs_were_writing_goes_when_the_file_is_written_again(tmp_path: Path) -> None:
    path = tmp_path / "file"
    package = module_host.__name__.rpartition(".")[0]
    program = (
        f"import os, sys; from {package} import module_host\n"
        "module_host.os.fchmod = lambda *_: os.kill(os.getpid(), 9)\n"
        "module_host.ModuleHost().write_file(sys.argv[1], b'a secret')"
    )
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    for _attempt in range(2):
        ended = subprocess.run([sys.executable, "-c", program, str(path)], check=False, env=env)
        assert ended.returncode == -signal.SIGKILL
        (half,) = os.listdir(tmp_path)
        assert is_part(half)
        assert mode_of(tmp_path / half) == 0o600
    living = tmp_path / f".hostforge.file.part-{os.getppid()}-12345678"
    living.write_bytes(b"of another run")
    HOST.write_file(str(path), b"whole")
    assert sorted(os.listdir(tmp_path)) == [living.name, "file"]


def test_what_is_not_there(tmp_path: Path) -> None:
    gone = str(tmp_path / "gone")
    assert HOST.info(gone) is None
    assert HOST.info(f"{gone}/below") is None
    assert HOST.list_dir(gone) == []
    HOST.remove(gone)
    for attempt in (lambda: HOST.read_file(gone), lambda: HOST.digest(gone, "sha256"), lambda: HOST.copy(gone, gone)):
        with pytest.raises(HostError, match="gone"):
            attempt()
    with pytest.raises(HostError, match=f"^{gone}/below: No such file"):
        HOST.write_file(f"{gone}/below", b"")
    with pytest.raises(HostError, match="gone"):
        HOST.rename(gone, str(tmp_path / "new"))


def test_info_follows_links_and_tells_versions_apart(tmp_path: Path) -> None:
    path, link = tmp_path / "file", tmp_path / "link"
    path.write_bytes(b"12345")
    link.symlink_to(path)
    info = HOST.info(str(link))
    assert info is not None
    assert (info.size_bytes, info.inode) == (5, path.stat().st_ino)
    assert HOST.info(str(path / "below")) is None
    os.utime(path, ns=(1, 1))
    changed = HOST.info(str(path))
    assert changed is not None
    assert changed.changed == 1


def test_a_link_in_a_circle(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to(tmp_path / "a")
    with pytest.raises(HostError, match="Too many levels"):
        HOST.info(str(tmp_path / "a"))


def test_folders_have_their_mode_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        HOST.make_dir(str(tmp_path / "a" / "b" / "c"), 0o711)
        HOST.make_dir(str(tmp_path / "a"), 0o700)
    finally:
        os.umask(before)
    assert [mode_of(tmp_path / "a" / part) for part in ("b/c", "b", "")] == [0o711, 0o755, 0o755]


def test_a_folder_that_another_run_makes_at_this_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "new").mkdir(mode=0o700)
    real = os.path.isdir
    seen: list[str] = []

    def not_yet(path: str) -> bool:
        seen.append(path)
        return real(path) and len(seen) > 1

    monkeypatch.setattr(module_host.os.path, "isdir", not_yet)
    HOST.make_dir(str(tmp_path / "new"))


def test_a_link_is_removed_and_not_what_it_points_to(tmp_path: Path) -> None:
    path, link, broken = (tmp_path / name for name in ("file", "link", "broken"))
    path.touch()
    link.symlink_to(path)
    broken.symlink_to(tmp_path / "gone")
    HOST.remove(str(link))
    HOST.remove(str(broken))
    assert os.listdir(tmp_path) == ["file"]


def test_a_name_is_listed_copied_and_moved_whatever_it_is(tmp_path: Path) -> None:
    odd = tmp_path / "-f $(id) \u00fc"
    odd.write_bytes(DATA)
    HOST.copy(str(odd), str(tmp_path / "copy"))
    HOST.rename(str(tmp_path / "copy"), str(tmp_path / "moved"))
    assert HOST.list_dir(str(tmp_path)) == sorted([odd.name, "moved"])
    assert HOST.digest(str(tmp_path / "moved"), "sha512") == hashlib.sha512(DATA).hexdigest()


class Server(BaseHTTPRequestHandler):
    """Answers by path."""

    def do_GET(self) -> None:
        status = 404 if self.path == "/none" else 200
        length = {"/long": len(DATA) + 9, "/chunked": None, "/odd": "many"}.get(self.path, len(DATA))
        self.send_response(status)
        if length is not None:
            self.send_header("Content-Length", str(length))
        if self.path == "/gzip":
            self.send_header("Content-Encoding", "gzip")
        self.end_headers()
        self.wfile.write(DATA[: len(DATA) // 2] if self.path == "/cut" else DATA)

    def log_message(self, *_words: Any) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def web() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("path", ["whole", "chunked", "gzip"])
def test_a_download_is_what_was_sent(web: str, tmp_path: Path, path: str) -> None:
    target = tmp_path / "file"
    HOST.fetch(f"{web}/{path}", str(target))
    assert target.read_bytes() == DATA


@pytest.mark.parametrize(
    ("path", "says"), [("cut", "announced"), ("long", "announced"), ("odd", "announced|cannot be"), ("none", "404")]
)
def test_a_download_that_is_not_whole(web: str, tmp_path: Path, path: str, says: str) -> None:
    with pytest.raises(HostError, match=says) as caught:
        HOST.fetch(f"{web}/{path}", str(tmp_path / "file"))
    assert f"/{path}" in str(caught.value)


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/", "http://", "https://[", "file:///etc/passwd2"])
def test_a_server_that_does_not_answer(tmp_path: Path, url: str) -> None:
    with pytest.raises(HostError, match="cannot be fetched"):
        HOST.fetch(url, str(tmp_path / "file"))
