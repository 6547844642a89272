# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A download that ends, whatever the server does: it is whole, or an error that says what the server did."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from threading import Lock, Thread
from typing import Any
from urllib.error import HTTPError

from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import HostError

CHUNK_BYTES = 1024 * 1024
AGENT = "hostforge.hypervisor"
STALL_S = 60  # a server that sends nothing for so long has failed
OPEN_S = 180  # and one that has not begun to send after so long, with all that it redirects to
# One that sends less than this within STALL_S would take days for an image.
DRIP_BYTES = 64 * 1024
# While it opens a URL, urllib has the handlers of that URL, and so its password, in one place for all threads.
_OPENING = Lock()


def chunks_of(url: str, most_bytes: int | None = None) -> Iterator[bytes]:
    """Yield what is at a URL, piece by piece, as it is sent. Proxies and certificates are as everywhere in Ansible.

    Raises HostError, naming the URL, when it cannot be had, stalls or drips, is not as long as the server announced,
    or is longer than most_bytes.
    """
    with closing(_opened(url)) as answer:
        announced = (answer.headers.get("Content-Length") or "").strip()
        if most_bytes is not None and announced.isdigit() and int(announced) > most_bytes:
            raise _too_long(url, most_bytes)
        size = 0
        for chunk in _watched(url, answer):
            size += len(chunk)
            if most_bytes is not None and size > most_bytes:
                raise _too_long(url, most_bytes)
            yield chunk
    if announced not in ("", str(size)):
        raise HostError(f"{url} announced {announced} bytes and sent {size}")


def _too_long(url: str, most_bytes: int) -> HostError:
    return HostError(f"{url} cannot be fetched: it is longer than {most_bytes} bytes")


class _Opening(Thread):
    """Opens a URL, of whose answer nothing is read yet.

    A time limit of urllib is for each piece of a header, of which a server can send as many as it likes. So the
    opening is done aside, and given up; a module ends soon after.
    """

    def __init__(self, url: str) -> None:
        super().__init__(daemon=True)
        self._url = url
        self.answer: Any = None
        self.error: Exception | None = None
        self.given_up = False

    def run(self) -> None:
        """Do it."""
        try:
            # Imported where it is needed: it brings TLS and HTTP along, which takes longer than all other imports.
            from ansible.module_utils.urls import open_url

            # As it is sent: checksums and announced lengths are of that.
            self.answer = open_url(self._url, timeout=STALL_S, http_agent=AGENT, decompress=False)
            if self.given_up:
                self.answer.close()
        except Exception as error:  # noqa: BLE001 - what the server, TLS and urllib can raise has no common base
            self.error = error
            if isinstance(error, HTTPError):
                error.close()


def _opened(url: str) -> Any:
    opening = _Opening(url)
    with _OPENING:
        opening.start()
        opening.join(OPEN_S)
    opening.given_up = opening.is_alive()
    if opening.given_up:
        raise HostError(f"{url} cannot be fetched: there was no answer within {OPEN_S} s")
    if opening.error is not None:
        raise HostError(f"{url} cannot be fetched: {opening.error}") from opening.error
    return opening.answer


def _watched(url: str, answer: Any) -> Iterator[bytes]:
    begin, got = time.monotonic(), 0
    while True:
        try:
            # read1 returns what has come, where read would wait until it has as much as was asked for.
            chunk = answer.read1(CHUNK_BYTES)
        except Exception as error:  # as above
            raise HostError(f"{url} cannot be fetched: {str(error) or type(error).__name__}") from error
        if not chunk:
            return
        yield chunk
        got += len(chunk)
        now = time.monotonic()
        if now - begin > STALL_S:
            if got < DRIP_BYTES:
                raise HostError(f"{url} cannot be fetched: it sent {got} bytes in {now - begin:.0f} s")
            begin, got = now, 0
