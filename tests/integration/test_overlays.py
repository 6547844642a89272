# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A guest that virsh has moved to overlays is the same guest with the same disks, and its newer data is never lost."""

from __future__ import annotations

import json
import os
from typing import Any

import libvirt
import pytest

from ansible_collections.hostforge.hypervisor.tests.integration.daemon import POOLS
from ansible_collections.hostforge.hypervisor.tests.integration.private import run
from ansible_collections.hostforge.hypervisor.tests.integration.runs import (
    attempt,
    define,
    guest,
    mend,
    module,
    paths,
    refused,
    stored,
    virsh,
)

FOLDER = POOLS["default"]
DB1: dict[str, Any] = {
    "name": "db1",
    "memory": "128 MiB",
    "disks": [{"name": "root", "size": "64 MiB", "format": "qcow2"}, {"name": "data", "size": "32 MiB", "bus": "sata"}],
}
FILES = ["db1.data.qcow2", "db1.data.s1", "db1.root.qcow2", "db1.root.s1"]
TOPS = [f"{FOLDER}/db1.root.s1", f"{FOLDER}/db1.data.s1"]
GONE = {"name": "db1", "state": "absent", "delete_disks": True}


@pytest.fixture(params=["running", "off", "off, without metadata", "was running"])
def moved(kvm: libvirt.virConnect, request: pytest.FixtureRequest) -> libvirt.virDomain:
    """A guest whose disks are overlays now; while it is off its definition does not say on what."""
    guest(**DB1)
    if "running" in request.param:
        virsh("start", "db1")
    more = ["--no-metadata"] if "without" in request.param else []
    virsh("snapshot-create-as", "db1", "s1", "--disk-only", *more)
    if request.param == "was running":
        virsh("destroy", "db1")
    assert paths(stored("db1")) == TOPS
    return kvm.lookupByName("db1")


def names() -> list[str]:
    return sorted(os.listdir(FOLDER))


def test_it_is_unchanged(moved: libvirt.virDomain) -> None:
    for check in (True, False):
        assert not guest(check=check, **DB1)["changed"]
    (found,) = module("kvm_guest_info", names=["db1"])["guests"]
    assert [(disk["name"], disk["path"]) for disk in found["disks"]] == [("root", TOPS[0]), ("data", TOPS[1])]
    assert not any(disk.get("owned") for disk in found["disks"])
    assert names() == FILES


def test_other_changes_leave_the_disks_alone(moved: libvirt.virDomain) -> None:
    assert mend(**{**DB1, "description": "moved"}) == ["set description"]
    assert paths(stored("db1")) == TOPS
    assert names() == FILES


def test_a_disk_grows_as_the_disk_it_is(moved: libvirt.virDomain) -> None:
    wish = {**DB1, "disks": [{"name": "root", "size": "96 MiB"}, DB1["disks"][1]]}
    assert mend(**wish) == ["grow disks.size root"]
    size = json.loads(run("qemu-img", "info", "--force-share", "--output=json", TOPS[0]))["virtual-size"]
    assert size == 96 * 1024**2


def test_a_disk_goes_to_another_bus_as_the_disk_it_is(moved: libvirt.virDomain) -> None:
    if moved.isActive():
        moved.destroy()
    wish = {**DB1, "disks": [{"name": "root", "bus": "sata"}, DB1["disks"][1]]}
    assert mend(**wish) == ["set disks.bus root"]
    assert sorted(paths(stored("db1"))) == sorted(TOPS)


def test_nothing_is_deleted_that_others_made_or_that_theirs_is_based_on(moved: libvirt.virDomain) -> None:
    if moved.isActive():
        moved.destroy()
    assert mend(**{**DB1, "disks": DB1["disks"][:1], "delete_disks": True}) == ["remove disks data"]
    assert sorted(guest(**GONE)["guests"][0]["kept_disks"]) == [TOPS[0]]
    assert names() == FILES


def test_the_older_data_is_not_attached_in_place_of_the_newer(moved: libvirt.virDomain) -> None:
    if moved.isActive():
        moved.destroy()
    guest(**{**DB1, "disks": DB1["disks"][:1]})
    said = refused(**DB1)
    assert f"{FOLDER}/db1.data.qcow2 is there already, and {TOPS[1]} is based on it" in said
    assert names() == FILES


def test_a_new_guest_of_that_name_does_not_get_the_older_data(moved: libvirt.virDomain) -> None:
    if moved.isActive():
        moved.destroy()
    virsh("undefine", "db1", "--snapshots-metadata")
    assert "which has the newer data" in refused(**DB1)


def test_a_raw_disk_stays_a_raw_disk(kvm: libvirt.virConnect) -> None:
    wish = {"name": "db1", "disks": [{"name": "root", "size": "16 MiB", "format": "raw"}]}
    guest(**wish)
    virsh("snapshot-create-as", "db1", "s1", "--disk-only")
    assert not guest(**wish)["changed"]


def test_an_overlay_elsewhere_of_which_nobody_knows_the_base_costs_nothing(kvm: libvirt.virConnect) -> None:
    """No metadata, no pool: only the file itself tells. The older data is not attached beside it."""
    wish = {**DB1, "disks": DB1["disks"][:1]}
    guest(**wish)
    base, top = f"{FOLDER}/db1.root.qcow2", "/var/lib/hostforge/elsewhere.qcow2"
    run("qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", base, top)
    root = stored("db1")
    source = root.find("devices/disk/source")
    assert source is not None
    source.set("file", top)
    define(root)
    result = attempt(**wish)
    assert result["failed"]
    assert "has the newer data" in result["msg"]
    assert paths(stored("db1")) == [top]


def test_a_seed_that_a_snapshot_needs_stays_with_it(kvm: libvirt.virConnect) -> None:
    wish = {**DB1, "cloud_init": {"user_data": {"a": 1}}}
    guest(**wish)
    virsh("snapshot-create-as", "db1", "s1")
    (seed,) = os.listdir("/var/lib/hostforge/seeds")
    other = {**wish, "cloud_init": {"user_data": {"a": 2}}}
    guest(**other)
    assert not guest(**other)["changed"]
    assert seed in os.listdir("/var/lib/hostforge/seeds")
    virsh("snapshot-delete", "db1", "s1")
    guest(**other)
    assert seed not in os.listdir("/var/lib/hostforge/seeds")
