# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What kvm_guest_info tells of what guests use, next to what is known of them, and to what virsh says."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import libvirt
import pytest

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm import look
from ansible_collections.hostforge.hypervisor.tests.integration.console import Console
from ansible_collections.hostforge.hypervisor.tests.integration.guest_image import image_path
from ansible_collections.hostforge.hypervisor.tests.integration.kvm_subject import KvmSubject, clean
from ansible_collections.hostforge.hypervisor.tests.integration.runs import guest, module, virsh

MAC = "52:54:00:0a:0b:0c"
MIB = 1024**2
WISH: dict[str, Any] = {
    "name": "sys1",
    "state": "running",
    "vcpus": 1,
    "vcpus_max": 3,
    "memory": "208 MiB",
    "memory_max": "256 MiB",
    "disks": [
        {"name": "root", "size": "1 GiB", "image": {"source": str(image_path())}},
        {"name": "data", "size": "16 MiB"},
    ],
    "cdroms": [{}],
    "nics": [{"network": "default", "mac": MAC}],
}


@pytest.fixture(scope="module")
def console(host: libvirt.virConnect) -> Iterator[Console]:
    """The console of a guest that runs, beside one that is off."""
    guest(guests=[WISH, {"name": "off1", "memory": "64 MiB", "disks": [{"name": "root", "size": "16 MiB"}]}])
    with Console(host.lookupByName("sys1")) as shell:
        yield shell
    clean(host)


def told(**options: Any) -> dict[str, Any]:
    """Guest to what is told of it."""
    result = module("kvm_guest_info", **options)
    assert not result.get("failed"), result
    assert not result["changed"]
    return {found["name"]: found for found in result["guests"]}


def use(name: str = "sys1") -> dict[str, Any]:
    return dict(told(names=[name], statistics=True)[name]["statistics"])


def test_nothing_is_told_unasked(console: Console) -> None:
    assert all("statistics" not in found for found in told().values())


def test_all_guests_are_told_of(console: Console) -> None:
    found = told(statistics=True)
    assert {name: one["statistics"]["state"] for name, one in found.items()} == {"sys1": "running", "off1": "stopped"}
    assert told(names=["nobody"], statistics=True) == {}


def test_what_the_guest_does_is_counted(console: Console) -> None:
    before = use()
    console.ask("dd if=/dev/zero of=/dev/vdb bs=1M count=8 conv=fsync 2>/dev/null")
    console.ask("ping -c 5 -i 0.2 192.168.122.1")
    after = use()
    root, data = (dict(disk) for disk in after["disks"])
    assert (root["name"], root["device"], data["name"], data["device"]) == ("root", "vda", "data", "vdb")
    assert data["write_bytes"] - before["disks"][1]["write_bytes"] == 8 * MIB
    assert data["write_requests"] > before["disks"][1]["write_requests"]
    assert data["flush_requests"] > before["disks"][1]["flush_requests"]
    assert (root["capacity_bytes"], data["capacity_bytes"]) == (1024 * MIB, 16 * MIB)
    assert data["allocation_bytes"] >= 8 * MIB
    assert 8 * MIB <= data["physical_bytes"] < 16 * MIB
    (card,), (earlier,) = after["nics"], before["nics"]
    assert card["mac"] == MAC
    assert card["tx_packets"] - earlier["tx_packets"] >= 5
    assert card["rx_bytes"] - earlier["rx_bytes"] >= 5 * 64
    assert card["rx_errors"] == card["tx_errors"] == 0
    assert after["cpu_time_ns"] > before["cpu_time_ns"] > 10**9


def test_memory_and_processors_are_told_in_bytes_and_numbers(console: Console) -> None:
    found = use()
    assert (found["vcpus"], found["vcpus_max"]) == (1, 3)
    assert (found["memory_bytes"], found["memory_max_bytes"]) == (208 * MIB, 256 * MIB)
    assert 0 < found["memory_unused_bytes"] < found["memory_available_bytes"] < 256 * MIB
    said = dict(line.split() for line in virsh("dommemstat", "sys1").splitlines())
    assert found["memory_available_bytes"] == int(said["available"]) * 1024


def test_it_is_told_why_a_guest_is_in_its_state_and_since_when(console: Console) -> None:
    found = use()
    assert (found["state"], found["state_reason"]) == ("running", "booted")
    started = time.mktime(time.strptime(found["started"], "%Y-%m-%dT%H:%M:%SZ")) - time.timezone
    assert 0 < time.time() - started < 3600
    virsh("suspend", "sys1")
    assert (use()["state"], use()["state_reason"]) == ("paused", "user")
    virsh("resume", "sys1")
    assert use()["state_reason"] == "unpaused"


def test_a_guest_that_is_off_has_its_sizes(console: Console) -> None:
    virsh("start", "off1")
    virsh("destroy", "off1")
    found = use("off1")
    assert (found["state"], found["state_reason"]) == ("stopped", "power cut")
    assert "started" not in found
    assert found["nics"] == []
    (disk,) = found["disks"]
    assert (disk["name"], disk["capacity_bytes"]) == ("root", 16 * MIB)


def test_a_guest_that_goes_while_it_is_looked_at_is_left_out(
    kvm: libvirt.virConnect, monkeypatch: pytest.MonkeyPatch
) -> None:
    guest(guests=[{"name": name, "memory": "64 MiB"} for name in ("a", "b", "c")])
    driver = KvmSubject(kvm).make_driver()
    find = look.addresses.Addresses.find

    def gone(*arguments: Any) -> Any:
        """Right after the guests were read, one goes."""
        virsh("undefine", "b")
        return find(*arguments)

    monkeypatch.setattr(look.addresses.Addresses, "find", gone)
    found = driver.tell(["a", "b", "c"], {"statistics": True})
    assert ["statistics" in one for one in found] == [True, False, True]
    virsh("undefine", "c")
    monkeypatch.undo()
    assert [one["name"] for one in driver.tell(["a", "b", "c"], {"statistics": True})] == ["a"]
