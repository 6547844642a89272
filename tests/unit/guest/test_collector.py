# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The collector of cycles is off for a while, and then as it was, however the while ends."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.collector import without_collector


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    yield
    gc.enable()
    gc.unfreeze()


def test_it_is_off_for_a_while() -> None:
    with without_collector():
        assert not gc.isenabled()
    assert gc.isenabled()


def test_a_run_that_ends_early_turns_it_on_again() -> None:
    with pytest.raises(SystemExit), without_collector():
        raise SystemExit(0)
    assert gc.isenabled()


def test_who_has_turned_it_off_finds_it_off() -> None:
    gc.disable()
    with without_collector():
        assert not gc.isenabled()
    assert not gc.isenabled()
