# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each row of the KVM driver's traits, and so of the table in the documents, is what a real libvirt does.

What is hot is in the stored and in the running definition at once. What needs a restart is stored, runs only after
the restart, and the result says so until then. What is fixed is refused, and nothing is touched.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from typing import Any

import libvirt
import pytest

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.traits import TRAITS
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.traits import (
    CREATION,
    HOT,
    HOT_GROW,
    RESTART,
    Field,
)
from ansible_collections.hostforge.hypervisor.tests.integration.console import Console
from ansible_collections.hostforge.hypervisor.tests.integration.guest_image import image_path
from ansible_collections.hostforge.hypervisor.tests.integration.kvm_subject import KvmSubject
from ansible_collections.hostforge.hypervisor.tests.integration.rows import BASE, NAME, ROWS, UNPROVEN, Row, disk
from ansible_collections.hostforge.hypervisor.tests.integration.runs import guest, live, refused, stored, virsh

SYSTEM = {"disks": [{"name": "root", "size": "1 GiB", "image": {"source": str(image_path())}}]}
SETTLED_S = 60
FORCE = {"restart": "force", "shutdown_timeout": 0}


class Tried:
    """One row's guest."""

    def __init__(self, host: libvirt.virConnect, row: Row, consoles: ExitStack) -> None:
        self.row = row
        self._base = {**BASE, **(SYSTEM if row.system else {}), "state": "stopped" if row.cold else "running"}
        self.make(row.before)
        self._host = host
        if row.system:
            consoles.enter_context(Console(host.lookupByName(NAME)))
            self._settle()
        self.boot = virsh("domid", NAME)

    def _settle(self) -> None:
        """A system that has just booted is still giving memory back to its host."""
        limit = time.monotonic() + SETTLED_S
        while self.shows()[1] != self.row.shows[0] and time.monotonic() < limit:
            time.sleep(0.2)

    def make(self, options: Mapping[str, Any], **more: Any) -> bool:
        """Run the module; whether it says that a restart is required."""
        return bool(guest(**{**self._base, **options, **more})["restart_required"])

    def refuse(self, options: Mapping[str, Any]) -> str:
        """Run the module, which must refuse it; its message."""
        return refused(**{**self._base, **options, **FORCE})

    def shows(self) -> tuple[object, object]:
        """What the stored and the running definition show of the field."""
        probe = self.row.probe
        return probe(stored(NAME)), probe(stored(NAME) if self.row.cold else live(NAME))

    def dump(self) -> Mapping[str, object]:
        """All that the host has."""
        return KvmSubject(self._host).dump()


@pytest.fixture
def consoles() -> Iterator[ExitStack]:
    """The consoles of guests that have a system, until the end of the test."""
    with ExitStack() as stack:
        yield stack


def is_hot(tried: Tried) -> None:
    before, after = tried.row.shows
    assert tried.shows() == (before, before)
    assert not tried.make(tried.row.after)
    assert tried.shows() == (after, after)
    assert virsh("domid", NAME) == tried.boot


def needs_a_restart(tried: Tried) -> None:
    before, after = tried.row.shows
    assert tried.shows() == (before, before)
    for _run in range(2):
        assert tried.make(tried.row.after) != bool(tried.row.cold)
        assert tried.shows() == (after, after if tried.row.cold else before)
        assert virsh("domid", NAME) == tried.boot
    assert not tried.make(tried.row.after, **FORCE)
    assert tried.shows() == (after, after)
    assert (virsh("domid", NAME) == tried.boot) == bool(tried.row.cold)
    assert not tried.make(tried.row.after)


def is_fixed(tried: Tried) -> None:
    before = tried.dump()
    assert "is fixed when the guest is made" in tried.refuse(tried.row.after)
    assert tried.dump() == before


PROOFS: dict[str, Callable[[Tried], None]] = {
    HOT: is_hot,
    HOT_GROW: is_hot,
    RESTART: needs_a_restart,
    CREATION: is_fixed,
}


@pytest.mark.parametrize("field", sorted(ROWS))
def test_a_row_is_true(kvm: libvirt.virConnect, consoles: ExitStack, field: str) -> None:
    KvmSubject(kvm)  # makes the media
    PROOFS[TRAITS.fields[field].when](Tried(kvm, ROWS[field], consoles))


def unproven(fields: Mapping[str, Field]) -> set[str]:
    """The fields that have neither a row nor a reason, and the rows of fields that there are no more."""
    return set(fields) ^ {*ROWS, *UNPROVEN}


def test_every_field_has_a_row() -> None:
    assert unproven(TRAITS.fields) == set()
    assert not set(ROWS) & set(UNPROVEN)


def test_a_field_without_a_row_is_found() -> None:
    assert unproven({**TRAITS.fields, "colour": Field(HOT)}) == {"colour"}


def test_an_image_is_not_looked_at_again(kvm: libvirt.virConnect) -> None:
    guest(**BASE, **disk())
    assert not guest(**BASE, **disk(image={"source": "/not/there.qcow2"}))["changed"]
