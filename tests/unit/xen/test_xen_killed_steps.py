# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run that is killed before or after any one of its steps is finished by the next, on the simulator."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace

import pytest

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.xen.definition import Definition
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest import parts
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.report import kept_disks
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Disk, Guest
from ansible_collections.hostforge.hypervisor.tests.contract.look import again, predicted, run, there, verbs
from ansible_collections.hostforge.hypervisor.tests.contract.wishes import MIB
from ansible_collections.hostforge.hypervisor.tests.unit.xen.simulated_host import SimulatedXenHost
from ansible_collections.hostforge.hypervisor.tests.unit.xen.simulated_subject import PLACE, ParavirtualSubject
from ansible_collections.hostforge.hypervisor.tests.unit.xen.xen_subject import whole_and_other

NAME = "web1"
LOOKS = ("list", "info")
WHOLE, OTHER = whole_and_other(NAME, PLACE.image, state="running")
GONE = Guest(NAME, "absent")


class KilledError(BaseException):
    """The run is no more: nobody catches this."""


class MortalHost(SimulatedXenHost):
    """A simulated host whose run is killed at a step. left: how many steps there are until then; late: after it."""

    left: int | None = None
    late = False

    def _do(self, *what: str) -> None:
        self._step()
        super()._do(*what)

    def _step(self) -> None:
        if self.left is not None:
            self.left -= 1
            if self.left < 0:
                raise KilledError

    def _run(self, argv: list[str]) -> str:
        looks = argv[0] in ("readlink", "stat", "vgs", "ip") or (argv[0] == "qemu-img" and argv[1] in ("info", "check"))
        if looks or (argv[0] == "xl" and argv[1] in LOOKS):
            return super()._run(argv)
        if not self.late and argv[0] in ("xl", "qemu-img", "ln"):
            self._step()
        said = super()._run(argv)
        if self.late:
            self._step()
        return said

    def write_file(self, path: str, content: bytes, mode: int = 0o600) -> None:
        """As on a real host: under another name, until it is whole."""
        for dead in parts.dead_parts_of(self, path):
            super().remove(dead)
        part = parts.part_of(path)
        self.files[part] = content[: len(content) // 2]
        super().write_file(path, content, mode)
        super().remove(part)

    def remove(self, path: str) -> None:
        if path in self.files or path in self.links:
            self._step()
        super().remove(path)


class MortalSubject(ParavirtualSubject):
    """Guests on a host whose runs are killed."""

    def __init__(self) -> None:
        self.mortal = MortalHost()
        super().__init__(self.mortal)


def killed(subject: MortalSubject, want: Guest, step: int, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Run, be killed at a step, and say whether there was such a step. The next run is another process."""
    subject.mortal.left = step
    try:
        run(subject, want, "force", delete_disks=True)
    except KilledError:
        return True
    finally:
        subject.mortal.left = None
        monkeypatch.setattr(parts, "_RUN", f"{step:08x}")
    return False


def left(subject: MortalSubject) -> Sequence[str]:
    """All files and links that are there, but for the mark of a running guest's definition."""
    return sorted([*subject.host.files, *subject.host.links])


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("before", [None, WHOLE], ids=["new", "there"])
@pytest.mark.parametrize("want", [WHOLE, OTHER, GONE], ids=["whole", "other", "gone"])
def test_a_killed_run_is_finished_by_the_next(
    before: Guest | None, want: Guest, late: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    undisturbed = MortalSubject()
    for one in (before, want):
        if one is not None:
            run(undisturbed, one, "force", delete_disks=True)
    for step in range(200):
        subject = MortalSubject()
        if before is not None:
            run(subject, before, "force", delete_disks=True)
        subject.mortal.late = late
        if not killed(subject, want, step, monkeypatch):
            assert step > 2 or (before is None and want.state == "absent") or before == want
            return
        run(subject, want, "force", delete_disks=True)
        again(subject, want, "force", delete_disks=True)
        assert left(subject) == left(undisturbed), f"killed at step {step}"
    pytest.fail("there is no end to it")


LESS = replace(WHOLE, disks=(WHOLE.disks or ())[:1])
MORE = replace(OTHER, disks=(*(LESS.disks or ()), Disk("logs", 4 * MIB)))


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("killed_in", [WHOLE, MORE], ids=["whole", "more"])
@pytest.mark.parametrize("want", [LESS, GONE], ids=["less", "gone"])
def test_what_a_killed_run_was_making_and_nobody_wishes_for_any_more_goes(
    want: Guest, killed_in: Guest, late: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    undisturbed = MortalSubject()
    for one in (LESS, want):
        run(undisturbed, one, "force", delete_disks=True)
    for step in range(200):
        subject = MortalSubject()
        run(subject, LESS, "force", delete_disks=True)
        subject.mortal.late = late
        if not killed(subject, killed_in, step, monkeypatch):
            assert step > 2
            return
        predicted(subject, want, "force", delete_disks=True)
        again(subject, want, "force", delete_disks=True)
        assert left(subject) == left(undisturbed), f"killed at step {step}"
    pytest.fail("there is no end to it")


@pytest.mark.parametrize("want", [LESS, GONE], ids=["less", "gone"])
def test_a_disk_that_a_killed_run_has_made_is_kept_and_told_where_nobody_said_that_it_may_go(
    want: Guest, monkeypatch: pytest.MonkeyPatch
) -> None:
    subject = MortalSubject()
    run(subject, LESS)
    data = f"/var/lib/xen/images/{NAME}.data.raw"
    step = next(step for step in range(200) if killed(subject, WHOLE, step, monkeypatch) and subject.has_file(data))
    assert step
    assert data not in Definition(subject.text(f"/etc/xen/{NAME}.cfg").partition("# hostforge")[0]).text
    outcome = run(subject, want, "force")
    assert data in kept_disks(outcome)
    assert subject.has_file(data)
    again(subject, want, "force")


def test_a_half_written_file_is_no_guest_and_uses_no_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    subject = MortalSubject()
    run(subject, LESS)
    monkeypatch.setattr(parts, "_RUN", "00000000")
    half = f"/etc/xen/.hostforge.{NAME}.cfg.part-{os.getpid()}-12345678"
    disk = f"/var/lib/xen/images/{NAME}.root.qcow2"
    subject.write(half, f'name = "other"\ndisk = [ "{disk},qcow2,xvda,rw" ]\n')
    assert list(subject.make_driver().read(None)) == [NAME]
    assert all(one.owned for one in there(subject, NAME).disks or ())
    assert verbs(predicted(subject, LESS)) == ["delete parts"]
    assert not subject.has_file(half)
    # One that a run is writing at this moment is left to it.
    subject.host.folders["/proc/4242424"] = 0o555
    living = f"/etc/xen/.hostforge.{NAME}.cfg.part-4242424-12345678"
    subject.write(living, f'name = "other"\ndisk = [ "{disk},qcow2,xvda,rw" ]\n')
    again(subject, LESS)
    assert verbs(run(subject, GONE, "force", delete_disks=True))[-2:] == ["delete disks", "remove guest"]
    assert subject.has_file(living)


def test_what_is_half_made_in_a_volume_group_goes_too() -> None:
    subject = MortalSubject()
    disk = Disk("data", 64 * MIB, pool="vg0")
    run(subject, replace(LESS, disks=(disk,)))
    cfg = f"/etc/xen/{NAME}.cfg"
    subject.write(cfg, subject.text(cfg).replace('"made": true', '"made": true, "pending": true'))
    part = f"/dev/vg0/.hostforge.{NAME}.data.part-{os.getpid()}-12345678"
    subject.host.volumes[part] = 64 * MIB
    assert verbs(predicted(subject, replace(LESS, disks=None))) == ["delete parts"]
    assert list(subject.host.volumes) == [f"/dev/vg0/{NAME}.data"]


def test_half_written_files_of_a_guest_that_never_came_to_be_go_with_its_next_run() -> None:
    subject = MortalSubject()
    before = left(subject)
    subject.write(f"/etc/xen/.hostforge.{NAME}.cfg.part-{os.getpid()}-12345678", "name = ")
    assert verbs(predicted(subject, GONE)) == ["delete parts"]
    assert left(subject) == before
