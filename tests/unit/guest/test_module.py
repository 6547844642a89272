# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module as Ansible runs it: its result and its failures."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import (
    AbsentError,
    HostError,
    HypervisorError,
    MissingImageError,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.module import run_info_module
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.resource import Wish
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Guest
from ansible_collections.hostforge.hypervisor.tests.contract.fake import FakeDriver
from ansible_collections.hostforge.hypervisor.tests.unit.guest.bench import TASK, Bench


def test_a_task_with_one_guest(bench: Bench) -> None:
    made = bench.run(name="web1", state="running", vcpus=2, memory="1 GiB", fake={"cpu_mode": "plain"}).result
    assert made["changed"] is True
    assert made["restart_required"] is False
    (guest,) = made["guests"]
    assert [action["verb"] for action in guest["actions"]] == ["create", "start"]
    assert guest["guest"]["memory"] == "1 GiB"
    assert guest["guest"]["cpu_mode"] == "plain"
    assert yaml.safe_load(made["diff"]["after"])["web1"]["vcpus"] == 2
    again = bench.run(name="web1", state="running", vcpus=2, memory="1 GiB", fake={"cpu_mode": "plain"}).result
    assert (again["changed"], again["diff"], again["guests"][0]["actions"]) == (False, {"before": "", "after": ""}, [])


def test_check_mode_says_what_a_run_does(bench: Bench) -> None:
    guests = [{"name": "a", "vcpus": 2}, {"name": "b", "state": "running"}]
    check = bench.run(guests=guests, _ansible_check_mode=True).result
    assert bench.hypervisor.machines == {}
    done = bench.run(guests=guests).result
    for key in ("changed", "diff", "restart_required"):
        assert check[key] == done[key]
    assert [guest["actions"] for guest in check["guests"]] == [guest["actions"] for guest in done["guests"]]


def test_the_tasks_options_are_each_guests(bench: Bench) -> None:
    bench.run(guests=[{"name": "a"}, {"name": "b", "vcpus": 3}], vcpus=2)
    assert [bench.hypervisor.machines[name]["stored"]["cores"] for name in "ab"] == [2, 3]


def test_every_error_is_told(bench: Bench) -> None:
    failed = bench.run(guests=[{"name": "a", "vcpus": 0, "memry": "1 GiB"}, {"name": "b", "disks": ["x"]}]).result
    assert failed["failed"] is True
    assert len(failed["errors"]) == 3
    assert failed["msg"] == "\n".join(failed["errors"])
    assert bench.hypervisor.writes == 0


def test_a_failure_names_its_guest_and_reports_the_others(bench: Bench) -> None:
    nics = [{"network": "nowhere"}]
    failed = bench.run(guests=[{"name": "a", "nics": nics}, {"name": "b"}, {"name": "c", "nics": nics}]).result
    assert failed["failed"] is True
    assert failed["msg"].splitlines() == ["guest a: there is no net/nowhere", "guest c: there is no net/nowhere"]
    assert [guest["changed"] for guest in failed["guests"]] == [False, True, False]
    assert [guest.get("error", "") for guest in failed["guests"]][1] == ""
    assert set(bench.hypervisor.machines) == {"b"}


@pytest.mark.parametrize(
    ("error", "more"),
    [
        (HostError("the socket is closed"), {}),
        (AbsentError("not installed"), {}),
        (MissingImageError("no image", "a.qcow2"), {"missing_image": "a.qcow2"}),
    ],
)
def test_what_stops_everything(bench: Bench, error: HypervisorError, more: dict[str, str]) -> None:
    class Broken(FakeDriver):
        def read(self, names: Any) -> Any:
            raise error

    bench.driver = Broken
    failed = bench.run(name="a").result
    assert failed["msg"] == str(error)
    assert {key: failed[key] for key in more} == more


def test_notes_are_warnings_once(bench: Bench) -> None:
    class Noting(FakeDriver):
        def notes(self, wish: Wish[Guest], have: Guest | None) -> tuple[str, ...]:
            return ("the host is slow",)

    bench.driver = Noting
    (warning,) = bench.run(guests=[{"name": "a"}, {"name": "b"}]).result["warnings"]
    assert "the host is slow" in str(warning)


def test_what_ansible_itself_stumbles_over_is_refused(bench: Bench) -> None:
    """Its validator fails with a TypeError, and the module with a traceback, for a flag in place of an entry."""
    for options in ({"nics": [True]}, {"disks": [{"name": "root", "image": True}]}, {"nics": True}, {"disks": [[]]}):
        failed = bench.run(name="a", **options).result
        assert "is allowed" in failed["msg"]


def test_half_a_character_is_refused_and_not_stumbled_over(bench: Bench) -> None:
    """AnsibleModule writes what it logs as UTF-8, which has no halves."""
    for options in ({"state": "\ud800"}, {"description": "\ud800"}, {"uri": "\ud800", "vcpus": 0}):
        assert bench.run(name="a", **options).result["failed"] is True


def test_the_info_module_on_a_host_that_does_not_answer(bench: Bench) -> None:
    class Broken(FakeDriver):
        def read(self, names: Any) -> Any:
            raise HostError("the socket is closed")

    failed = bench.run(lambda: run_info_module(TASK, lambda params, host: Broken(bench.hypervisor)), names=["a"]).result
    assert (failed["failed"], failed["msg"]) == (True, "the socket is closed")


def test_every_error_is_told_though_ansible_stops_at_the_first(bench: Bench) -> None:
    """Options of a wrong type, unknown ones, and both of two that exclude each other, beside errors of guests."""
    failed = bench.run(vcpus="two", memory=5, nics="x", colour="red", name="a", guests=[{"name": "../b"}]).result
    assert failed["failed"] is True
    parts = ("colour: there is no such option", "name|guests", "number 1: name", "vcpus: a whole", "memory: a size")
    for part in parts:
        assert part in failed["msg"], failed["msg"]
    assert failed["msg"] == "\n".join(failed["errors"])
    assert bench.hypervisor.writes == 0


@pytest.mark.parametrize("guests", ["web1", ["web1"], [["web1"]], [5], 5, {"name": "a"}, [None]])
def test_a_list_of_guests_that_is_none(bench: Bench, guests: Any) -> None:
    failed = bench.run(guests=guests).result
    assert failed["failed"] is True
    assert "is allowed" in failed["msg"]
