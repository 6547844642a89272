# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The program of the role virtualbox_host that computes a key's fingerprint: one key, whole, or a message."""

from __future__ import annotations

import base64
import hashlib
import runpy
from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.hostforge.hypervisor.tests.runner.environment import CHECKOUT

PROGRAM: dict[str, Any] = runpy.run_path(str(CHECKOUT / "roles/virtualbox_host/files/key_fingerprint.py"))
fingerprint: Callable[[str], str] = PROGRAM["fingerprint"]
BODY = b"\x04" + bytes(range(200)) * 2
EXPECTED = hashlib.sha1(b"\x99" + len(BODY).to_bytes(2, "big") + BODY).hexdigest()  # noqa: S324  # the format's
OLD = b"\x99" + len(BODY).to_bytes(2, "big") + BODY
NEW = b"\xc6" + bytes([((len(BODY) - 192) >> 8) + 192, (len(BODY) - 192) & 255]) + BODY
LONG = b"\xc6\xff" + len(BODY).to_bytes(4, "big") + BODY
NAME = b"\xb4\x03abc"


def armoured(data: bytes, headers: str = "Version: X\n") -> str:
    text = base64.encodebytes(data).decode()
    return f"-----BEGIN PGP PUBLIC KEY BLOCK-----\n{headers}\n{text}=abcd\n-----END PGP PUBLIC KEY BLOCK-----\n"


@pytest.mark.parametrize("packet", [OLD, NEW, LONG], ids=["old", "new", "long"])
@pytest.mark.parametrize("headers", ["", "Version: X\nComment: y\n"], ids=["bare", "headers"])
def test_a_key_has_the_fingerprint_of_its_packet(packet: bytes, headers: str) -> None:
    assert fingerprint(armoured(packet + NAME, headers)) == EXPECTED
    assert fingerprint(armoured(packet + NAME, headers).replace("\n", "\r\n")) == EXPECTED


WRONG = [
    ("", "0 armoured blocks"),
    (armoured(OLD) + armoured(OLD), "2 armoured blocks"),
    (armoured(OLD + OLD), "2 keys"),
    (armoured(NAME), "0 keys"),
    (armoured(OLD[:-1]), "its end is missing"),
    (armoured(b"\x00" + OLD), "damaged"),
    (armoured(b"\x99\x00\x02\x06x"), "version 6"),
    (armoured(b"\xc6\xe1" + BODY), "pieces"),
    ("-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n!!\n-----END PGP PUBLIC KEY BLOCK-----", "cannot be read"),
]


@pytest.mark.parametrize(("text", "says"), WRONG, ids=[says for _text, says in WRONG])
def test_anything_else_is_refused(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        fingerprint(text)
