# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A running system sees what is changed, and what somebody changed while it ran is mended without a restart.

One guest is booted for all tests here; each leaves it as it was.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import libvirt
import pytest

from ansible_collections.hostforge.hypervisor.tests.integration import foreign
from ansible_collections.hostforge.hypervisor.tests.integration.console import Console
from ansible_collections.hostforge.hypervisor.tests.integration.daemon import POOLS
from ansible_collections.hostforge.hypervisor.tests.integration.guest_image import image_path
from ansible_collections.hostforge.hypervisor.tests.integration.kvm_subject import clean
from ansible_collections.hostforge.hypervisor.tests.integration.runs import actions, guest, hot, mend, module, virsh

MAC = "52:54:00:0a:0b:0c"
OTHER = "52:54:00:0a:0b:0d"
ROOT = {"name": "root", "size": "1 GiB", "image": {"source": str(image_path())}}
WISH: dict[str, Any] = {
    "name": "sys1",
    "state": "running",
    "description": "a system",
    "vcpus": 1,
    "vcpus_max": 3,
    "memory": "208 MiB",
    "memory_max": "256 MiB",
    "disks": [ROOT, {"name": "data", "size": "16 MiB"}],
    "nics": [{"network": "default", "mac": MAC}],
}


class System:
    """The guest, from outside and from inside."""

    def __init__(self, domain: libvirt.virDomain, console: Console) -> None:
        self.domain = domain
        # Another at each start. (The binding's own object would answer with what it was when it was looked up.)
        self.boot = virsh("domid", "sys1")
        self._console = console

    def says(self, command: str, expected: str) -> None:
        """Wait until a command's output inside is as expected: the kernel may take a moment to notice."""
        limit = time.monotonic() + 30
        while (answer := self._console.ask(command)) != expected:
            assert time.monotonic() < limit, f"{command}: {answer!r} is not {expected!r}"
            time.sleep(0.3)

    def memory_mib(self) -> int:
        return int(self._console.ask("sed -n 's/^MemTotal: *\\([0-9]*\\) .*/\\1/p' /proc/meminfo")) // 1024


@pytest.fixture(scope="module")
def booted(host: libvirt.virConnect) -> Iterator[System]:
    """The guest, with an address."""
    result = guest(**WISH, wait_for="address", wait_timeout=180)
    addresses = result["guests"][0]["guest"]["addresses"]
    assert [address.rpartition(".")[0] for address in addresses] == ["192.168.122"]
    domain = host.lookupByName("sys1")
    with Console(domain) as console:
        yield System(domain, console)
    clean(host)


@pytest.fixture
def system(booted: System) -> Iterator[System]:
    """The guest, running all the time and as it was before."""
    yield booted
    guest(**WISH)
    result = guest(**WISH)
    assert not result["changed"]
    assert not result["restart_required"]
    assert virsh("domid", "sys1") == booted.boot


def test_memory_moves(system: System) -> None:
    before = system.memory_mib()
    assert hot(guest(**{**WISH, "memory": "240 MiB"})) == [True]
    assert system.memory_mib() - before == 32
    assert hot(guest(**WISH)) == [True]
    assert system.memory_mib() == before


def test_disks_come_grow_and_go(system: System) -> None:
    system.says("cat /sys/block/vdb/size", str(16 * 2048))
    wish = {**WISH, "disks": [*WISH["disks"], {"name": "more", "size": "8 MiB"}]}
    assert actions(guest(**wish)) == ["add disks more"]
    system.says("cat /sys/block/vdc/size", str(8 * 2048))
    wish["disks"][2] = {"name": "more", "size": "24 MiB"}
    assert actions(guest(**wish)) == ["grow disks.size more"]
    system.says("cat /sys/block/vdc/size", str(24 * 2048))
    assert actions(guest(**WISH, delete_disks=True)) == ["remove disks more"]
    system.says("ls /sys/block | grep -c vd", "2")


def test_cards_come_and_go(system: System) -> None:
    card = {"network": "default", "mac": OTHER}
    result = guest(**{**WISH, "nics": [*WISH["nics"], card]}, wait_for="address")
    assert hot(result) == [True]
    system.says("cat /sys/class/net/eth1/address", OTHER)
    system.says("ip -4 addr show eth1 | grep -c 192.168.122", "1")
    (found,) = module("kvm_guest_info", names=["sys1"])["guests"]
    assert len(found["addresses"]) == 2
    assert hot(guest(**WISH)) == [True]
    system.says("ls /sys/class/net", "eth0\nlo")


def test_a_card_is_plugged_into_another_network(system: System) -> None:
    moved = guest(**{**WISH, "nics": [{"network": "second", "mac": MAC}]})
    assert actions(moved) == [f"set nics.source {MAC}"]
    assert hot(moved) == [True]


DRIFT = {
    "memory": (["setmem", "sys1", "192M", "--live"], ["set memory"]),
    "a disk taken": (["detach-disk", "sys1", "vdb", "--live"], ["add disks data"]),
    "a card taken": (["detach-interface", "sys1", "network", "--mac", MAC, "--live"], [f"add nics {MAC}"]),
    "a card given": (
        ["attach-interface", "sys1", "network", "second", "--mac", OTHER, "--model", "virtio", "--live"],
        [f"remove nics {OTHER}"],
    ),
}


@pytest.mark.parametrize(("done", "mended"), DRIFT.values(), ids=DRIFT)
def test_drift_is_mended_while_it_runs(system: System, done: list[str], mended: list[str]) -> None:
    virsh(*done)
    settled(system.domain)
    assert mend(**WISH) == mended


def test_a_disk_that_somebody_gave_it_is_taken_and_kept(system: System) -> None:
    path = foreign.make_disk(f"{POOLS['default']}/theirs.qcow2", "qcow2")
    virsh("attach-disk", "sys1", path, "vdx", "--subdriver", "qcow2", "--live")
    assert mend(**WISH, delete_disks=True) == ["remove disks vdx"]
    system.says("ls /sys/block | grep -c vd", "2")


def test_processors_come_at_once_and_go_with_a_restart(booted: System) -> None:
    """From here on the guest is no longer as it was."""
    booted.says("nproc", "1")
    assert hot(guest(**{**WISH, "vcpus": 2})) == [True]
    booted.says("nproc", "2")
    result = guest(**WISH)
    assert hot(result) == [False]
    assert result["restart_required"]
    assert virsh("domid", "sys1") == booted.boot


def test_it_shuts_down_restarts_and_goes_when_asked(booted: System) -> None:
    wish = {**WISH, "restart": "graceful", "shutdown_timeout": 60}
    assert actions(guest(**{**wish, "vcpus_max": 2})) == ["set vcpus_max", "restart state"]
    assert virsh("domid", "sys1") not in (booted.boot, "-")
    with Console(booted.domain):
        result = guest(**{**wish, "state": "absent"}, delete_disks=True)
    assert actions(result) == ["stop state", "delete disks root", "delete disks data", "remove guest"]
    assert virsh("list", "--all", "--name") == ""


def settled(domain: libvirt.virDomain) -> None:
    """Wait until the guest has done its part of what virsh asked for; virsh itself does not."""
    before, limit = "", time.monotonic() + 30
    while (now := domain.XMLDesc()) != before and time.monotonic() < limit:
        before = now
        time.sleep(1.5)
