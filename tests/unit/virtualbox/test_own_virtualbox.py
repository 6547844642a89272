# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What only VirtualBox has, on the simulator: extra data, forwarded ports, states of machines, ports that are fixed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.virtualbox.ledger import KEY
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.engine import converge
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.resource import Outcome, Wish
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import (
    Autostart,
    Disk,
    Guest,
    Nic,
    Policy,
)
from ansible_collections.hostforge.hypervisor.tests.contract.wishes import MIB
from ansible_collections.hostforge.hypervisor.tests.unit.virtualbox.simulated_machine import ABORTED, PAUSED, SAVED
from ansible_collections.hostforge.hypervisor.tests.unit.virtualbox.simulated_subject import SimulatedSubject

NAME = "g1"
ROOT = Disk("root", 32 * MIB)


@pytest.fixture
def subject() -> SimulatedSubject:
    return SimulatedSubject()


def run(subject: SimulatedSubject, want: Guest, restart: str = "never", check: bool = False) -> Outcome[Guest]:
    policy = Policy(restart=restart, shutdown_timeout_s=0)
    return converge(subject.make_driver(), [Wish(want, policy)], check)[0]


def done(subject: SimulatedSubject, want: Guest, restart: str = "never") -> list[str]:
    outcome = run(subject, want, restart)
    assert outcome.error == ""
    assert run(subject, want, restart).changes == ()
    return [f"{change.verb} {change.field}" for change in outcome.changes]


def extra(**keys: str) -> Guest:
    return Guest(NAME, options=(("extradata", tuple(sorted(keys.items()))),))


def test_extra_data_is_set_key_by_key_and_taken_away(subject: SimulatedSubject) -> None:
    done(subject, extra(one="1", two="2"))
    assert done(subject, extra(one="1", two="3")) == ["set extradata"]
    assert done(subject, extra(two="")) == ["set extradata"]
    found = subject.machine(NAME).extra
    assert found["one"] == "1"
    assert "two" not in found
    assert KEY in found


def forwarding(*rules: str) -> Guest:
    return Guest(NAME, state="running", nics=(Nic(network="nat", options=(("forwards", list(rules)),)),))


def test_ports_are_forwarded_while_the_guest_runs(subject: SimulatedSubject) -> None:
    done(subject, forwarding("ssh,TCP,127.0.0.1,02222,,22"))
    assert subject.machine(NAME).cards[0].NATEngine.redirects == ["ssh,1,127.0.0.1,2222,,22"]
    assert done(subject, forwarding("ssh,tcp,127.0.0.1,2222,,22", "dns,udp,,53,,53")) == ["set nics.forwards"]
    assert done(subject, forwarding()) == ["set nics.forwards"]
    assert subject.machine(NAME).boots == 1


@pytest.mark.parametrize("rule", ["", "ssh", "ssh,tcp,,0,,22", "a b,tcp,,1,,1", "x,sctp,,1,,1", "x,tcp,,70000,,22"])
def test_a_forward_that_is_none_is_refused(subject: SimulatedSubject, rule: str) -> None:
    assert "forwards" in run(subject, forwarding(rule)).error


def test_ports_are_forwarded_on_nat_only(subject: SimulatedSubject) -> None:
    card = Nic(network="default", options=(("forwards", ["ssh,tcp,,1,,1"]),))
    assert "network nat only" in run(subject, Guest(NAME, nics=(card,))).error


def test_an_internal_network_is_there_when_it_is_named(subject: SimulatedSubject) -> None:
    done(subject, Guest(NAME, nics=(Nic(network="internal:lan 1"),)))
    assert subject.machine(NAME).cards[0].internalNetwork == "lan 1"


def test_a_host_only_interface_is_found_by_its_name(subject: SimulatedSubject) -> None:
    done(subject, Guest(NAME, nics=(Nic(network="vboxnet0"),)))
    assert subject.machine(NAME).cards[0].hostOnlyInterface == "vboxnet0"


def test_a_saved_guest_is_restored_and_not_changed(subject: SimulatedSubject) -> None:
    done(subject, Guest(NAME))
    subject.machine(NAME).__dict__["state"] = SAVED
    assert "memory is saved" in run(subject, Guest(NAME, memory_mib=77)).error
    assert "memory is saved" in run(subject, Guest(NAME, state="absent"), "force").error
    assert done(subject, Guest(NAME, state="running")) == ["start state"]


def test_an_aborted_guest_is_off(subject: SimulatedSubject) -> None:
    done(subject, Guest(NAME, state="running"))
    subject.machine(NAME).off(ABORTED)
    assert done(subject, Guest(NAME, memory_mib=77)) == ["set memory_mib"]
    assert done(subject, Guest(NAME, state="running")) == ["start state"]


def test_a_paused_guest_goes_on(subject: SimulatedSubject) -> None:
    done(subject, Guest(NAME, state="running"))
    subject.machine(NAME).__dict__["state"] = PAUSED
    assert done(subject, Guest(NAME, state="running")) == ["start state"]
    assert subject.machine(NAME).boots == 1


def test_a_paused_guest_is_let_go_on_to_shut_down(subject: SimulatedSubject) -> None:
    done(subject, Guest(NAME, state="running"))
    subject.machine(NAME).__dict__["state"] = PAUSED
    assert done(subject, Guest(NAME, state="stopped")) == ["stop state"]


def test_a_disk_in_a_fixed_port_is_not_pulled_out(subject: SimulatedSubject) -> None:
    fixed = replace(ROOT, options=(("hotplug", False),))
    done(subject, Guest(NAME, state="running", disks=(fixed,)))
    assert "while the guest is off" in run(subject, Guest(NAME, state="running", disks=())).error
    assert done(subject, Guest(NAME, state="running", disks=()), "force") == [
        "stop state",
        "remove disks",
        "start state",
    ]


def test_no_guest_starts_without_the_kernels_module(subject: SimulatedSubject) -> None:
    del subject.host.files["/dev/vboxdrv"]
    outcome = run(subject, Guest(NAME, state="running"))
    assert "vboxdrv" in outcome.error
    assert subject.box.machines == []


def test_an_order_of_starts_is_refused(subject: SimulatedSubject) -> None:
    assert "order" in run(subject, Guest(NAME, autostart=Autostart(True, 3))).error


def test_no_start_with_the_host_without_a_folder_for_it(subject: SimulatedSubject) -> None:
    subject.box.systemProperties.autostartDatabasePath = ""
    assert "autostartdbpath" in run(subject, Guest(NAME, autostart=Autostart(True))).error


def test_a_settings_file_of_others_is_not_replaced(subject: SimulatedSubject) -> None:
    path = f"/home/vm/machines/{NAME}/{NAME}.vbox"
    subject.host.files[path] = b"<VirtualBox/>"
    assert path in run(subject, Guest(NAME)).error
    assert subject.host.files[path] == b"<VirtualBox/>"


def test_a_settings_file_of_a_killed_run_is_made_anew(subject: SimulatedSubject) -> None:
    path = f"/home/vm/machines/{NAME}/{NAME}.vbox"
    subject.host.files[path] = f'<ExtraDataItem name="{KEY}" value="{{}}"/>'.encode()
    assert done(subject, Guest(NAME)) == ["create guest"]


def test_a_guest_with_snapshots_is_kept(subject: SimulatedSubject) -> None:
    done(subject, Guest(NAME, disks=(ROOT,)))
    subject.machine(NAME).__dict__["snapshotCount"] = 2
    assert "2 snapshots" in run(subject, Guest(NAME, state="absent"), "force").error


@pytest.mark.parametrize("kind", ["raw", "qcow2"])
def test_a_format_that_virtualbox_has_not_is_refused(subject: SimulatedSubject, kind: str) -> None:
    assert f"no format {kind!r}" in run(subject, Guest(NAME, disks=(replace(ROOT, format=kind),))).error


def test_a_machine_that_cannot_be_read_is_named(subject: SimulatedSubject) -> None:
    done(subject, Guest(NAME))
    broken = subject.machine(NAME)
    broken.__dict__.update(accessible=False, accessError=None)
    assert "cannot read" in run(subject, Guest(NAME)).error
    assert done(subject, Guest("other")) == ["create guest"]
