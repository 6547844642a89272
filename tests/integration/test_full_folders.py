# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A file system that is full at any stage of a run: that is told, nothing half-made stays, and a rerun goes on."""

from __future__ import annotations

import os
from collections.abc import Iterator

import libvirt
import pytest

from ansible_collections.hostforge.hypervisor.tests.integration.private import run
from ansible_collections.hostforge.hypervisor.tests.integration.stories import STORIES, Place, attempted, converged

STEP_KIB = 128
# With the story that fills it: that of the pools, and that of the image cache and the seeds.
POOLS_AND_STATE = {"/var/lib/libvirt": "add", "/var/lib/hostforge": "create"}


def make_room(mount: str) -> None:
    run("mount", "-o", "remount,size=50%", mount)


def leave(mount: str, kib: int) -> None:
    """Let the file system have no more room than that."""
    found = os.statvfs(mount)
    used = (found.f_blocks - found.f_bfree) * found.f_frsize // 1024
    run("mount", "-o", f"remount,size={used + kib}k", mount)


@pytest.fixture(params=POOLS_AND_STATE)
def mount(kvm: libvirt.virConnect, request: pytest.FixtureRequest) -> Iterator[str]:
    """A file system in memory that a run fills."""
    yield request.param
    make_room(request.param)


def test_a_full_file_system(kvm: libvirt.virConnect, mount: str) -> None:
    story = STORIES[POOLS_AND_STATE[mount]]
    place = Place(kvm, story)
    place.restore()
    converged(story.after)
    expected = place.look()
    failures: list[str] = []
    while True:
        place.restore()
        leave(mount, STEP_KIB * len(failures) + 4)
        error = attempted(story.after).error
        left = place.look()["files"]
        make_room(mount)
        if not error:
            break
        failures.append(error)
        assert f"{mount}/" in error
        assert "No space left" in error or "exceeds free space" in error
        assert [file for file in left if file not in expected["files"]] == [], error
        converged(story.after)
        assert not converged(story.after).changes
        assert place.look() == expected, error
    assert place.look() == expected
    assert len(failures) > 2
