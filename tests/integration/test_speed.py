# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What reading costs grows with the guests and by little: calls are counted, because times depend on the machine."""

from __future__ import annotations

import cProfile
import pstats

import libvirt

from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.resource import Wish
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Guest, Nic
from ansible_collections.hostforge.hypervisor.tests.integration import foreign
from ansible_collections.hostforge.hypervisor.tests.integration.kvm_subject import KvmSubject

GUESTS = 40
# The lists of guests, pools and networks, and what each pool is.
FIXED = 12
# A definition, and one disk.
EACH = 2
# What the bindings know without asking.
LOCAL = ("Free", "GetName", "GetID", "GetConnect")


def calls_of(subject: KvmSubject, names: list[str] | None) -> int:
    """How often reading asks the daemon something."""
    driver = subject.make_driver()
    profile = cProfile.Profile()
    assert len(profile.runcall(driver.read, names)) == (GUESTS if names is None else len(names))
    return calls_in(profile)


def calls_in(profile: cProfile.Profile) -> int:
    """How often the daemon was asked something."""
    rows = pstats.Stats(profile).stats.items()  # type: ignore[attr-defined]
    return sum(row[0] for (_file, _line, name), row in rows if asks(name))


def asks(name: str) -> bool:
    return "libvirtmod.vir" in name and not any(word in name for word in LOCAL)


def test_reading_many_guests_takes_two_calls_each(kvm: libvirt.virConnect) -> None:
    subject = KvmSubject(kvm)
    path = foreign.make_disk("/var/lib/hostforge/one.qcow2", "qcow2")
    for number in range(GUESTS):
        foreign.add_guest(kvm, f"guest-{number}", path)
    assert calls_of(subject, None) <= GUESTS * EACH + FIXED
    # All definitions are looked at, because guests may share a disk; but no more than that.
    assert calls_of(subject, ["guest-7"]) <= GUESTS + EACH + FIXED


def test_checking_many_new_guests_asks_for_the_host_once(kvm: libvirt.virConnect) -> None:
    driver = KvmSubject(kvm).make_driver()
    wishes = [Wish(Guest(f"guest-{number}", nics=(Nic(network="default"),))) for number in range(GUESTS)]
    assert driver.read([wish.item.name for wish in wishes]) == {}
    plans = [(wish, list(driver.plan(wish, None))) for wish in wishes]
    profile = cProfile.Profile()
    for wish, changes in plans:
        assert profile.runcall(list, driver.check(wish, changes)) == []
    assert calls_in(profile) <= FIXED


def test_checking_an_address_reads_no_definition_again(kvm: libvirt.virConnect) -> None:
    subject = KvmSubject(kvm)
    path = foreign.make_disk("/var/lib/hostforge/one.qcow2", "qcow2")
    for number in range(GUESTS):
        foreign.add_guest(kvm, f"guest-{number}", path)
    driver = subject.make_driver()
    wish = Wish(Guest("new", nics=(Nic(network="default", mac="52:54:00:12:34:56"),)))
    driver.read([wish.item.name])
    changes = list(driver.plan(wish, None))
    profile = cProfile.Profile()
    assert profile.runcall(list, driver.check(wish, changes)) == []
    assert calls_in(profile) <= FIXED


def test_a_guest_without_data_is_defined_once(kvm: libvirt.virConnect) -> None:
    driver = KvmSubject(kvm).make_driver()
    wishes = [Wish(Guest(f"guest-{number}", nics=(Nic(network="default"),))) for number in range(GUESTS)]
    driver.read([wish.item.name for wish in wishes])
    plans = [list(driver.plan(wish, None)) for wish in wishes]
    profile = cProfile.Profile()
    for change in [change for changes in plans for change in changes]:
        profile.runcall(driver.apply, change)
    assert calls_in(profile) <= GUESTS + FIXED
