# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""That the wishes and states that are made up hold everything that the model has: what is left out is never tried."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from functools import cache
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import (
    Autostart,
    Cdrom,
    Disk,
    Guest,
    Nic,
    Policy,
)
from ansible_collections.hostforge.hypervisor.tests.contract.fake_traits import HOT_TRAITS
from ansible_collections.hostforge.hypervisor.tests.unit.guest import strategies
from ansible_collections.hostforge.hypervisor.tests.unit.guest.test_any_state import SUBJECTS

# What no wish has, and what all have.
STATES_OWN = {(Guest, "addresses"), (Guest, "live"), (Guest, "unfinished"), (Disk, "owned"), (Cdrom, "drive")}
ALWAYS_SO = {
    (Guest, "name"),  # the host has this one guest
    (Guest, "package"),  # no driver plans it: it is read, and the rest of the wish made of it, before that
    (Nic, "options"),  # the fake hypervisor has none of cards
    (Policy, "shutdown_timeout_s"),  # its guests all obey
}


DRAWN = {"wishes": strategies.wished_guests(), "states": strategies.found_guests(), "policies": strategies.policies}


@cache
def drawn(what: str) -> list[Any]:
    found: list[Any] = []

    @settings(max_examples=200, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
    @given(DRAWN[what])
    def draw(one: Any) -> None:
        found.append(one)

    draw()
    return found


def parts(found: list[Any], kind: type) -> Iterator[Any]:
    """The values of a kind in guests, or those that are of it."""
    for one in found:
        if isinstance(one, kind):
            yield one
        elif isinstance(one, Guest):
            entries = (*(one.disks or ()), *(one.cdroms or ()), *(one.nics or ()), one.autostart)
            yield from (entry for entry in entries if isinstance(entry, kind))


@pytest.mark.parametrize("kind", [Guest, Disk, Nic, Cdrom, Autostart, Policy], ids=lambda kind: kind.__name__)
def test_every_option_is_left_out_or_has_several_values(kind: type) -> None:
    found = list(parts(drawn("policies" if kind is Policy else "wishes"), kind))
    for field in fields(kind):
        values = {repr(getattr(one, field.name)) for one in found}
        if (kind, field.name) in STATES_OWN | ALWAYS_SO:
            assert len(values) == 1
        else:
            assert len(values) > 1, f"{kind.__name__}.{field.name} is {values} in every wish"


def test_every_option_of_one_hypervisor_is_tried() -> None:
    guests = drawn("wishes")
    own = {name for guest in guests for name, _value in guest.options}
    own |= {f"disks.{name}" for guest in guests for disk in guest.disks or () for name, _value in disk.options}
    known = {f.name for f in fields(Guest)} | {f"{key}.{f.name}" for key, kind in KINDS for f in fields(kind)}
    assert own == set(HOT_TRAITS.fields) - known - {"nics.source"}


KINDS = [("disks", Disk), ("cdroms", Cdrom), ("nics", Nic)]


def test_what_is_found_has_every_value() -> None:
    for guest in drawn("states"):
        left_out = {field.name for field in fields(Guest) if getattr(guest, field.name) is None}
        assert left_out <= {"live", "cloud_init", "package"}


def test_every_kind_of_hypervisor_is_tried() -> None:
    assert {subject.traits.stores_pending for subject in SUBJECTS} == {True, False}
