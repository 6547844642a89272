# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Machines and processors on a real libvirt: what is made, and what is refused before anything is touched."""

from __future__ import annotations

from typing import Any

import libvirt
import pytest

from ansible_collections.hostforge.hypervisor.tests.integration.rows import own
from ansible_collections.hostforge.hypervisor.tests.integration.runs import attempt, guest, mend, refused, stored

REFUSED: dict[str, tuple[dict[str, Any], list[str]]] = {
    "an unknown model": (own(cpu_model="Nehelam"), ["cpu_model Nehelam is not available", "Nehalem"]),
    "mode and model": (own(cpu_model="Nehalem", cpu_mode="maximum"), ["write one"]),
    "a layout of fewer": (
        {"vcpus_max": 6, **own(topology={"cores": 2, "threads": 2})},
        ["1 sockets x 1 dies x 2 cores x 2 threads are 4 vcpus, and vcpus_max is 6"],
    ),
    "a layout of more": ({"vcpus": 2, **own(topology={"cores": 3})}, ["are 3 vcpus, and vcpus_max is 2"]),
    "a type that the host has not": ({"kvm": {"type": "kvm"}}, ["this host cannot run guests of type kvm"]),
}


@pytest.mark.parametrize(("wish", "says"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_is_refused(kvm: libvirt.virConnect, wish: dict[str, Any], says: list[str]) -> None:
    said = refused(name="new1", **wish)
    assert [part for part in says if part not in said] == []
    assert kvm.listAllDomains() == []
    guest(name="old1", vcpus=1)
    said = refused(name="old1", description="x", **wish)
    assert [part for part in says if part not in said] == []


def test_an_unknown_machine_is_refused_with_those_that_there_are(kvm: libvirt.virConnect) -> None:
    says = "machine: this host has no {}; there are: "
    said = refused(name="new1", **own(machine="q53"))
    assert says.format("q53") in said
    assert all(f" {name}," in said for name in ("pc-q35-7.2", "pc-i440fx-7.2", "q35"))
    guest(name="old1")
    assert says.format("pc-q35-99.9") in refused(name="old1", description="x", **own(machine="pc-q35-99.9"))


def test_a_machine_stays_in_its_family(kvm: libvirt.virConnect) -> None:
    guest(name="old1", **own(machine="q35"))
    found = stored("old1").find("os/type")
    assert found is not None
    machine = found.get("machine", "")
    assert machine.startswith("pc-q35-")
    said = refused(name="old1", **own(machine="pc"))
    assert machine in said
    assert "does not become a pc" in said
    assert mend(name="old1", **own(machine="pc-q35-7.0")) == ["set machine"]
    assert not guest(name="old1", **own(machine="q35"))["changed"]


def test_a_machine_without_express_is_made_and_starts(kvm: libvirt.virConnect) -> None:
    wish: dict[str, Any] = {
        "name": "old1",
        "state": "running",
        "disks": [{"name": "root", "size": "16 MiB"}],
        "nics": [{"network": "default"}],
        **own(machine="pc", watchdog={"model": "ib700"}),
    }
    assert mend(**wish) == ["create guest", "start state"]
    wish["disks"].append({"name": "data", "size": "16 MiB"})
    result = guest(**wish)
    assert not result["restart_required"]


def test_a_layout_goes_with_its_maximum(kvm: libvirt.virConnect) -> None:
    guest(name="old1", vcpus=2, **own(topology={"cores": 2}))
    wish: dict[str, Any] = {"name": "old1", "vcpus_max": 8, **own(topology={"cores": 4, "threads": 2})}
    assert mend(**wish) == ["set vcpus_max", "set topology"]
    # Without a layout in the wish, libvirt makes one.
    assert mend(name="old1", vcpus_max=4) == ["set vcpus_max"]
    assert stored("old1").find("cpu/topology") is None


def test_all_that_is_wrong_is_told_at_once(kvm: libvirt.virConnect) -> None:
    result = attempt(name="new1", **own(machine="q53", cpu_model="x86", pci_devices=["0000:ff:1f.7"]))
    assert all(part in result["msg"] for part in ("no q53", "cpu_model x86", "pci_devices"))
