# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""That nothing of cloud_init, and no other secret, ever leaves the module, whatever goes wrong."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from ansible.module_utils import basic

from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.change import Change
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import (
    HostError,
    PlanError,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.module import run_info_module
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.resource import Wish
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Guest
from ansible_collections.hostforge.hypervisor.tests.contract.fake import FakeDriver
from ansible_collections.hostforge.hypervisor.tests.unit.guest.bad_input import SECRET
from ansible_collections.hostforge.hypervisor.tests.unit.guest.bench import SEED, TASK, Bench, Run


def test_a_fault_of_ours_is_told_with_its_place_and_the_others_are_reported(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: dict[str, Any] = {}
    fail_json = basic.AnsibleModule.fail_json

    def tell(module: basic.AnsibleModule, msg: str, **result: Any) -> None:
        told.update(result)
        fail_json(module, msg, **result)

    monkeypatch.setattr(basic.AnsibleModule, "fail_json", tell)

    class Faulty(FakeDriver):
        def apply(self, change: Change) -> None:
            if change.name == "a":
                raise KeyError(SECRET)
            super().apply(change)

    bench.driver = Faulty
    guests = [{"name": "a", "cloud_init": SEED}, {"name": "b"}]
    run = bench.run(guests=guests)
    assert run.result["failed"] is True
    assert "guest a: create guest: KeyError" in run.result["msg"]
    # Ansible shows it where it is told to show tracebacks.
    assert "Traceback" in told["exception"]
    assert "in apply" in told["exception"]
    assert SECRET not in told["exception"]
    assert [guest["changed"] for guest in run.result["guests"]] == [False, True]
    assert_silent(run)


def guests_with_secrets() -> list[dict[str, Any]]:
    return [
        {"name": "web1", "state": "running", "cloud_init": SEED},
        {"name": "web2", "cloud_init": {"user_data": SECRET}},
    ]


def assert_silent(run: Run) -> None:
    assert SECRET not in run.seen
    assert SECRET not in str(run.logged)


def test_a_secret_is_nowhere(bench: Bench) -> None:
    first = bench.run(guests=guests_with_secrets(), _ansible_verbosity=4, _ansible_diff=True)
    assert first.result["changed"] is True
    assert first.logged, "nothing was logged, so nothing was shown"
    again = bench.run(guests=guests_with_secrets(), _ansible_verbosity=4)
    assert again.result["changed"] is False
    check = bench.run(guests=guests_with_secrets(), _ansible_check_mode=True)
    alone = bench.run(name="web1", cloud_init={**SEED, "meta_data": {"token": SECRET, "new": SECRET}})
    for run in (first, again, check, alone):
        assert_silent(run)
    entry = first.result["invocation"]["module_args"]["guests"][0]
    assert entry == {"name": "web1", "state": "running", "cloud_init": "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"}


def test_names_are_shown_though_secrets_are_not(bench: Bench) -> None:
    """All texts of cloud_init as no_log values would star out a user's name wherever it stands."""
    run = bench.run(name="web1", description="for root", cloud_init=SEED)
    assert run.result["guests"][0]["guest"]["description"] == "for root"


@pytest.mark.parametrize(
    "odd",
    [
        {"cloudinit": SEED},
        {"user_data": SEED["user_data"]},
        {"cloud_init": {"userdata": SECRET}},
        {"cloud_init": [SECRET]},
        {"cloud_init": SECRET},
        {"cloud_init": f"a={SECRET}"},
        {"cloud_init": {"user_data": [SECRET]}},
        {"cloud_init": {"meta_data": SECRET}},
        {"cloud_init": SEED, "vcpus": 0},
        {"fake": {"cloud_init": SEED}},
        {"disks": [{"name": "root", "user_data": SECRET}]},
        {"nics": [{"network": "default", "cloud_init": SEED}]},
    ],
)
def test_a_secret_in_the_wrong_place_is_nowhere(bench: Bench, odd: dict[str, Any]) -> None:
    run = bench.run(guests=[{"name": "web1", **odd}], _ansible_verbosity=4)
    assert run.result["failed"] is True
    assert_silent(run)
    if set(odd) <= {"cloud_init", "vcpus"}:
        run = bench.run(name="web1", **odd)
        assert run.result["failed"] is True
        assert_silent(run)


def test_a_secret_is_nowhere_when_the_host_fails(bench: Bench) -> None:
    class Failing(FakeDriver):
        def apply(self, change: Change) -> None:
            raise HostError(f"{change} cannot be made")

    bench.driver = Failing
    assert_silent(bench.run(guests=guests_with_secrets()))


def test_a_secret_is_nowhere_when_the_host_forgets(bench: Bench) -> None:
    class Forgetful(FakeDriver):
        def check(self, wish: Wish[Guest], changes: Sequence[Change]) -> Iterator[PlanError]:
            return iter(())

        def apply(self, change: Change) -> None:
            pass

    bench.driver = Forgetful
    run = bench.run(guests=guests_with_secrets())
    assert "did not keep" in run.result["msg"]
    assert_silent(run)


def test_other_secrets_of_the_task_stay_secret(bench: Bench) -> None:
    class Telling(FakeDriver):
        def read(self, names: Any) -> Any:
            raise HostError(f"no entry with {SECRET}")

    bench.driver = Telling
    run = bench.run(name="web1", password=SECRET, uri="fake://somewhere")
    assert run.result["invocation"]["module_args"]["uri"] == "fake://somewhere"
    assert "no entry with" in run.result["msg"]
    assert_silent(run)


def test_the_info_module(bench: Bench) -> None:
    bench.run(guests=[{"name": "a"}, {"name": "b", "cloud_init": SEED}])
    writes = bench.hypervisor.writes

    def main() -> None:
        run_info_module(TASK, lambda params, host: FakeDriver(bench.hypervisor))

    everything = bench.run(main)
    assert bench.run(main, _ansible_check_mode=True).result == everything.result
    assert [guest["name"] for guest in everything.result["guests"]] == ["a", "b"]
    assert everything.result["changed"] is False
    assert [guest["name"] for guest in bench.run(main, names=["b", "c"]).result["guests"]] == ["b"]
    assert bench.hypervisor.writes == writes
    assert_silent(everything)


@pytest.mark.parametrize(
    "odd",
    [
        {"memory": {"user_data": SECRET}},
        {"memory": f"#cloud-config\n{SECRET}"},
        {"description": [SECRET]},
        {"vcpus": {"cloud_init": SECRET}},
        {"autostart": {"order": 1, "user_data": SECRET}},
        {"disks": SECRET},
        {"disks": [SECRET]},
        {"nics": [{"network": "default", "bridge": {"user_data": SECRET}}]},
        {"fake": {"cpu_mode": [SECRET]}},
        {"user-data": SECRET},
        {"name": {"user_data": SECRET}},
    ],
)
@pytest.mark.parametrize("in_list", [True, False], ids=["entry", "task"])
def test_a_secret_that_is_not_indented_as_it_should_be_is_nowhere(
    bench: Bench, odd: dict[str, Any], in_list: bool
) -> None:
    options = {"name": "web1", **odd}
    run = bench.run(_ansible_verbosity=4, **({"guests": [options]} if in_list else options))
    assert run.result["failed"] is True
    assert_silent(run)


def test_user_data_as_an_entry_is_nowhere(bench: Bench) -> None:
    run = bench.run(guests=[f"#cloud-config\npassword: {SECRET}"], _ansible_verbosity=4)
    assert run.result["failed"] is True
    assert_silent(run)


def test_a_guest_s_name_is_shown_though_its_user_data_has_it_too(bench: Bench) -> None:
    seed = {"user_data": {"hostname": "web-front-1"}}
    made = bench.run(guests=[{"name": "web-front-1", "cloud_init": seed}]).result
    assert made["guests"][0]["name"] == "web-front-1"
    assert "web-front-1" in made["diff"]["after"]
    failed = bench.run(guests=[{"name": "web-front-1", "cloud_init": seed, "vcpus": 0}]).result
    assert failed["msg"].startswith("guest web-front-1: vcpus: ")
    failed = bench.run(guests=[{"name": "web-front-1", "cloud_init": seed, "vcpus": "x", "guests": 1}], uri=[]).result
    assert "guest web-front-1: vcpus: " in failed["msg"]


def test_what_lets_somebody_in_at_a_url_is_nowhere(bench: Bench) -> None:
    for url in (f"https://me:{SECRET}@example.org/a", f"https://example.org/a?token={SECRET}"):
        disks = [{"name": "root", "size": "1 GiB", "image": {"source": url, "checksum": "none"}}]
        for options in ({"name": "web1", "disks": disks}, {"guests": [{"name": "web1", "disks": disks}]}):
            bench.hypervisor.files[url] = {"bytes": 1, "whose": "", "kind": "qcow2", "base": None}
            assert_silent(bench.run(_ansible_verbosity=4, **options))
            assert_silent(bench.run(_ansible_verbosity=4, _ansible_check_mode=True, **options))
            bench.hypervisor.files.clear()
            assert_silent(bench.run(_ansible_verbosity=4, vcpus=0, **options))
