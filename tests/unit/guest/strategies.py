# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hypothesis strategies: guests as they may be wished for, guests as they may be found, and policies."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.seed import make_cloud_init
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import (
    Autostart,
    Cdrom,
    Disk,
    Guest,
    Image,
    Nic,
    Policy,
)
from ansible_collections.hostforge.hypervisor.tests.contract.wishes import MIB

NAME = "web1"
SEEDS = [make_cloud_init(NAME, {"hostname": word}, None, None) for word in ("one", "two")]
MACS = [f"52:54:00:00:00:0{digit}" for digit in range(3)]
MEDIA = ["/iso/one.iso", "/iso/two.iso"]
OPTIONS = [(("cpu_mode", "host"),), (("cpu_mode", "plain"),), (), (("cpu_mode", "host"), ("type", "fast"))]
UUID, OTHER_UUID = (f"00000000-0000-4000-8000-00000000000{digit}" for digit in range(2))
IMAGE = Image("/images/base.qcow2")
GIVEN = "/elsewhere/given.qcow2"

counts = st.integers(1, 4)
sizes = st.sampled_from([32 * MIB, 48 * MIB, 64 * MIB])


def maybe(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | values


def mostly(usual: Any, other: Any) -> st.SearchStrategy[Any]:
    """Values that are fixed when a guest is made: where most are the same, not every wish is refused."""
    return st.sampled_from([usual, usual, usual, usual, other])


def disks(optional: bool) -> st.SearchStrategy[tuple[Disk, ...]]:
    some = maybe if optional else lambda values: values
    made = st.builds(
        Disk,
        name=st.sampled_from(["root", "data", "logs"]),
        size_bytes=some(sizes),
        pool=some(mostly("default", "fast")),
        image=mostly(None, IMAGE) if optional else st.none(),
        bus=some(st.sampled_from(["virtio", "sata"])),
        format=some(mostly("qcow2", "raw")),
        options=some(st.sampled_from([(("tier", "gold"),), (("tier", "iron"),)])).map(lambda pairs: pairs or ()),
    )
    one = mostly(False, True).flatmap(lambda is_given: given_disks() if is_given and optional else made)
    return st.lists(one, max_size=3, unique_by=lambda disk: disk.name).map(tuple)


def given_disks() -> st.SearchStrategy[Disk]:
    """A disk whose data somebody else has made."""
    return st.builds(
        Disk, name=st.just("given"), path=st.just(GIVEN), bus=maybe(st.just("virtio")), format=maybe(st.just("qcow2"))
    )


@st.composite
def nics(draw: st.DrawFn, optional: bool) -> tuple[Nic, ...]:
    some = maybe if optional else lambda values: values
    found = []
    for mac in draw(st.lists(some(st.sampled_from(MACS)), max_size=3, unique_by=lambda mac: mac or object())):
        bridge = draw(st.sampled_from([None, "br0"]))
        network = None if bridge else draw(st.sampled_from(["default", "second"]))
        vlan, model = draw(some(st.sampled_from([0, 20]))), draw(some(st.sampled_from(["virtio", "e1000"])))
        link = draw(some(st.sampled_from(["up", "down"])))
        found.append(Nic(network, bridge, mac, vlan, model, link))
    return tuple(found)


def cdroms() -> st.SearchStrategy[tuple[Cdrom, ...]]:
    """No medium is in two drives, but any number of drives is empty."""
    media = st.lists(st.sampled_from([None, *MEDIA]), max_size=3, unique_by=lambda medium: medium or object())
    return media.map(lambda found: tuple(Cdrom(medium) for medium in found))


@st.composite
def found_guests(draw: st.DrawFn) -> Guest:
    """A definition on the host: every property has a value."""
    vcpus, memory = draw(counts), 128 * draw(counts)
    firmware = draw(st.sampled_from(["bios", "uefi"]))
    return Guest(
        NAME,
        description=draw(st.sampled_from(["", "front end"])),
        vcpus=vcpus,
        vcpus_max=vcpus + draw(st.integers(0, 2)),
        memory_mib=memory,
        memory_max_mib=memory + 128 * draw(st.integers(0, 2)),
        firmware=firmware,
        secure_boot=firmware == "uefi" and draw(st.booleans()),
        tpm=draw(st.booleans()),
        boot_order=draw(st.sampled_from([("disk",), ("disk", "cdrom"), ("network", "disk")])),
        disks=draw(disks(optional=False)),
        cdroms=draw(cdroms()),
        nics=draw(nics(optional=False)),
        cloud_init=draw(maybe(st.sampled_from(SEEDS))),
        autostart=draw(autostarts),
        options=draw(st.sampled_from(OPTIONS)),
        uuid=UUID,
    )


autostarts = st.sampled_from([Autostart(False), Autostart(True), Autostart(True, 5, 10)])


@st.composite
def wished_guests(draw: st.DrawFn) -> Guest:
    """A wish as the specification lets it through: everything but the name may be left out."""
    whole = draw(found_guests())
    names = ("description", "vcpus", "vcpus_max", "memory_mib", "memory_max_mib", "firmware", "secure_boot", "tpm")
    names += ("boot_order", "autostart", "cloud_init")
    left_out: dict[str, Any] = {name: None for name in names if draw(st.booleans())}
    lists: dict[str, Any] = {"disks": draw(maybe(disks(optional=True))), "nics": draw(maybe(nics(optional=True)))}
    lists["cdroms"] = draw(maybe(cdroms()))
    lists["uuid"] = draw(st.sampled_from([None, None, None, UUID, UUID, OTHER_UUID]))
    state = draw(st.sampled_from(["present", "running", "stopped", "absent"]))
    return replace(whole, state=state, **{**left_out, **lists})


policies = st.builds(
    Policy,
    restart=st.sampled_from(["never", "graceful", "force"]),
    delete_disks=st.booleans(),
    shutdown_timeout_s=st.just(1),
    wait_for=st.sampled_from(["none", "address"]),
    wait_timeout_s=st.integers(0, 1),
)
