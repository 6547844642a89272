# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What guests use at this moment: one call to libvirt for all of them, and its answers in plain words and bytes.

Source: virConnectGetAllDomainStats, virDomainState and its reasons in libvirt's reference.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Union
from xml.etree.ElementTree import Element

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm import read, xml
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.connect import libvirt

# What libvirt says of one guest: dotted names to values.
Record = Mapping[str, Union[int, str, bool]]
# Our name, libvirt's, and by what to multiply for bytes.
Table = tuple[tuple[str, str, int], ...]

PROCESS: Table = (
    ("cpu_time_ns", "cpu.time", 1),
    ("cpu_user_ns", "cpu.user", 1),
    ("cpu_system_ns", "cpu.system", 1),
)
GUEST: Table = (
    ("vcpus", "vcpu.current", 1),
    ("vcpus_max", "vcpu.maximum", 1),
    ("memory_bytes", "balloon.current", 1024),
    ("memory_max_bytes", "balloon.maximum", 1024),
    ("memory_available_bytes", "balloon.available", 1024),
    ("memory_unused_bytes", "balloon.unused", 1024),
    ("memory_usable_bytes", "balloon.usable", 1024),
    ("memory_resident_bytes", "balloon.rss", 1024),
    ("swap_in_bytes", "balloon.swap_in", 1024),
    ("swap_out_bytes", "balloon.swap_out", 1024),
    ("major_faults", "balloon.major_fault", 1),
    ("minor_faults", "balloon.minor_fault", 1),
)
DISK: Table = (
    ("read_bytes", "rd.bytes", 1),
    ("read_requests", "rd.reqs", 1),
    ("read_time_ns", "rd.times", 1),
    ("write_bytes", "wr.bytes", 1),
    ("write_requests", "wr.reqs", 1),
    ("write_time_ns", "wr.times", 1),
    ("flush_requests", "fl.reqs", 1),
    ("flush_time_ns", "fl.times", 1),
    ("capacity_bytes", "capacity", 1),
    ("allocation_bytes", "allocation", 1),
    ("physical_bytes", "physical", 1),
)
NIC: Table = tuple(
    (f"{way}_{ours}", f"{way}.{theirs}", 1)
    for way in ("rx", "tx")
    for ours, theirs in (("bytes", "bytes"), ("packets", "pkts"), ("errors", "errs"), ("drops", "drop"))
)
# By libvirt's number of the state, and of the reason within it.
STATES = ("unknown", "running", "blocked", "paused", "shutting down", "stopped", "crashed", "suspended")
REASONS: Mapping[str, tuple[str, ...]] = {
    "running": (
        *("unknown", "booted", "migrated", "restored", "from snapshot", "unpaused", "migration canceled"),
        *("save canceled", "woken up", "crashed", "post-copy", "post-copy failed"),
    ),
    "paused": (
        *("unknown", "user", "migrating", "saving", "dumping", "i/o error", "watchdog", "from snapshot"),
        *("shutting down", "making a snapshot", "crashed", "starting up", "post-copy", "post-copy failed", "api error"),
    ),
    "shutting down": ("unknown", "user"),
    "stopped": (
        *("unknown", "shut down", "power cut", "crashed", "migrated", "saved", "failed to start", "from snapshot"),
        "daemon",
    ),
    "crashed": ("unknown", "panicked"),
}


def read_records(connection: libvirt.virConnect, domains: Sequence[libvirt.virDomain] | None) -> dict[str, Record]:
    """Guest to what libvirt says of it, in one call; None: of all. Of a guest that has gone since, nothing is said.

    Nothing waits for a guest that is busy: what cannot be had at once is left out.
    """
    flags = libvirt.VIR_CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT
    parts = ("STATE", "CPU_TOTAL", "BALLOON", "VCPU", "INTERFACE", "BLOCK")
    wanted = sum(getattr(libvirt, f"VIR_DOMAIN_STATS_{part}") for part in parts)
    if domains is None:
        found = connection.getAllDomainStats(wanted, flags)
    else:
        # An empty list would mean all.
        found = connection.domainListGetStats(list(domains), wanted, flags) if domains else []
    return {domain.name(): record for domain, record in found}


def describe_record(record: Record, root: Element, name_of: Callable[[Element], str]) -> dict[str, Any]:
    """What libvirt says of a guest as plain data: whole numbers, sizes in bytes, nothing that is not known.

    root: the definition that holds now. name_of: what a disk is called in the guest specification.
    """
    state, reason = state_of(record)
    cards = {xml.attribute(one, "target", "dev"): one for one in root.findall("devices/interface")}
    disks = {xml.attribute(one, "target", "dev"): one for one in read.disks(root)}
    return {
        "state": state,
        "state_reason": reason,
        # Of a guest that is off, libvirt may tell what its last process has used, or nothing.
        **({} if state == "stopped" else _pick(record, "", PROCESS)),
        **_pick(record, "", GUEST),
        "disks": [
            {"name": name_of(disks[device]), "device": device, **_pick(record, where, DISK)}
            for device, where in _entries(record, "block")
            if device in disks
        ],
        "nics": [
            {"mac": (xml.attribute(cards[device], "mac", "address") or "").lower(), **_pick(record, where, NIC)}
            for device, where in _entries(record, "net")
            if device in cards
        ],
    }


def state_of(record: Record) -> tuple[str, str]:
    """State and reason in words. A libvirt that is newer than this list has more of them."""
    state = _word(STATES, record.get("state.state"))
    return state, _word(REASONS.get(state, ()), record.get("state.reason"))


def _word(words: Sequence[str], number: object) -> str:
    return words[number] if isinstance(number, int) and 0 <= number < len(words) else "unknown"


def _entries(record: Record, kind: str) -> list[tuple[str, str]]:
    """The device name of each entry of a list, and what the names of its values begin with."""
    count = int(record.get(f"{kind}.count", 0))
    return [(str(record.get(f"{kind}.{index}.name", "")), f"{kind}.{index}.") for index in range(count)]


def _pick(record: Record, where: str, table: Table) -> dict[str, int]:
    return {ours: int(record[where + theirs]) * factor for ours, theirs, factor in table if where + theirs in record}
