# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Serves single files over HTTP to VMs, which reach the machine's loopback as 10.0.2.2."""

from __future__ import annotations

import http.server
import shutil
from collections.abc import Mapping
from functools import partial
from http import HTTPStatus
from pathlib import Path

_CHUNK = 1024 * 1024


class _Handler(http.server.BaseHTTPRequestHandler):
    """Answers GET and HEAD for exactly the given names; no folder is ever listed."""

    protocol_version = "HTTP/1.1"

    def __init__(self, files: Mapping[str, Path], *arguments: object) -> None:
        self._files = files
        super().__init__(*arguments)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        self._answer(body=True)

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def log_message(self, *_arguments: object) -> None:
        """Requests are no news."""

    def _answer(self, *, body: bool) -> None:
        path = self._files.get(self.path.lstrip("/"))
        if path is None:
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        with path.open("rb") as handle:
            self.send_response(HTTPStatus.OK)
            self.send_header("Content-Type", "application/octet-stream")
            self.send_header("Content-Length", str(path.stat().st_size))
            self.end_headers()
            if body:
                shutil.copyfileobj(handle, self.wfile, _CHUNK)


def server(files: Mapping[str, Path], port: int = 0) -> http.server.ThreadingHTTPServer:
    """A server on the loopback, not yet running; its port is in `server_address[1]`."""
    return http.server.ThreadingHTTPServer(("127.0.0.1", port), partial(_Handler, files))
