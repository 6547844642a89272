# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options under C(kvm:) for which wish and state are seen together."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm import own, xml
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.forms import Topology
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.fragments import Fragment
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.traits import TRAITS
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.change import Change
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import PlanError
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.plan import pending, plan
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Guest, Policy

HAP = Fragment("features/hap", ("<hap/>",))
SPICE = Fragment("devices/graphics[@type='spice']", ("<graphics autoport='yes'/>",))
SCREEN = Fragment("devices/graphics/listen", ("<listen type='none'/>",))
NO_PAE = Fragment("features/pae")
STORED = xml.parse("<domain><features><hap/><pae/></features></domain>")
LIVE = xml.parse("<domain><features/></domain>")


def guest(state: str = "present", **options: Any) -> Guest:
    return Guest("web1", state, vcpus=2, vcpus_max=4, options=tuple(sorted(options.items())))


def running(stored: Guest, live: Guest) -> Guest:
    return replace(stored, state="running", live=live)


def test_a_family_is_any_of_its_versions() -> None:
    have = running(guest(machine="pc-q35-7.2"), guest(machine="pc-q35-7.1"))
    for wished, changes, waits in (("q35", 0, False), ("pc-q35-7.2", 0, True), ("pc-q35-7.1", 1, False)):
        want = guest(machine=wished)
        seen = own.as_wished(want, have, STORED, LIVE)
        assert len(list(plan(want, seen, TRAITS, Policy()))) == changes
        assert pending(want, seen, TRAITS, Policy()) == waits


def test_each_fragment_that_differs_is_a_change() -> None:
    want, have = guest(xml=(HAP, NO_PAE)), running(guest(), guest())
    seen = own.as_wished(want, have, STORED, LIVE)
    (change,) = own.one_by_one(plan(want, seen, TRAITS, Policy()))
    assert change == Change("web1", "set", "xml", "features/pae", before=("<pae/>",), after=())
    # The running guest has no hap, which it gets with a restart.
    assert pending(want, seen, TRAITS, Policy())
    fulfilled = own.as_wished(guest(xml=(HAP,)), have, STORED, STORED)
    assert list(plan(guest(xml=(HAP,)), fulfilled, TRAITS, Policy())) == []
    assert not pending(guest(xml=(HAP,)), fulfilled, TRAITS, Policy())


def test_no_fragments_are_no_change() -> None:
    want = guest(xml=())
    seen = own.as_wished(want, running(guest(), guest()), STORED, LIVE)
    assert list(own.one_by_one(plan(want, seen, TRAITS, Policy()))) == []


REFUSED: list[tuple[Guest, Guest | None, list[str]]] = [
    (guest(topology=Topology(cores=3)), guest(), ["are 3 vcpus, and vcpus_max is 4"]),
    (replace(guest(topology=Topology(cores=4)), vcpus_max=6), guest(), ["are 4 vcpus, and vcpus_max is 6"]),
    (replace(guest(topology=Topology(cores=4)), vcpus=6, vcpus_max=None), guest(), ["and vcpus_max is 6"]),
    (replace(guest(topology=Topology(cores=4)), vcpus_max=None), None, ["are 4 vcpus, and vcpus_max is 2"]),
    (guest(machine="pc"), guest(machine="pc-q35-7.2"), ["is a pc-q35-7.2 and does not become a pc"]),
    (guest(cpu_mode="maximum", cpu_model="x"), None, ["write one"]),
    (guest(graphics="vnc", xml=(SPICE,)), guest(graphics="vnc"), [f"xml: {SPICE.path}", "which is vnc"]),
    (guest(graphics="none", xml=(SCREEN,)), None, [f"xml: {SCREEN.path}", "which is none"]),
    (
        guest(machine="pc", topology=Topology(), cpu_mode="maximum", cpu_model="x"),
        guest(machine="q35"),
        ["write one", "are 1 vcpus", "does not become"],
    ),
]


@pytest.mark.parametrize(("want", "have", "says"), REFUSED)
def test_what_cannot_be_is_refused_with_every_reason(want: Guest, have: Guest | None, says: list[str]) -> None:
    changes = list(plan(want, have, TRAITS, Policy()))
    with pytest.raises(PlanError) as caught:
        own.refuse(want, have, changes)
    assert [part for part in says if part not in str(caught.value)] == []
    own.refuse(replace(want, state="absent"), have, [])


@pytest.mark.parametrize("have", [None, guest(topology=Topology(cores=2))])
def test_a_layout_of_the_maximum_is_taken(have: Guest | None) -> None:
    for want in (guest(topology=Topology(2, 1, 2, 1)), replace(guest(topology=Topology(cores=8)), vcpus_max=8)):
        own.refuse(want, have, list(plan(want, have, TRAITS, Policy())))


@pytest.mark.parametrize("graphics", ["spice", None])
def test_a_fragment_of_the_wished_screen_is_taken(graphics: str | None) -> None:
    options = {} if graphics is None else {"graphics": graphics}
    own.refuse(guest(xml=(SPICE, SCREEN), **options), guest(), [])
