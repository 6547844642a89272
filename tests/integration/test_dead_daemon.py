# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""libvirtd is killed before any single step of a run: that is told, and a plain rerun makes good what was half done."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import libvirt
import pytest

from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import HypervisorError
from ansible_collections.hostforge.hypervisor.tests.integration.daemon import kill_libvirtd, revive_libvirtd
from ansible_collections.hostforge.hypervisor.tests.integration.killing import aside, watch
from ansible_collections.hostforge.hypervisor.tests.integration.kvm_subject import clean
from ansible_collections.hostforge.hypervisor.tests.integration.stories import STORIES, Place, converged


@pytest.fixture
def mortal(machine: None) -> Iterator[Callable[[], libvirt.virConnect]]:
    """The host, by connections that are each good until its daemon is killed."""
    yield revive_libvirtd
    connection = revive_libvirtd()
    clean(connection)
    connection.close()


def bereft_before(step: int, work: Callable[[], object]) -> tuple[str, str]:
    """Do work whose daemon is killed before the step of that number that asks it for something.

    Returns the step, empty when there is none such, and what was said; the work must say what it could not do.
    """
    left = step

    def working(say: Callable[[str], None]) -> None:
        def count(name: str) -> None:
            nonlocal left
            if name.startswith("vir"):
                if left == 0:
                    say(f"{name}\n")
                    kill_libvirtd()
                left -= 1

        watch(count)
        try:
            work()
        except (HypervisorError, AssertionError) as error:
            say(f"said: {error}")

    status, said = aside(working)
    assert os.WIFEXITED(status), said
    name, _newline, rest = said.partition("\n")
    return (name, rest) if said else ("", "")


@pytest.mark.parametrize("name", ["create", "exchange", "change while running", "delete"])
def test_a_rerun_makes_good_what_the_daemon_left_undone(mortal: Callable[[], libvirt.virConnect], name: str) -> None:
    story = STORIES[name]
    place = Place(mortal(), story)
    place.restore()
    converged(story.after)
    expected = place.look()
    step = 0
    while True:
        place.restore()
        killed, said = bereft_before(step, lambda: converged(story.after))
        if not killed:
            break
        place.connection = mortal()
        assert "libvirt says" in said or "libvirt does not answer" in said, f"killed before {killed}: {said}"
        assert "Traceback" not in said
        converged(story.after)
        assert not converged(story.after).changes, f"killed before {killed}"
        assert place.look() == expected, f"killed before {killed}"
        step += 1
    assert step > 2
