# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run that is killed before or after any one of its steps is finished by the next, on the simulator."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest import parts
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Guest
from ansible_collections.hostforge.hypervisor.tests.contract.look import again, run
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

    def remove(self, path: str) -> None:
        if path in self.files or path in self.links:
            self._step()
        super().remove(path)


class MortalSubject(ParavirtualSubject):
    """Guests on a host whose runs are killed."""

    def __init__(self) -> None:
        super().__init__()
        mortal = MortalHost()
        mortal.files.update(self.host.files)
        self.host: SimulatedXenHost = mortal
        self.mortal = mortal


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
