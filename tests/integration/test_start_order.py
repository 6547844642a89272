# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Guests with a place in the start order: what is stored of it, what drifts, and the program that starts them."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import libvirt
import pytest

from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.start_order import STARTER
from ansible_collections.hostforge.hypervisor.tests.integration import foreign
from ansible_collections.hostforge.hypervisor.tests.integration.playbook import HOST_PYTHON
from ansible_collections.hostforge.hypervisor.tests.integration.runs import guest, mend, refused, stored, virsh

ROLES = Path(__file__).resolve().parents[2] / "roles"
PROGRAM = ROLES / "kvm_host/files/start_guests.py"
NOTE = "metadata/{urn:hostforge:guest:1}guest/{urn:hostforge:guest:1}autostart"
ORDERED = {"order": 10, "delay": 30}

# Whether libvirt starts a guest, and what is noted for the order.
Stands = tuple[bool, dict[str, str] | None]

pytestmark = pytest.mark.usefixtures("kvm")


@pytest.fixture
def stamp(tmp_path: Path) -> Path:
    """Where the program notes what it has done."""
    return tmp_path / "stamp"


@pytest.fixture
def unordered() -> Iterator[None]:
    """A host on which nobody starts guests in an order."""
    os.rename(STARTER, f"{STARTER}.off")
    yield
    os.rename(f"{STARTER}.off", STARTER)


def wish(autostart: Any, name: str = "a") -> dict[str, Any]:
    return {"name": name, "memory": "64 MiB", "autostart": autostart}


def found(name: str = "a") -> Stands:
    """What virsh says of it."""
    noted = stored(name).find(NOTE)
    flagged = name in virsh("list", "--all", "--autostart", "--name").split()
    return flagged, None if noted is None else dict(noted.attrib)


PLAIN: Stands = (True, None)
OFF: Stands = (False, None)
NOTED: Stands = (False, {"order": "10", "delay": "30"})
FORMS: dict[str, tuple[Any, Stands]] = {
    "plain": (True, PLAIN),
    "off": (False, OFF),
    "ordered": (ORDERED, NOTED),
    "order": ({"order": 0}, (False, {"order": "0"})),
    "delay": ({"delay": 5}, (False, {"delay": "5"})),
}


@pytest.mark.parametrize("second", FORMS)
@pytest.mark.parametrize("first", FORMS)
def test_from_each_form_to_each(first: str, second: str) -> None:
    guest(**wish(FORMS[first][0]))
    assert found() == FORMS[first][1]
    assert mend(**wish(FORMS[second][0])) == ([] if first == second else ["set autostart"])
    assert found() == FORMS[second][1]


@pytest.mark.parametrize(
    ("wished", "words", "mended", "stands"),
    [
        (ORDERED, ["autostart", "a"], ["set autostart"], NOTED),
        (ORDERED, ["autostart", "a", "--disable"], [], NOTED),
        (True, ["autostart", "a", "--disable"], ["set autostart"], PLAIN),
        (False, ["autostart", "a"], ["set autostart"], OFF),
    ],
)
@pytest.mark.parametrize("state", ["stopped", "running"])
def test_drift(wished: Any, words: list[str], mended: list[str], stands: Any, state: str) -> None:
    guest(**wish(wished), state=state)
    virsh(*words)
    assert mend(**wish(wished), state=state) == mended
    assert found() == stands


def test_a_guest_that_others_made_gets_a_place_and_loses_it(kvm: libvirt.virConnect) -> None:
    foreign.add_guest(kvm, "theirs", foreign.make_disk("/var/lib/hostforge/theirs.qcow2", "qcow2"))
    virsh("autostart", "theirs")
    assert mend(name="theirs", autostart=ORDERED) == ["set autostart"]
    assert found("theirs") == NOTED
    assert mend(name="theirs", autostart=True) == ["set autostart"]
    assert found("theirs") == PLAIN


@pytest.mark.usefixtures("unordered")
def test_an_order_that_nobody_keeps_is_refused(kvm: libvirt.virConnect) -> None:
    assert "run the role kvm_host" in refused(**wish(ORDERED))
    guest(**wish(True))
    assert "hostforge-guests.service, which is not enabled" in refused(**wish({"delay": 1}))
    assert found() == PLAIN


def test_who_has_a_place_is_told_when_nobody_keeps_it_any_more(kvm: libvirt.virConnect) -> None:
    assert not guest(**wish(ORDERED)).get("warnings")
    os.rename(STARTER, f"{STARTER}.off")
    try:
        again = guest(**wish(ORDERED))
    finally:
        os.rename(f"{STARTER}.off", STARTER)
    assert not again["changed"]
    assert "hostforge-guests.service" in str(again["warnings"])


def environment() -> dict[str, str]:
    """That of the program, which on a host has both of its files in one folder."""
    return {**os.environ, "PYTHONPATH": str(ROLES / "host_start_order/files"), "PYTHONDONTWRITEBYTECODE": "1"}


def start(stamp: Path, *words: str) -> tuple[int, list[str]]:
    """Run the program as its unit does; its status, and what it said."""
    command = [HOST_PYTHON, str(PROGRAM), "--stamp", str(stamp), *words]
    ended = subprocess.run(command, check=False, capture_output=True, text=True, env=environment())
    assert ended.stderr == ""
    return ended.returncode, ended.stdout.splitlines()


def running() -> list[str]:
    """The guests that run, in the order of their starts."""
    lines = [line.split() for line in virsh("list").splitlines()]
    return [name for _number, name, *_state in sorted(lines, key=lambda line: int(line[0]))]


def make_guests(**places: Any) -> None:
    guest(guests=[wish(place, name) for name, place in places.items()])


def test_guests_are_started_in_their_order_with_their_delays_and_only_once(stamp: Path) -> None:
    make_guests(
        c={"order": 1, "delay": 2}, b={"order": 2}, a={"delay": 60}, d=True, e=False, f={"order": 2, "delay": 1}
    )
    assert start(stamp, "--list") == (0, ["c", "b", "f", "a"])
    assert running() == []
    begin = time.monotonic()
    status, said = start(stamp)
    assert 3 <= time.monotonic() - begin < 50
    assert (status, [line.split(":")[0] for line in said]) == (0, [f"guest {name}" for name in ("c", "b", "f", "a")])
    assert running() == ["c", "b", "f", "a"]
    virsh("destroy", "b")
    assert start(stamp)[0] == 0
    assert running() == ["c", "f", "a"]
    # The host was started anew.
    stamp.write_text(stamp.read_text().replace(stamp.read_text().split()[0], "another-boot"))
    assert start(stamp)[0] == 0
    assert running() == ["c", "f", "a", "b"]


def test_a_guest_that_fails_does_not_stop_the_rest_and_is_tried_again(stamp: Path) -> None:
    make_guests(a={"order": 1}, b={"order": 2, "delay": 60}, c={"order": 3})
    virsh("attach-disk", "b", foreign.make_disk("/var/lib/hostforge/gone.qcow2", "qcow2"), "vda", "--config")
    os.unlink("/var/lib/hostforge/gone.qcow2")
    status, said = start(stamp)
    assert status == 1
    assert "guest b cannot be started" in said[1]
    assert said[-1].startswith("not started: b;")
    assert running() == ["a", "c"]
    virsh("detach-disk", "b", "vda", "--config")
    virsh("destroy", "a")
    assert start(stamp)[0] == 0
    assert running() == ["c", "b"], "one that somebody has stopped was started again"


def test_guests_that_run_already_are_passed_over_without_a_delay(stamp: Path) -> None:
    make_guests(a={"order": 1, "delay": 600}, b={"order": 2})
    virsh("start", "a")
    status, said = start(stamp)
    assert (status, running()) == (0, ["a", "b"])
    assert said[0] == "guest a: runs already, or has gone"


def test_a_run_that_is_killed_in_a_delay_is_taken_up(stamp: Path) -> None:
    make_guests(a={"order": 1, "delay": 600}, b={"order": 2})
    command = [HOST_PYTHON, str(PROGRAM), "--stamp", str(stamp)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment()) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"guest a: started\n"
        process.kill()
    virsh("destroy", "a")
    assert start(stamp)[0] == 0
    assert running() == ["b"]


def test_the_journal_is_told_levels(stamp: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOURNAL_STREAM", "8:1")
    make_guests(a={"order": 1})
    assert start(stamp) == (0, ["<6>guest a: started"])
