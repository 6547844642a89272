# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs that are killed, a disk that is full and a bridge that goes, on a real dom0, of which every guest is ended.

Each killed run is a process of its own that ends by SIGKILL, before or after one of its steps.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import pytest

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.xen.driver import XenDriver
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.change import Change
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.module_host import ModuleHost
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Disk, Guest, Nic
from ansible_collections.hostforge.hypervisor.tests.contract.look import again, policy, run, run_all, there
from ansible_collections.hostforge.hypervisor.tests.contract.wishes import MIB
from ansible_collections.hostforge.hypervisor.tests.dom0 import dom0_subject
from ansible_collections.hostforge.hypervisor.tests.dom0.dom0_subject import (
    CACHE,
    KERNEL,
    PLACE,
    RAMDISK,
    SEEDS,
    Dom0Subject,
)
from ansible_collections.hostforge.hypervisor.tests.unit.xen.xen_subject import IMAGES, whole_and_other

T = TypeVar("T")
NAME = "web1"
LOOKS = ("readlink", "stat", "vgs", "ip", "xl list", "xl info", "qemu-img info", "qemu-img check")
BOOTS = (("cmdline", "console=hvc0 quiet"), ("kernel", KERNEL), ("ramdisk", RAMDISK))
WHOLE, OTHER = whole_and_other(NAME, PLACE.image, state="stopped", memory_mib=128, options=BOOTS)
GONE = Guest(NAME, "absent")


class MortalHost(ModuleHost):
    """This machine, with a run that is killed at a step. left: how many steps until then; late: after it."""

    def __init__(self, left: int, late: bool) -> None:
        self._left = left
        self._late = late

    def _step(self, work: Callable[[], T]) -> T:
        if not self._late:
            self._count()
        found = work()
        if self._late:
            self._count()
        return found

    def _count(self) -> None:
        self._left -= 1
        if self._left < 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def run(self, argv: Sequence[str], stdin: str = "", timeout_s: float | None = None) -> str:
        if " ".join(argv[:2]) in LOOKS or argv[0] in LOOKS:
            return super().run(argv, stdin, timeout_s)
        return self._step(lambda: ModuleHost.run(self, argv, stdin, timeout_s))

    def write_file(self, path: str, content: bytes, mode: int = 0o600) -> None:
        self._step(lambda: ModuleHost.write_file(self, path, content, mode))

    def rename(self, source: str, target: str) -> None:
        self._step(lambda: ModuleHost.rename(self, source, target))

    def remove(self, path: str) -> None:
        if os.path.lexists(path):
            self._step(lambda: ModuleHost.remove(self, path))


@pytest.fixture(name="subject")
def make_subject() -> Iterator[Dom0Subject]:
    subject = Dom0Subject()
    yield subject
    subject.clean()


def fork(work: Callable[[], object]) -> int:
    """Have another process do it."""
    child = os.fork()
    if not child:
        try:
            work()
        finally:
            os._exit(0)
    return child


def is_killed(want: Guest, step: int, late: bool) -> bool:
    """A run in a process of its own, and whether there was such a step."""
    driver = XenDriver(MortalHost(step, late), IMAGES, SEEDS, CACHE)
    child = fork(lambda: run_driver(driver, want))
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def run_driver(driver: XenDriver, want: Guest) -> None:
    run(Driven(driver), want, "force", delete_disks=True)


class Driven(Dom0Subject):
    """A subject with a driver that is made, on a host as it is."""

    def __init__(self, driver: XenDriver) -> None:
        self._driver = driver

    def make_driver(self) -> XenDriver:
        return self._driver


def left() -> list[str]:
    """All files and links that are there, also those that are hidden."""
    folders = ("/etc/xen", *dom0_subject.FOLDERS[1:], CACHE)
    return sorted(str(path) for folder in folders for path in Path(folder).rglob("*") if not path.is_dir())


@pytest.mark.parametrize("late", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("before", [None, WHOLE], ids=["new", "there"])
@pytest.mark.parametrize("want", [WHOLE, OTHER, GONE], ids=["whole", "other", "gone"])
def test_a_killed_run_is_finished_by_the_next(
    subject: Dom0Subject, before: Guest | None, want: Guest, late: bool
) -> None:
    start(subject, before)
    run(subject, want, "force", delete_disks=True)
    undisturbed = left()
    for step in range(200):
        start(subject, before)
        if not is_killed(want, step, late):
            return
        run(subject, want, "force", delete_disks=True)
        again(subject, want, "force", delete_disks=True)
        assert left() == undisturbed, f"killed at step {step}"
    pytest.fail("there is no end to it")


def start(subject: Dom0Subject, before: Guest | None) -> None:
    """A host without guests, or with one."""
    subject.clean()
    if before is not None:
        run(subject, before, "force", delete_disks=True)


@pytest.mark.parametrize("seconds", [1, 4, 9])
@pytest.mark.parametrize("whole", [True, False], ids=["with xl", "without xl"])
def test_a_run_that_is_killed_while_xl_makes_a_domain(subject: Dom0Subject, seconds: float, whole: bool) -> None:
    """whole: xl is killed, too; else it goes on without its run, and the next meets what it makes."""
    run(subject, WHOLE)
    want = replace(WHOLE, state="running")
    child = fork(lambda: run(subject, want))
    os.setpgid(child, child)
    wait_for_xl()
    time.sleep(seconds)
    (os.killpg if whole else os.kill)(child, signal.SIGKILL)
    os.waitpid(child, 0)
    for _time in range(30):
        outcome = run_all(subject, [want], policy(subject))[0]
        if not outcome.error:
            break
        assert "try again" in outcome.error, outcome.error
        time.sleep(5)
    again(subject, want)
    assert len(subject._list()) == 2
    assert there(subject, NAME).live is not None


def wait_for_xl() -> None:
    """Until an xl makes a domain."""
    while subprocess.run(["pgrep", "-f", "xl create"], check=False, capture_output=True).returncode:
        time.sleep(0.1)


def test_a_full_disk_fails_the_guest_and_the_next_run_goes_on(subject: Dom0Subject) -> None:
    fast = Path(IMAGES, "fast")
    dom0_subject.run("mount", "-t", "tmpfs", "-o", "size=1m", "none", str(fast))
    try:
        Path(fast, "filler").write_bytes(b"x" * MIB)
        want = replace(WHOLE, disks=(Disk("root", 20 * MIB, pool="fast"), Disk("data", 8 * MIB)))
        assert "space" in run_all(subject, [want], policy(subject))[0].error
        assert [path for path in left() if "fast" in path] == [f"{fast}/filler"]
        Path(fast, "filler").unlink()
        run(subject, want)
        again(subject, want)
        run(subject, GONE, delete_disks=True)
        assert not [path for path in left() if NAME in path]
    finally:
        dom0_subject.run("umount", str(fast))


class UnbridgedDriver(XenDriver):
    """A driver that loses a bridge once it has looked."""

    def apply(self, change: Change) -> None:
        if os.path.exists("/sys/class/net/xenbr1"):
            dom0_subject.run("ip", "link", "delete", "xenbr1")
        super().apply(change)


@pytest.mark.parametrize("running", [False, True], ids=["start", "attach"])
def test_a_bridge_that_goes_between_look_and_change(subject: Dom0Subject, running: bool) -> None:
    cards = (*(WHOLE.nics or ()), Nic(bridge="xenbr1", mac="00:16:3e:00:00:09"))
    want = replace(WHOLE, state="running", nics=cards)
    run(subject, replace(WHOLE, state="running") if running else replace(want, state="stopped"))
    lost = Driven(UnbridgedDriver(ModuleHost(), IMAGES, SEEDS, CACHE))
    outcome = run_all(lost, [want], policy(subject))[0]
    assert outcome.error
    assert len(subject._list()) == (2 if running else 1)
    assert "xenbr1" in run_all(subject, [want], policy(subject))[0].error
    dom0_subject.run("ip", "link", "add", "xenbr1", "type", "bridge")
    dom0_subject.run("ip", "link", "set", "xenbr1", "up")
    run(subject, want)
    again(subject, want)
    assert len((there(subject, NAME).live or want).nics or ()) == 2
