# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks into a guest through the shell on its serial console."""

from __future__ import annotations

import os
import select
import time
import xml.etree.ElementTree as ET

import libvirt

BOOT_S = 180
ANSWER_S = 30


class Console:
    """The serial console of a running guest that was made from the image of guest_image.py."""

    def __init__(self, domain: libvirt.virDomain) -> None:
        source = ET.fromstring(domain.XMLDesc(0)).find("devices/serial/source")
        assert source is not None
        self._handle = os.open(source.get("path", ""), os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        self._count = 0

    def __enter__(self) -> Console:
        self.ask("", BOOT_S)
        return self

    def __exit__(self, *_error: object) -> None:
        os.close(self._handle)

    def ask(self, command: str, limit_s: float = ANSWER_S) -> str:
        """What a command prints."""
        self._count += 1
        # The echo of the line holds the quotes, the answer does not.
        begin, end = f"<{self._count}:", f":{self._count}>"
        line = f"echo '<''{self._count}:'\"$({command or ':'})\"':''{self._count}>'\n".encode()
        limit, heard = time.monotonic() + limit_s, ""
        asked = 0.0
        while begin not in heard or end not in heard.partition(begin)[2]:
            assert time.monotonic() < limit, f"no answer to {command!r} within {limit_s} s, only: {heard[-2000:]}"
            if not asked or (not command and time.monotonic() - asked > ANSWER_S / 10):
                asked = time.monotonic()
                os.write(self._handle, line)
            heard += self._hear()
        return heard.partition(begin)[2].partition(end)[0].replace("\r", "").strip()

    def _hear(self) -> str:
        ready, _writable, _odd = select.select([self._handle], [], [], 0.2)
        try:
            return os.read(self._handle, 65536).decode(errors="replace") if ready else ""
        except (BlockingIOError, OSError):
            return ""
