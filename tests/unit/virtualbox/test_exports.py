# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Guests as packages, through the engine, on the simulator of VirtualBox: predicted, written, killed and refused."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.appliance import System
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.engine import converge
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import PlanError, SpecError
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.export import (
    Export,
    Exports,
    Giver,
    parse_exports,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.give import appliance_of
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.resource import Outcome, Wish
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Cdrom, Disk, Guest, Image, Nic
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.traits import FromPackages
from ansible_collections.hostforge.hypervisor.tests.unit.virtualbox import test_packaged
from ansible_collections.hostforge.hypervisor.tests.unit.virtualbox.simulated_box import SimulatedHost
from ansible_collections.hostforge.hypervisor.tests.unit.virtualbox.simulated_subject import SimulatedSubject

MIB = 1024**2
OVA = "/elsewhere/web1.ova"
WEB = Guest(
    "web1",
    description="front end",
    vcpus=2,
    memory_mib=640,
    firmware="uefi",
    tpm=True,
    disks=(Disk("root", 16 * MIB), Disk("data", 8 * MIB, bus="virtio"), Disk("logs", 4 * MIB, bus="virtio")),
    cdroms=(Cdrom(),),
    nics=(Nic("nat", model="e1000"), Nic("default", link="down")),
)


class SimulatedGiver(Giver):
    """Writes what the simulator takes for a disk."""

    def __init__(self, subject: SimulatedSubject) -> None:
        self.subject = subject
        self.why_not = ""

    def system(self, guest: Guest) -> System | None:
        return System(96, description=str(guest.option("ostype")))

    def refusals(self, guest: Guest) -> Iterator[str]:
        if self.why_not:
            yield self.why_not

    def data(self, guest: Guest) -> list[str]:
        return [disk.path or "" for disk in guest.disks or ()]

    def write(self, guest: str, disk: str, path: str) -> None:
        (found,) = (one for one in self.subject.make_driver().read([guest])[guest].disks or () if one.name == disk)
        self.subject.host.files[path] = test_packaged.disk_data("vmdk", found.size_bytes or 0)

    def forget(self, folder: str) -> None:
        pass


def with_guest() -> SimulatedSubject:
    subject = SimulatedSubject()
    assert test_packaged.run(subject, WEB).error == ""
    return subject


def export(subject: SimulatedSubject, check: bool = False, why_not: str = "", path: str = OVA) -> Outcome[Export]:
    giver = SimulatedGiver(subject)
    giver.why_not = why_not
    exports = Exports(subject.make_driver(), giver, subject.host, {"web1": path})
    (outcome,) = converge(exports, [Wish(Export("web1", path))], check)
    return outcome


def test_there_and_back_again() -> None:
    subject = with_guest()
    before = subject.dump()
    predicted = export(subject, check=True)
    assert subject.dump() == before
    made = export(subject)
    assert made.error == ""
    assert predicted.changes == made.changes
    assert [export(subject, check).changes for check in (True, False)] == [(), ()]
    back = test_packaged.run(subject, Guest("web2", package=Image(OVA, format="ova")))
    found = subject.make_driver().read(None)
    assert back.error == ""

    def alike(guest: Guest) -> object:
        disks = [(disk.name, disk.size_bytes, disk.bus) for disk in guest.disks or ()]
        nics = [(nic.network, nic.model, nic.link) for nic in guest.nics or ()]
        return guest.description, guest.vcpus, guest.memory_mib, guest.firmware, guest.tpm, guest.cdroms, disks, nics

    assert alike(found["web2"]) == alike(found["web1"])


def test_only_another_guest_is_written_anew() -> None:
    subject = with_guest()
    assert [change.verb for change in export(subject).changes] == ["create"]
    assert test_packaged.run(subject, replace(WEB, memory_mib=512)).error == ""
    (change,) = export(subject).changes
    assert (change.verb, change.before["memory"], change.after["memory"]) == ("set", "640 MiB", "512 MiB")
    assert export(subject).changes == ()


def test_what_stays() -> None:
    subject = with_guest()
    subject.host.files[OVA] = b"precious"
    assert "is no package, so it stays" in export(subject).error
    assert subject.host.files[OVA] == b"precious"
    assert "there is no folder /nowhere" in export(subject, path="/nowhere/web1.ova").error
    del subject.host.files[OVA]
    assert export(subject, why_not="it runs").error == "it runs"
    assert OVA not in subject.host.files


class Killed(BaseException):
    """The end of a process, as far as Python can have it."""


@pytest.mark.parametrize("number", range(8))
@pytest.mark.parametrize("name", ["run", "rename", "write_pieces", "make_dir", "remove", "digest"])
def test_a_killed_export_is_made_by_the_next(monkeypatch: pytest.MonkeyPatch, name: str, number: int) -> None:
    subject = with_guest()
    original, left = getattr(SimulatedHost, name), [number]

    def counted(itself: object, *arguments: Any) -> object:
        if left[0] <= 0:
            left[0] -= 1
            raise Killed
        left[0] -= 1
        return original(itself, *arguments)

    with monkeypatch.context() as patched:
        patched.setattr(SimulatedHost, name, counted)
        with suppress(Killed):
            export(subject)
    assert export(subject).error == ""
    assert export(subject).changes == ()
    assert [path for path in subject.host.files if path.endswith(".ova")] == [OVA]


@pytest.mark.parametrize(
    ("guest", "says"),
    [
        (Guest("a", disks=(Disk("stick", MIB, bus="usb"),)), "disk stick: in packages the buses"),
        (Guest("a", disks=(Disk("lost", None, bus="sata", path="/gone"),)), "its data is not where it should be"),
    ],
)
def test_what_no_package_can_say(guest: Guest, says: str) -> None:
    with pytest.raises(PlanError, match=says):
        appliance_of(guest, FromPackages())


@pytest.mark.parametrize("path", [None, "web.ova", "/srv/web.zip", "/srv/../web.ova", "/srv/we\nb.ova", "/srv//a.ova"])
def test_what_is_written_wrong(path: str | None) -> None:
    with pytest.raises(SpecError, match="path"):
        parse_exports({"name": "web1", "path": path})
