# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sizes: what is taken, what is refused, and that writing and reading them are each other's opposite."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.units import (
    LARGEST,
    MIB,
    format_size,
    parse_size,
)


@pytest.mark.parametrize(
    ("text", "mib"),
    [
        ("1 MiB", 1),
        ("20 GiB", 20 * 1024),
        ("20GiB", 20 * 1024),
        ("  2\tTiB ", 2 * 1024**2),
        ("1.5 GiB", 1536),
        ("0.5 TiB", 512 * 1024),
        ("007 MiB", 7),
        ("8388607 TiB", 8388607 * 1024**2),
    ],
)
def test_a_size_is_a_number_with_a_unit(text: str, mib: int) -> None:
    assert parse_size(text) == mib * MIB


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "20", "GiB", "20 GB", "20 gib", "20 G", "20 KiB", "1.5", "-1 GiB", "+1 GiB", "0 MiB", "0.0 GiB",
        "1.0001 MiB", "0.3 MiB", "1e3 MiB", "1_000 MiB", "1,5 GiB", "1. GiB", ".5 GiB", "0x10 MiB", "inf GiB",
        "8388608 TiB", "9999999999999999999 TiB", "99999999999999999999 MiB", "20 GiB 20 GiB", "20 GiB\nx",
        "\u0662\u0660 GiB", "nan MiB",
        "\uff12\uff10 GiB", "20 G\u0456B", "20\x00GiB", "20 GiB\x00", "1.0000000001 GiB",
    ],
)  # fmt: skip
def test_anything_else_is_refused_with_what_is_allowed(text: str) -> None:
    with pytest.raises(ValueError, match="a size"):
        parse_size(text)


@given(st.integers(1, LARGEST // MIB))
@example(LARGEST // MIB)
@example(1)
def test_what_is_written_is_read_again(mib: int) -> None:
    assert parse_size(format_size(mib * MIB)) == mib * MIB


@given(st.text(max_size=30))
def test_no_text_makes_it_stumble(text: str) -> None:
    try:
        size = parse_size(text)
    except ValueError:
        return
    assert 0 < size <= LARGEST
    assert size % MIB == 0


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 B"), (1, "1 B"), (MIB + 1, "1048577 B"), (1024 * MIB, "1 GiB"), (1025 * MIB, "1025 MiB")],
)
def test_a_size_is_written_with_the_largest_unit_that_fits(size: int, text: str) -> None:
    assert format_size(size) == text
