# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which wished entry is which found one: by identity, then so that little differs, and always in the same way."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.lists import (
    entry_key,
    nic_is,
    pair,
    pair_cdroms,
    pair_disks,
    pair_nics,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Cdrom, Disk, Nic
from ansible_collections.hostforge.hypervisor.tests.unit.guest.strategies import nics

A, B, C = (f"52:54:00:00:00:0{digit}" for digit in "abc")


def found(mac: str, network: str | None = "default", bridge: str | None = None, vlan: int = 0, model: str = "v") -> Nic:
    return Nic(network, bridge, mac, vlan, model)


def macs(want: list[Nic], have: list[Nic]) -> list[str | None]:
    """The addresses of the cards that the wishes get, in their order."""
    return [card.mac if card else None for wished, card in pair_nics(want, have) if wished is not None]


def test_disks_go_by_name() -> None:
    want, have = [Disk("data", 5), Disk("new")], [Disk("root"), Disk("data", 7)]
    assert pair_disks(want, have) == [(want[0], have[1]), (want[1], None), (None, have[0])]


def test_disks_go_by_their_data_where_that_is_written() -> None:
    have = [Disk("vda", path="/b"), Disk("vdb", path="/a")]
    assert pair_disks([Disk("data", path="/a")], have) == [(Disk("data", path="/a"), have[1]), (None, have[0])]
    assert pair_disks([Disk("vda", path="/a"), Disk("more")], have)[0] == (Disk("vda", path="/a"), have[1])
    both = [Disk("vdb"), Disk("more", path="/a")]
    assert pair_disks(both, have)[:2] == [(both[0], have[1]), (both[1], None)], "one that is named is not taken away"
    assert pair_disks([Disk("vda", path="/c")], have)[0] == (Disk("vda", path="/c"), have[0])


def test_a_mac_is_an_identity() -> None:
    want = [Nic("default"), Nic("second", mac=A)]
    assert macs(want, [found(A), found(B, "second")]) == [B, A]
    assert macs([Nic("default", mac=C)], [found(A)]) == [None]


def test_cards_that_are_as_wished_come_first() -> None:
    assert macs([Nic("default"), Nic(bridge="br0")], [found(A, None, "br0"), found(B)]) == [B, A]


def test_then_cards_that_are_plugged_in_where_wished() -> None:
    want = [Nic("default", model="e"), Nic("second", model="v")]
    assert macs(want, [found(A, "third"), found(B)]) == [B, A]


def test_then_any_card() -> None:
    assert macs([Nic("default")], [found(A, "second")]) == [A]


def test_a_wish_of_many_words_is_not_robbed_by_one_of_few() -> None:
    few, many = Nic("default"), Nic("default", model="e")
    cards = [found(A, model="e"), found(B)]
    assert macs([few, many], cards) == [B, A]
    assert macs([many, few], cards) == [A, B]


def test_wishes_that_overlap_are_all_satisfied() -> None:
    tagged, old = Nic("default", vlan=20), Nic("default", model="e")
    cards = [found(A, vlan=20, model="e"), found(B, model="e")]
    assert macs([old, tagged], cards) == [B, A]
    assert macs([tagged, old], cards) == [A, B]


def test_drives_go_by_name_then_by_medium_then_in_order() -> None:
    one, two = Cdrom("/one", "sda"), Cdrom("/two", "sdb")
    assert pair_cdroms([Cdrom("/two"), Cdrom("/new")], [one, two]) == [(Cdrom("/two"), two), (Cdrom("/new"), one)]
    assert [have for _want, have in pair_cdroms([Cdrom("/two", "sda")], [two, one])] == [one, two]
    assert pair_cdroms([Cdrom("/one", "sdc")], [one]) == [(Cdrom("/one"), None), (None, one)]
    assert pair_cdroms([Cdrom(), Cdrom()], [Cdrom(None)]) == [(Cdrom(), Cdrom()), (Cdrom(), None)]


def test_entries_are_called_by_what_tells_them_apart() -> None:
    entries = [
        Disk("root"),
        found(A),
        Nic("default"),
        Nic(bridge="br0"),
        Nic(),
        Cdrom("/a", "sda"),
        Cdrom("/a"),
        Cdrom(),
    ]
    assert [entry_key(entry) for entry in entries] == ["root", A, "default", "br0", "", "sda", "/a", "empty"]


def test_every_rule_pairs_as_many_as_it_can() -> None:
    pairs = pair([1, 2, 3], [10, 20, 30], lambda a, b: (a, b) in {(1, 10), (1, 20), (2, 10), (3, 10), (3, 20), (3, 30)})
    assert sorted(pairs) == [(1, 20), (2, 10), (3, 30)]


@given(want=nics(optional=True), have=nics(optional=False))
def test_pairing_loses_and_invents_nothing(want: tuple[Nic, ...], have: tuple[Nic, ...]) -> None:
    pairs = pair_nics(want, have)
    assert [wished for wished, _card in pairs if wished is not None] == list(want)
    assert sorted(map(repr, (card for _wished, card in pairs if card is not None))) == sorted(map(repr, have))
    assert pairs == pair_nics(want, have)


@given(
    have=st.permutations(
        [found(A), found(B, vlan=20), found(C, model="e"), found("52:54:00:00:00:0d", vlan=20, model="e")]
    )
)
def test_what_satisfies_all_wishes_is_found_in_any_order(have: list[Nic]) -> None:
    want = [Nic("default"), Nic("default", vlan=20), Nic("default", model="e"), Nic("default", vlan=20, model="e")]
    assert all(card is not None and nic_is(wished, card) for wished, card in pair_nics(want, have) if wished)


def test_a_card_is_told_by_what_only_one_hypervisor_has_of_it() -> None:
    plain, fast = found(A), replace(found(B), options=(("queues", 4),))
    assert macs([Nic("default", options=(("queues", 4),)), Nic("default")], [plain, fast]) == [B, A]
