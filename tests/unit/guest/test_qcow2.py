# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The head of a qcow2 file: what is read of it here, and what is left to qemu-img."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.qcow2 import Head, chain_of, read_head
from ansible_collections.hostforge.hypervisor.tests.unit.guest.fake_host import FakeHost

TOP, MIDDLE, BASE = "/d/top", "/d/middle", "/images/base"
MIB = 1024 * 1024


def head(backing: str = "", kind: str = "qcow2", version: int = 3, features: int = 0) -> bytes:
    """As qemu-img writes it."""
    name, size = backing.encode(), 7 * MIB
    start = 104 if version == 3 else 72
    extensions = struct.pack(">II8sII", 0xE2792ACA, len(kind), kind.encode(), 0, 0)
    place = start + len(extensions) if name else 0
    data = struct.pack(">4sIQIIQ", b"QFI\xfb", version, place, len(name), 16, size).ljust(72, b"\0")
    if version == 3:
        data += struct.pack(">QQQII", features, 0, 0, 4, 104)
    return data + extensions + name


def host(**files: bytes) -> FakeHost:
    """A host with files, by the last part of their paths."""
    paths = {"top": TOP, "middle": MIDDLE, "base": BASE}
    return FakeHost(files={paths[name]: content for name, content in files.items()})


@pytest.mark.parametrize("version", [2, 3])
def test_a_head_tells_its_capacity_and_its_base(version: int) -> None:
    assert read_head(host(top=head(version=version)), TOP) == Head(7 * MIB)
    found = read_head(host(top=head("middle", version=version)), TOP)
    assert found == Head(7 * MIB, MIDDLE, "qcow2")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"raw",
        head()[:80],
        head(version=4),
        head(features=0b100),
        head(features=0b100000),
        head("json:{}"),
        head("nbd://host"),
        head("/" + "x" * 5000),
    ],
)
def test_what_is_not_plain_is_left_to_qemu_img(data: bytes) -> None:
    assert read_head(host(top=data), TOP) is None
    assert chain_of(host(top=data), TOP) is None


def test_a_chain_is_followed_to_its_end() -> None:
    assert chain_of(host(top=head("middle"), middle=head(BASE), base=head()), TOP) == [MIDDLE, BASE]
    assert chain_of(host(top=head(BASE, "raw"), base=b"anything"), TOP) == [BASE]


@pytest.mark.parametrize(
    "files",
    [
        {"top": head("middle")},
        {"top": head("middle"), "middle": b"raw"},
        {"top": head(BASE, "vmdk"), "base": b"KDMV"},
        {"top": head("top")},
    ],
)
def test_a_chain_that_is_not_plain_is_left_to_qemu_img(files: dict[str, bytes]) -> None:
    assert chain_of(host(**files), TOP) is None


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_left(data: bytes) -> None:
    read_head(host(top=b"QFI\xfb\0\0\0\3" + data), TOP)
