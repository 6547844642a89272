# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module as Ansible runs it: its result, its failures, and that nothing of cloud_init ever leaves it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
import yaml
from ansible.module_utils import basic

from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.change import Change
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import (
    AbsentError,
    HostError,
    HypervisorError,
    MissingImageError,
    PlanError,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.module import run_guest_module, run_info_module
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.resource import Wish
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Guest
from ansible_collections.hostforge.hypervisor.tests.contract.fake import FakeDriver
from ansible_collections.hostforge.hypervisor.tests.contract.fake_hypervisor import FakeHypervisor
from ansible_collections.hostforge.hypervisor.tests.unit.guest.bad_input import SECRET

OWN: dict[str, dict[str, Any]] = {"cpu_mode": {"type": "str", "choices": ["host", "plain"]}}
TASK: dict[str, dict[str, Any]] = {
    "uri": {"type": "str", "default": "fake:///"},
    "password": {"type": "str", "no_log": True},
}
SEED = {
    "user_data": {"users": [{"name": "root", "passwd": SECRET}]},
    "meta_data": {"token": SECRET},
    "network_config": {"key": SECRET},
}


try:
    from ansible.module_utils.testing import patch_module_args
except ImportError:  # ansible-core 2.18 has no such helper

    @contextmanager
    def patch_module_args(params: dict[str, Any]) -> Iterator[None]:
        """Give a module its parameters."""
        before = basic._ANSIBLE_ARGS
        basic._ANSIBLE_ARGS = json.dumps({"ANSIBLE_MODULE_ARGS": params}).encode()
        yield
        basic._ANSIBLE_ARGS = before


@dataclass
class Run:
    """What Ansible and the host's log see of one run of the module."""

    result: dict[str, Any]
    seen: str
    logged: list[str]


@dataclass
class Bench:
    """Runs the module on a fake hypervisor."""

    capture: pytest.CaptureFixture[str]
    logged: list[str]
    hypervisor: FakeHypervisor = field(default_factory=FakeHypervisor)
    driver: type[FakeDriver] = FakeDriver

    def run(self, main: Callable[[], None] | None = None, **params: Any) -> Run:
        self.logged.clear()
        with patch_module_args(params), pytest.raises(SystemExit):
            (main or self.main)()
        seen = self.capture.readouterr()
        return Run(json.loads(seen.out), seen.out + seen.err, list(self.logged))

    def main(self) -> None:
        run_guest_module("fake", OWN, TASK, lambda params, host: self.driver(self.hypervisor))


@pytest.fixture
def bench(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Bench:
    logged: list[str] = []

    class Journal:
        """The journal, where it is to be had."""

        @staticmethod
        def send(**fields: Any) -> None:
            logged.append(str(fields))

    monkeypatch.setattr(basic, "has_journal", True)
    monkeypatch.setattr(basic, "journal", Journal, raising=False)
    monkeypatch.setattr(basic.syslog, "syslog", lambda *words: logged.append(str(words)))
    return Bench(capsys, logged)


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


def test_notes_are_warnings_once(bench: Bench) -> None:
    class Noting(FakeDriver):
        def notes(self, wish: Wish[Guest], have: Guest | None) -> tuple[str, ...]:
            return ("the host is slow",)

    bench.driver = Noting
    (warning,) = bench.run(guests=[{"name": "a"}, {"name": "b"}]).result["warnings"]
    assert "the host is slow" in str(warning)


def guests_with_secrets() -> list[dict[str, Any]]:
    return [
        {"name": "web1", "state": "running", "cloud_init": SEED},
        {"name": "web2", "cloud_init": {"user_data": SECRET}},
    ]


def assert_silent(run: Run) -> None:
    assert SECRET not in run.seen
    assert SECRET not in str(run.logged)


def test_what_ansible_itself_stumbles_over_is_refused(bench: Bench) -> None:
    """Its validator fails with a TypeError, and the module with a traceback, for a flag in place of an entry."""
    for options in ({"nics": [True]}, {"disks": [{"name": "root", "image": True}]}, {"nics": True}, {"disks": [[]]}):
        failed = bench.run(name="a", **options).result
        assert "is allowed" in failed["msg"]


def test_half_a_character_is_refused_and_not_stumbled_over(bench: Bench) -> None:
    """AnsibleModule writes what it logs as UTF-8, which has no halves."""
    for options in ({"state": "\ud800"}, {"description": "\ud800"}, {"uri": "\ud800", "vcpus": 0}):
        assert bench.run(name="a", **options).result["failed"] is True


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


def test_the_info_module_on_a_host_that_does_not_answer(bench: Bench) -> None:
    class Broken(FakeDriver):
        def read(self, names: Any) -> Any:
            raise HostError("the socket is closed")

    failed = bench.run(lambda: run_info_module(TASK, lambda params, host: Broken(bench.hypervisor)), names=["a"]).result
    assert (failed["failed"], failed["msg"]) == (True, "the socket is closed")


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
