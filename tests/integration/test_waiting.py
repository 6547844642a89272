# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run looks at while it waits: the guests that it waits for, and no others."""

from __future__ import annotations

from typing import Any

import libvirt
import pytest

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm import look
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.driver import KvmDriver
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.module_host import ModuleHost
from ansible_collections.hostforge.hypervisor.tests.integration import foreign
from ansible_collections.hostforge.hypervisor.tests.integration.daemon import URI
from ansible_collections.hostforge.hypervisor.tests.integration.runs import attempt, guest, virsh

SMALL: dict[str, Any] = {"memory": "64 MiB", "disks": [{"name": "root", "size": "4 MiB"}]}


def test_only_those_that_are_waited_for_are_looked_at_again(
    kvm: libvirt.virConnect, monkeypatch: pytest.MonkeyPatch
) -> None:
    guest(**SMALL, guests=[{"name": name, "state": "running"} for name in ("a", "b", "c", "d")])
    driver = KvmDriver(URI, "/var/lib/hostforge/images", "/var/lib/hostforge/seeds", ModuleHost())
    whole = driver.read(["a", "b", "c"])
    asked: list[str] = []
    stored_root = look.stored_root

    def ask(domain: libvirt.virDomain, secure: bool = False) -> Any:
        asked.append(domain.name())
        return stored_root(domain, secure)

    monkeypatch.setattr(look, "stored_root", ask)
    assert driver.look_again(["a", "b"]) == {name: whole[name] for name in ("a", "b")}
    assert asked == ["a", "b"]
    virsh("destroy", "a")
    virsh("destroy", "b")
    virsh("undefine", "b")
    again = driver.look_again(["a", "b"])
    assert (list(again), again["a"].state, again["a"].live) == (["a"], "stopped", None)
    virsh("start", "a")
    assert driver.look_again(["a"])["a"].live is not None


def test_a_disk_that_came_meanwhile_is_told_of(kvm: libvirt.virConnect) -> None:
    guest(name="a", **SMALL)
    driver = KvmDriver(URI, "/var/lib/hostforge/images", "/var/lib/hostforge/seeds", ModuleHost())
    driver.read(["a"])
    path = foreign.make_disk("/var/lib/hostforge/theirs.qcow2", "qcow2")
    foreign.attach_disk(kvm, "a", path)
    assert [disk.path for disk in driver.look_again(["a"])["a"].disks or ()][1:] == [path]


def test_no_time_to_wait_is_one_look(kvm: libvirt.virConnect) -> None:
    said = attempt(name="a", state="running", wait_for="address", wait_timeout=0, **SMALL)["msg"]
    assert "no address after 0 s" in said
