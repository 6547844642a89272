# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What libvirt says of guests' use, in plain words. The records were taken from libvirt 9.0 with QEMU 7.2."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import Any

import pytest

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.statistics import (
    Record,
    describe_record,
    state_of,
)

# Recorded: a guest with a system that has just booted, whose balloon driver tells.
RUNNING: Record = {
    "state.state": 1,
    "state.reason": 1,
    "cpu.time": 5880000000,
    "cpu.user": 5170000000,
    "cpu.system": 710000000,
    "balloon.current": 212992,
    "balloon.maximum": 262144,
    "balloon.swap_in": 0,
    "balloon.swap_out": 0,
    "balloon.major_fault": 0,
    "balloon.minor_fault": 652,
    "balloon.unused": 193364,
    "balloon.available": 222080,
    "balloon.usable": 196820,
    "balloon.last-update": 1795600182,
    "balloon.disk_caches": 3444,
    "balloon.rss": 208332,
    "vcpu.current": 1,
    "vcpu.maximum": 3,
    "vcpu.0.state": 1,
    "vcpu.0.time": 5360000000,
    "vcpu.0.wait": 0,
    "net.count": 1,
    "net.0.name": "vnet2",
    "net.0.rx.bytes": 1746,
    "net.0.rx.pkts": 29,
    "net.0.rx.errs": 0,
    "net.0.rx.drop": 0,
    "net.0.tx.bytes": 768,
    "net.0.tx.pkts": 6,
    "net.0.tx.errs": 0,
    "net.0.tx.drop": 0,
    "block.count": 2,
    "block.0.name": "vda",
    "block.0.path": "/var/lib/libvirt/images/sys1.root.qcow2",
    "block.0.backingIndex": 3,
    "block.0.rd.reqs": 1114,
    "block.0.rd.bytes": 18142208,
    "block.0.rd.times": 1309343588,
    "block.0.wr.reqs": 0,
    "block.0.wr.bytes": 0,
    "block.0.wr.times": 0,
    "block.0.fl.reqs": 0,
    "block.0.fl.times": 0,
    "block.0.allocation": 0,
    "block.0.capacity": 1073741824,
    "block.0.physical": 200704,
    "block.1.name": "sda",
    "block.1.rd.reqs": 3,
    "block.1.rd.bytes": 54,
    "dirtyrate.calc_status": 0,
    "dirtyrate.calc_mode": "page-sampling",
}
# Recorded: a guest that was never started. The time is that of the daemon's own process.
OFF: Record = {
    "state.state": 5,
    "state.reason": 0,
    "cpu.time": 370000000,
    "cpu.user": 130000000,
    "cpu.system": 240000000,
    "balloon.current": 65536,
    "balloon.maximum": 65536,
    "vcpu.current": 1,
    "vcpu.maximum": 1,
    "block.count": 1,
    "block.0.name": "vda",
    "block.0.path": "/var/lib/libvirt/images/off1.root.qcow2",
    "block.0.allocation": 200704,
    "block.0.capacity": 16777216,
    "block.0.physical": 196616,
}
ROOT = ET.fromstring("""
<domain>
  <devices>
    <disk device='disk'><target dev='vda'/></disk>
    <disk device='cdrom'><target dev='sda'/></disk>
    <interface type='network'><mac address='52:54:00:0A:0B:0C'/><target dev='vnet2'/></interface>
  </devices>
</domain>
""")


def described(record: Record) -> dict[str, Any]:
    return describe_record(record, ROOT, lambda disk: "root")


def test_a_running_guest() -> None:
    assert described(RUNNING) == {
        "state": "running",
        "state_reason": "booted",
        "cpu_time_ns": 5880000000,
        "cpu_user_ns": 5170000000,
        "cpu_system_ns": 710000000,
        "vcpus": 1,
        "vcpus_max": 3,
        "memory_bytes": 208 * 1024**2,
        "memory_max_bytes": 256 * 1024**2,
        "memory_available_bytes": 222080 * 1024,
        "memory_unused_bytes": 193364 * 1024,
        "memory_usable_bytes": 196820 * 1024,
        "memory_resident_bytes": 208332 * 1024,
        "swap_in_bytes": 0,
        "swap_out_bytes": 0,
        "major_faults": 0,
        "minor_faults": 652,
        "disks": [
            {
                "name": "root",
                "device": "vda",
                "read_bytes": 18142208,
                "read_requests": 1114,
                "read_time_ns": 1309343588,
                "write_bytes": 0,
                "write_requests": 0,
                "write_time_ns": 0,
                "flush_requests": 0,
                "flush_time_ns": 0,
                "capacity_bytes": 1073741824,
                "allocation_bytes": 0,
                "physical_bytes": 200704,
            }
        ],
        "nics": [
            {
                "mac": "52:54:00:0a:0b:0c",
                "rx_bytes": 1746,
                "rx_packets": 29,
                "rx_errors": 0,
                "rx_drops": 0,
                "tx_bytes": 768,
                "tx_packets": 6,
                "tx_errors": 0,
                "tx_drops": 0,
            }
        ],
    }


def test_a_guest_that_is_off() -> None:
    assert described(OFF) == {
        "state": "stopped",
        "state_reason": "unknown",
        "vcpus": 1,
        "vcpus_max": 1,
        "memory_bytes": 64 * 1024**2,
        "memory_max_bytes": 64 * 1024**2,
        "disks": [
            {
                "name": "root",
                "device": "vda",
                "capacity_bytes": 16777216,
                "allocation_bytes": 200704,
                "physical_bytes": 196616,
            }
        ],
        "nics": [],
    }


def test_a_guest_of_which_little_is_known() -> None:
    """A guest that is busy, and one whose devices have changed since its definition was read."""
    assert described({"state.state": 3, "state.reason": 5, "block.count": 1, "block.0.name": "vdz"}) == {
        "state": "paused",
        "state_reason": "i/o error",
        "disks": [],
        "nics": [],
    }


@pytest.mark.parametrize(
    ("state", "reason", "words"),
    [
        (1, 5, ("running", "unpaused")),
        (3, 1, ("paused", "user")),
        (5, 1, ("stopped", "shut down")),
        (5, 2, ("stopped", "power cut")),
        (6, 1, ("crashed", "panicked")),
        (7, 0, ("suspended", "unknown")),
        (1, 99, ("running", "unknown")),
        (99, 1, ("unknown", "unknown")),
        (None, None, ("unknown", "unknown")),
    ],
)
def test_states_and_reasons(state: int | None, reason: int | None, words: tuple[str, str]) -> None:
    numbers = {"state.state": state, "state.reason": reason}
    assert state_of({key: number for key, number in numbers.items() if number is not None}) == words
