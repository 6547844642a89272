# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What xl was captured to tell, and the file that it was told of, are read as the same guest."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.xen import xl
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.xen.define import adopted
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.xen.definition import Definition
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.xen.read import (
    Around,
    running_guest,
    stored_guest,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import AbsentError, HostError, PlanError
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.ledger import Ledger
from ansible_collections.hostforge.hypervisor.tests.unit.guest.fake_host import FakeHost
from ansible_collections.hostforge.hypervisor.tests.unit.xen.simulated_xl import to_config

DATA = Path(__file__).parent / "data"
# Captured of xl 4.17, in the columns that it prints.
LISTED = """Name                                        ID   Mem VCPUs\tState\tTime(s)
Domain-0                                     0  1024     2     r-----     488.7
lab1                                         1   128     1     --p---      59.6
a name of its own                           17   128     1     ---s--      59.6
(null)                                      18     0     1     --ps-d      59.6
"""


def captured(name: str) -> Mapping[str, Any]:
    """What xl list -l told of the guest lab1."""
    (found,) = [one for one in json.loads((DATA / f"list-l-{name}.json").read_text()) if one["domid"]]
    return dict(found["config"])


def defined() -> Definition:
    return Definition((DATA / "lab1.cfg").read_text())


@pytest.mark.parametrize("name", ["running", "paused"])
def test_a_guest_runs_with_what_its_file_says(name: str) -> None:
    stored = stored_guest(defined(), Around())
    assert running_guest(captured(name), Ledger(), Around()) == stored
    assert (stored.vcpus, stored.vcpus_max, stored.memory_mib, stored.memory_max_mib) == (1, 2, 128, 256)
    assert stored.option("cmdline") == "console=hvc0 quiet"
    assert dict(stored.options) | {"type": "pv", "on_crash": "preserve", "bootloader": "none"} == dict(stored.options)


def test_what_was_changed_while_it_ran_is_told() -> None:
    hot = running_guest(captured("hot"), Ledger(), Around())
    assert (hot.vcpus, hot.memory_mib) == (2, 192)
    assert [(disk.name, disk.path, disk.format) for disk in hot.disks or ()] == [
        ("xvda", "/srv/lab/a.raw", "raw"),
        ("xvdb", "/srv/lab/b.raw", "raw"),
        ("xvdc", "/srv/lab/c.qcow2", "qcow2"),
    ]
    assert [nic.mac for nic in hot.nics or ()] == ["00:16:3e:11:22:33", "00:16:3e:11:22:44"]


def test_the_simulator_tells_the_same() -> None:
    """Every part of what the simulator makes of the captured file is in what xl told."""
    told, real = to_config(defined()), captured("running")
    for part in ("c_info", "b_info"):
        assert {key: real[part][key] for key in told[part]} == told[part]
    for mine, theirs in ((told["disks"], real["disks"]), (told["nics"], real["nics"])):
        assert [{key: there[key] for key in one} for one, there in zip(mine, theirs, strict=True)] == mine
    assert {key: value for key, value in told.items() if key.startswith("on_")}.items() <= real.items()


@pytest.mark.parametrize("name", ["running", "hot", "restored"])
def test_a_guest_without_a_file_gets_one_that_says_the_same(name: str) -> None:
    config = captured(name)
    definition = adopted(config)
    assert stored_guest(definition, Around()) == running_guest(config, Ledger(), Around())
    assert to_config(definition)["b_info"]["target_memkb"] == config["b_info"]["target_memkb"]


def test_a_guest_with_parts_that_would_be_lost_gets_no_file() -> None:
    with pytest.raises(PlanError, match="pcidevs"):
        adopted({**captured("running"), "pcidevs": [{"func": 0}]})
    built = {**captured("running")["b_info"], "vcpu_hard_affinity": [[0]]}
    with pytest.raises(PlanError, match="vcpu_hard_affinity"):
        adopted({**captured("running"), "b_info": built})


class Listed(FakeHost):
    """A host on which a command tells a text."""

    def run(self, argv: Any, stdin: str = "", timeout_s: float | None = None) -> str:
        return LISTED


def test_states_are_read_from_the_letters() -> None:
    assert [(one.name, one.number, one.state) for one in xl.domains(Listed())] == [
        ("lab1", 1, "paused"),
        ("a name of its own", 17, "off"),
        ("(null)", 18, "dying"),
    ]
    letters = {"r-----": "running", "-b----": "running", "------": "running", "---sr-": "running", "---ss-": "saving"}
    letters |= {"---sc-": "crashed", "----c-": "crashed", "---s--": "off", "-----d": "dying"}
    assert {flags: xl.Domain("x", 1, 1, flags).state for flags in letters} == letters


def test_a_host_without_xen_is_told_from_one_that_fails() -> None:
    class Bare(FakeHost):
        def run(self, argv: Any, stdin: str = "", timeout_s: float | None = None) -> str:
            raise HostError("the command xl is not installed on the host")

    with pytest.raises(AbsentError, match="xen_host"):
        xl.domains(Bare())
