# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Guests from packages, through the engine, on the simulator of VirtualBox: predicted, made, killed and finished."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.virtualbox import ledger
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.appliance import (
    Appliance,
    ApplianceDisk,
    ApplianceNic,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.engine import converge
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import MissingImageError
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.ova_write import write_ova
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.packaged import Packaged
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.resource import Outcome, Wish
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Cdrom, Disk, Guest, Image, Nic
from ansible_collections.hostforge.hypervisor.tests.unit.virtualbox.simulated_box import SimulatedHost
from ansible_collections.hostforge.hypervisor.tests.unit.virtualbox.simulated_machine import Machine
from ansible_collections.hostforge.hypervisor.tests.unit.virtualbox.simulated_subject import SimulatedSubject

MIB = 1024**2
OVA = "/elsewhere/web.ova"
URL = "https://packages.example.org/web.ova"
PACKAGE = Image(OVA, format="ova")
APPLIANCE = Appliance(
    "web",
    description=" front end ",
    vcpus=2,
    memory_mib=640,
    firmware="uefi",
    disks=(
        ApplianceDisk("root", 16 * MIB, "vmdk", "web-disk1.vmdk", None, "sata", 0, 0),
        ApplianceDisk("vm disk", 8 * MIB, "vhd", "web-disk2.vhd", None, "pvscsi", 0, 1),
        ApplianceDisk("empty", 3 * MIB + 1, "vmdk", None, None, "sata", 0, 2),
    ),
    cdroms=1,
    nics=(ApplianceNic("NAT", "02:00:00:00:00:01", "vmxnet3", "down"), ApplianceNic("default", None, "virtio", "up")),
)
WANT = Guest("web1", state="running", package=PACKAGE)


def disk_data(kind: str, size: int) -> bytes:
    return b"KDMV" + bytes(8) + b"\1" * 8 + json.dumps({"format": kind, "virtual-size": size}).encode()


def with_package(appliance: Appliance = APPLIANCE) -> SimulatedSubject:
    subject = SimulatedSubject()
    data = {}
    for disk in appliance.disks:
        if disk.file:
            data[disk.file] = f"/elsewhere/{disk.file}"
            kind = {"vhd": "vpc"}.get(disk.format or "", disk.format or "")
            subject.host.files[data[disk.file]] = disk_data(kind, disk.capacity_bytes)
    write_ova(subject.host, OVA, appliance, data)
    return subject


def run(subject: SimulatedSubject, want: Guest = WANT, check: bool = False) -> Outcome[Guest]:
    (outcome,) = converge(Packaged(subject.make_driver(), subject.host), [Wish(want)], check)
    return outcome


def done(outcome: Outcome[Guest]) -> Guest:
    assert outcome.error == ""
    assert outcome.after is not None
    return outcome.after


def test_a_guest_is_what_its_package_says_and_check_mode_says_the_same() -> None:
    subject = with_package()
    before = subject.dump()
    predicted = run(subject, check=True)
    assert subject.dump() == before
    made = run(subject)
    assert predicted.error == made.error == ""
    assert predicted.changes == made.changes
    found = done(made)
    assert (found.vcpus, found.memory_mib, found.firmware, found.description) == (2, 640, "uefi", "front end")
    assert [(disk.name, disk.size_bytes, disk.bus, disk.format, disk.owned) for disk in found.disks or ()] == [
        ("root", 16 * MIB, "sata", "vdi", True),
        ("disk2", 8 * MIB, "sata", "vdi", True),
        ("empty", 4 * MIB, "sata", "vdi", True),
    ]
    assert [(nic.network, nic.model, nic.link) for nic in found.nics or ()] == [
        ("nat", "e1000", "down"),
        ("default", "virtio", "up"),
    ]
    assert (found.nics or ())[0].mac != "02:00:00:00:00:01"
    assert found.cdroms == (Cdrom(),)
    assert not found.unfinished
    for check in (True, False):
        assert run(subject, check=check).changes == ()


def test_what_is_written_holds() -> None:
    subject = with_package()
    disks = (Disk("more", 5 * MIB), Disk("root", 20 * MIB, pool="fast", bus="virtio"))
    want = replace(WANT, vcpus=1, firmware="bios", nics=(Nic("second"),), cdroms=(), disks=disks)
    found = done(run(subject, want))
    assert (found.vcpus, found.memory_mib, found.firmware, found.cdroms) == (1, 640, "bios", ())
    assert [nic.network for nic in found.nics or ()] == ["second"]
    assert {disk.name: (disk.size_bytes, disk.pool, disk.bus) for disk in found.disks or ()} == {
        "root": (20 * MIB, "fast", "virtio"),
        "disk2": (8 * MIB, "default", "sata"),
        "empty": (4 * MIB, "default", "sata"),
        "more": (5 * MIB, "default", "sata"),
    }
    assert run(subject, want).changes == ()
    fewer = replace(want, state="stopped", disks=(Disk("root"),))
    assert [change.verb for change in run(subject, fewer).changes] == ["stop"]
    # Without the package, what is not in the list goes.
    assert len(done(run(subject, replace(fewer, package=None))).disks or ()) == 1


@pytest.mark.parametrize(
    ("appliance", "want", "says"),
    [
        (replace(APPLIANCE, disks=()), WANT, "a package with disks is allowed"),
        (APPLIANCE, replace(WANT, disks=(Disk("root", 15 * MIB),)), "a disk of 15 MiB is too small"),
        (replace(APPLIANCE, nics=(ApplianceNic("VM Network"),)), WANT, "VM Network"),
        (replace(APPLIANCE, nics=(ApplianceNic("../x"),)), WANT, "write the guest's nics"),
        (replace(APPLIANCE, nics=(ApplianceNic(),)), WANT, "write the guest's nics"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_touched(appliance: Appliance, want: Guest, says: str) -> None:
    subject = with_package(appliance)
    before = subject.dump()
    outcomes = [run(subject, want, check) for check in (True, False)]
    assert subject.dump() == before
    assert all(says in outcome.error for outcome in outcomes), outcomes[0].error
    assert [outcome.changes for outcome in outcomes] == [(), ()]


def test_data_that_names_other_files_is_refused() -> None:
    subject = with_package()
    subject.host.files["/elsewhere/web-disk1.vmdk"] = b'# Disk DescriptorFile\nRW 1 FLAT "/etc/shadow" 0\n'
    write_ova(
        subject.host,
        OVA,
        APPLIANCE,
        {disk.file: f"/elsewhere/{disk.file}" for disk in APPLIANCE.disks if disk.file},
    )
    subject.host.log.clear()
    outcome = run(subject)
    assert "is no vmdk in one piece" in outcome.error
    assert outcome.changes == ()
    assert subject.box.machines == []
    assert [what for what in subject.host.log if what[:2] == ("qemu-img", "info") and "package-" in what[-1]] == []


def test_of_what_a_package_holds_no_program_guesses_the_format() -> None:
    subject = with_package()
    subject.host.files["/elsewhere/web-disk2.vhd"] = b'# Disk DescriptorFile\nRW 1 FLAT "/dev/watchdog" 0\n'
    data = {disk.file: f"/elsewhere/{disk.file}" for disk in APPLIANCE.disks if disk.file}
    write_ova(subject.host, OVA, APPLIANCE, data)
    asked: list[list[str]] = []
    run_host = subject.host.run

    def noted(argv: Sequence[str], stdin: str = "", timeout_s: float | None = None) -> str:
        asked.append(list(argv))
        return run_host(argv, stdin, timeout_s)

    subject.host.run = noted  # type: ignore[method-assign]
    assert "cannot be read" in run(subject).error
    looks = [argv for argv in asked if argv[:2] == ["qemu-img", "info"]]
    assert looks
    assert all("-f" in argv for argv in looks)
    assert subject.box.machines == []


def test_a_killed_creation_asks_the_controller_for_its_package() -> None:
    subject = with_package()
    done(run(subject))
    (machine,) = subject.box.machines
    machine.extra[ledger.KEY] = json.dumps({**json.loads(machine.extra[ledger.KEY]), "unfinished": True})
    want = replace(WANT, package=Image("web.ova", format="ova", remote_src=False))
    predicted = run(subject, want, check=True)
    assert [(change.verb, change.field) for change in predicted.changes] == [("set", "package")]
    with pytest.raises(MissingImageError):
        run(subject, want)
    finished = run(subject)
    assert [(change.verb, change.field) for change in finished.changes] == [("set", "package")]
    assert not done(finished).unfinished


def test_a_package_that_is_yet_to_be_downloaded() -> None:
    subject = with_package()
    subject.host.web[URL] = subject.host.files[OVA]
    want = replace(WANT, package=Image(URL, "none", format="ova"))
    predicted = run(subject, want, check=True)
    assert "is not on the host yet" in predicted.notes[0]
    assert subject.host.did("fetch") == []
    made = run(subject, want)
    assert [(change.verb, change.field) for change in predicted.changes] == [
        (change.verb, change.field) for change in made.changes
    ]
    assert done(made).memory_mib == 640
    assert made.notes == ()
    assert run(subject, want).changes == ()
    assert subject.host.did("fetch") == [(URL,)]


def test_what_only_shows_in_a_downloaded_package_is_refused_before_the_guest_is_made() -> None:
    subject = with_package(replace(APPLIANCE, nics=(ApplianceNic("VM Network"),)))
    subject.host.web[URL] = subject.host.files[OVA]
    outcome = run(subject, replace(WANT, package=Image(URL, "none", format="ova")))
    assert "VM Network" in outcome.error
    assert outcome.changes == ()
    assert subject.box.machines == []


def test_a_package_on_the_controller_is_asked_for() -> None:
    subject = with_package()
    want = replace(WANT, package=Image("web.ova", "sha256:" + "0" * 64, format="ova", remote_src=False))
    predicted = run(subject, want, check=True)
    assert [change.verb for change in predicted.changes] == ["create", "start"]
    assert predicted.error == ""
    with pytest.raises(MissingImageError):
        run(subject, want)


def test_what_is_not_taken_is_told() -> None:
    subject = with_package(replace(APPLIANCE, tpm=True))
    driver = subject.make_driver()
    fields = {name: rule for name, rule in driver.traits.fields.items() if name != "tpm"}
    driver.traits = replace(driver.traits, fields=fields)
    (outcome,) = converge(Packaged(driver, subject.host), [Wish(WANT)], True)
    assert "tpm, which virtualbox guests do not have" in " ".join(outcome.notes)


def test_a_hypervisor_that_takes_no_packages_says_so() -> None:
    subject = with_package()
    driver = subject.make_driver()
    fields = {name: rule for name, rule in driver.traits.fields.items() if name != "package"}
    driver.traits = replace(driver.traits, fields=fields)
    (outcome,) = converge(Packaged(driver, subject.host), [Wish(WANT)], False)
    assert outcome.error == "virtualbox guests are not made from packages: leave it out"


class Killed(BaseException):
    """The end of a process, as far as Python can have it."""


KILLS: dict[type[Any], tuple[str, ...]] = {
    Machine: ("lockMachine", "saveSettings", "attachDevice", "setExtraData"),
    SimulatedHost: ("run", "rename", "write_pieces", "copy"),
}


@pytest.mark.parametrize("number", range(14))
@pytest.mark.parametrize(("place", "name"), [(place, name) for place, names in KILLS.items() for name in names])
def test_a_killed_creation_is_finished(
    monkeypatch: pytest.MonkeyPatch, place: type[Any], name: str, number: int
) -> None:
    subject, untouched = with_package(), with_package()
    expected = done(run(untouched))
    original, left = getattr(place, name), [number]

    def counted(itself: object, *arguments: Any) -> object:
        if not left[0]:
            raise Killed
        left[0] -= 1
        return original(itself, *arguments)

    with monkeypatch.context() as patched:
        patched.setattr(place, name, counted)
        with suppress(Killed):
            run(subject)
    for machine in subject.box.machines:
        machine.__dict__["sessions"] = 0  # the kernel closes what a killed process had open
    predicted, finished = run(subject, check=True), run(subject)
    assert [change.verb for change in predicted.changes] == [change.verb for change in finished.changes]
    found = run(subject)
    assert found.changes == ()
    assert replace(done(found), uuid=None, nics=None, live=None) == replace(expected, uuid=None, nics=None, live=None)
    assert [(nic.network, nic.model) for nic in done(found).nics or ()] == [("nat", "e1000"), ("default", "virtio")]
