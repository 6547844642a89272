# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs at the same time on one host, each a process of its own: the host is as if one had followed the other."""

from __future__ import annotations

import os
from typing import Any

import libvirt
import pytest

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.traits import OWN
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.engine import converge
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import HostError
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.module_host import ModuleHost
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.spec import parse_wishes
from ansible_collections.hostforge.hypervisor.tests.integration.daemon import POOLS
from ansible_collections.hostforge.hypervisor.tests.integration.kvm_subject import KvmSubject
from ansible_collections.hostforge.hypervisor.tests.integration.private import run
from ansible_collections.hostforge.hypervisor.tests.integration.runs import (
    EMULATED,
    Result,
    attempt,
    ended,
    guest,
    module,
    paths,
    start,
    stored,
    virsh,
)

TIMES = 4
IMAGE = "/var/lib/hostforge/base.qcow2"
FOLDER = POOLS["default"]
FOLDERS = (FOLDER, "/var/lib/hostforge/images", "/var/lib/hostforge/seeds")


def wish(name: str) -> dict[str, Any]:
    """A guest with a copy of the image, a disk based on it, and a seed."""
    image = {"source": IMAGE}
    return {
        "name": name,
        "disks": [
            {"name": "root", "size": "8 MiB", "image": {**image, "copy": "full"}},
            {"name": "thin", "size": "8 MiB", "image": image},
        ],
        "cloud_init": {"user_data": {"hostname": name}},
    }


def files(name: str) -> list[str]:
    return [f"{FOLDER}/{name}.{disk}.qcow2" for disk in ("root", "thin")]


@pytest.fixture
def image(kvm: libvirt.virConnect) -> None:
    run("qemu-img", "create", "-q", "-f", "qcow2", IMAGE, "4M")
    run("qemu-io", "-f", "qcow2", "-c", "write -q -P 0x5a 0 3M", IMAGE)


def together(*tasks: dict[str, Any]) -> list[Result]:
    """Run tasks of kvm_guest at once; none must fail."""
    results = [ended(one) for one in [start("kvm_guest", kvm=EMULATED, memory="64 MiB", **task) for task in tasks]]
    assert not any(result.get("failed") for result in results), [result.get("msg") for result in results]
    return results


def assert_host_has(*names: str) -> None:
    """There are those guests, whole, and nothing else."""
    assert sorted(virsh("list", "--all", "--name").split()) == sorted(names)
    for name in names:
        assert paths(stored(name)) == files(name)
    assert sorted(os.listdir(FOLDER)) == sorted(os.path.basename(file) for name in names for file in files(name))
    images, seeds = (os.listdir(folder) for folder in FOLDERS[1:])
    assert len(images) == 1
    assert sorted(seed.rpartition("-")[0] for seed in seeds) == sorted(names)


def gone(*names: str) -> None:
    guest(guests=[{"name": name, "state": "absent", "delete_disks": True} for name in names])


def test_the_same_guests(image: None) -> None:
    task = {"guests": [wish("one"), wish("two")]}
    for _time in range(TIMES):
        results = together(task, task, task)
        # Who comes second finds nothing to do.
        assert sorted(result["changed"] for result in results) == [False, False, True]
        assert_host_has("one", "two")
        gone("one", "two")


def test_other_guests_of_the_same_image(image: None) -> None:
    for _time in range(TIMES):
        results = together(*(wish(name) for name in ("one", "two", "three")))
        assert all(result["changed"] for result in results)
        assert_host_has("one", "two", "three")
        gone("one", "two", "three")
        for file in os.listdir(FOLDERS[1]):
            os.unlink(f"{FOLDERS[1]}/{file}")


def test_one_makes_what_the_other_removes(image: None) -> None:
    for _time in range(TIMES):
        together(wish("one"), {"name": "one", "state": "absent", "delete_disks": True})
        if virsh("list", "--all", "--name"):
            assert_host_has("one")
        else:
            assert os.listdir(FOLDER) == []


def test_one_adds_to_what_the_other_changes(image: None) -> None:
    guest(**wish("one"), memory="64 MiB")
    more = {**wish("one"), "disks": [*wish("one")["disks"], {"name": "more", "size": "1 MiB"}]}
    less = {"name": "one", "description": "changed", "nics": [{"network": "default"}]}
    for _time in range(TIMES):
        together(more, less)
        root = stored("one")
        assert paths(root) == [*files("one"), f"{FOLDER}/one.more.qcow2"]
        assert len(root.findall("devices/interface")) == 1
        assert root.findtext("description") == "changed"
        together({**wish("one"), "delete_disks": True}, {"name": "one", "description": "", "nics": []})
        assert_host_has("one")


def test_a_pool_and_a_network(kvm: libvirt.virConnect) -> None:
    pool = {"name": "both", "path": "/var/lib/hostforge/both", "state": "running"}
    network = {"name": "both", "mode": "isolated", "state": "running"}
    for kind, options in (("kvm_pool", pool), ("kvm_network", network)):
        for state in ("running", "absent"):
            results = [ended(one) for one in [start(kind, **{**options, "state": state}) for _run in range(3)]]
            assert not any(result.get("failed") for result in results), [result.get("msg") for result in results]
            assert sorted(result["changed"] for result in results) == [False, False, True]


def test_who_waits_in_vain_says_for_whom_and_changes_nothing(kvm: libvirt.virConnect) -> None:
    host = ModuleHost()
    wishes = parse_wishes({"name": "late", "kvm": EMULATED, "memory": "64 MiB"}, "kvm", OWN)
    with host.lock("kvm", 0):
        with pytest.raises(HostError, match=rf"\(process {os.getpid()}\) and did not end"):
            converge(KvmSubject(kvm).make_driver(), wishes, False, lambda: host.lock("kvm", 0.3))
        # A check run waits for nobody, nor does one with nothing to do, nor one that only looks.
        assert attempt(True, name="late")["changed"]
        assert not guest(name="late", state="absent")["changed"]
        assert module("kvm_guest_info")["guests"] == []
    assert virsh("list", "--all", "--name") == ""
