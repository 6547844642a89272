# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes to a running guest, through xl. Source: xl(1)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.xen import devices
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.xen.definition import Definition
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.xen.nic_spec import DEFAULT_BRIDGE
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.xen.read import live_disks
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.change import Change

Command = Callable[[str, Change, Definition, Mapping[str, Any]], list[list[str]]]


def _memory(number: str, change: Change, _definition: Definition, _config: Mapping[str, Any]) -> list[list[str]]:
    return [["mem-set", number, f"{change.after}m"]]


def _vcpus(number: str, change: Change, _definition: Definition, _config: Mapping[str, Any]) -> list[list[str]]:
    # Also more than the host has processors, as when a guest is made.
    return [["vcpu-set", "--ignore-host", number, str(change.after)]]


def _attach_disk(number: str, change: Change, definition: Definition, config: Mapping[str, Any]) -> list[list[str]]:
    path = change.after.path
    found = devices.find_disk(definition, path)
    there = any(spec.path == path for spec in live_disks(config))
    return [["block-attach", number, found[1].written()]] if found and not there else []


def _detach_disk(number: str, change: Change, _definition: Definition, config: Mapping[str, Any]) -> list[list[str]]:
    path = change.before.path
    return [["block-detach", number, spec.vdev] for spec in live_disks(config) if spec.path == path and not spec.cdrom]


def _attach_nic(number: str, change: Change, definition: Definition, config: Mapping[str, Any]) -> list[list[str]]:
    mac = change.after.mac
    found = devices.find_nic(definition, mac, None, DEFAULT_BRIDGE)
    there = any((one.get("mac") or "").lower() == mac for one in config.get("nics", ()))
    return [["network-attach", number, *found[1].words]] if found and not there else []


def _detach_nic(number: str, change: Change, _definition: Definition, config: Mapping[str, Any]) -> list[list[str]]:
    mac = change.before.mac
    there = any((one.get("mac") or "").lower() == mac for one in config.get("nics", ()))
    return [["network-detach", number, mac]] if there else []


def _medium(number: str, change: Change, _definition: Definition, _config: Mapping[str, Any]) -> list[list[str]]:
    if change.after:
        return [["cd-insert", number, change.key, change.after]]
    return [["cd-eject", number, change.key]]


# What makes a change hold in a running guest: xl's words, of which the driver runs each.
LIVE: dict[tuple[str, str], Command] = {
    ("set", "memory_mib"): _memory,
    ("set", "vcpus"): _vcpus,
    ("add", "disks"): _attach_disk,
    ("remove", "disks"): _detach_disk,
    ("add", "nics"): _attach_nic,
    ("remove", "nics"): _detach_nic,
    ("set", "cdroms.source"): _medium,
}


def nothing(_number: str, _change: Change, _definition: Definition, _config: Mapping[str, Any]) -> list[list[str]]:
    """What is to be taken back of most changes that fail."""
    return []


def _unplug_disk(number: str, change: Change, definition: Definition, config: Mapping[str, Any]) -> list[list[str]]:
    found = devices.find_disk(definition, change.after.path)
    vdev = found[1].vdev if found else ""
    # A device of that name that was there before is another disk.
    before = any(one.get("vdev") == vdev for one in config.get("disks", ()))
    return [] if before or not vdev else [["block-detach", number, vdev]]


def _unplug_nic(number: str, change: Change, _definition: Definition, config: Mapping[str, Any]) -> list[list[str]]:
    before = any((one.get("mac") or "").lower() == change.after.mac for one in config.get("nics", ()))
    return [] if before else [["network-detach", number, change.after.mac]]


# What is to be taken back when a change fails half-way.
UNDO: dict[tuple[str, str], Command] = {("add", "disks"): _unplug_disk, ("add", "nics"): _unplug_nic}
