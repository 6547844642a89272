# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host that loses power at any moment: what a name stands for, or a definition names, was on the disk before.

A power cut cannot be had here, but what it spares is what was synced; so the order of the calls is looked at.
"""

from __future__ import annotations

import os

import libvirt
import pytest

from ansible_collections.hostforge.hypervisor.tests.integration.killing import killed_before, steps_of
from ansible_collections.hostforge.hypervisor.tests.integration.stories import (
    FOLDERS,
    SOURCE,
    STORIES,
    Place,
    Story,
    converged,
)

MAKERS = ("virStorageVolCreateXML", "run")

LOST = FOLDERS[0] / "db1.data.qcow2"


@pytest.fixture(params=["create", "add", "exchange"])
def steps(kvm: libvirt.virConnect, request: pytest.FixtureRequest) -> list[list[str]]:
    """What such a run does."""
    story = STORIES[request.param]
    Place(kvm, story).restore()
    return steps_of(lambda: converged(story.after), "fsync")


def test_a_file_is_on_the_disk_before_it_gets_its_name_and_so_is_the_name_after(steps: list[list[str]]) -> None:
    renamed = [index for index, step in enumerate(steps) if step[0] == "replace"]
    assert renamed
    for index in renamed:
        _call, source, target = steps[index]
        assert steps[index - 1] == ["fsync", source]
        assert steps[index + 1] == ["fsync", os.path.dirname(target)]


def test_a_folder_that_was_made_is_on_the_disk(steps: list[list[str]]) -> None:
    for index, step in enumerate(steps):
        if step[0] == "mkdir":
            assert ["fsync", os.path.dirname(step[1])] in steps[index + 1 : index + 3]


def test_what_a_definition_names_is_on_the_disk_before(steps: list[list[str]]) -> None:
    named = 0
    for index, step in enumerate(steps):
        if step[0] == "virDomainDefineXML":
            for path in step[1:]:
                named += assert_on_disk(path, steps[:index])
    assert named


def assert_on_disk(path: str, steps: list[list[str]]) -> bool:
    """Whether a file was made in these steps, and then was on the disk after the last of them that touched it."""
    touched = [
        index
        for index, step in enumerate(steps)
        if step[0] in ("replace", "virStorageVolCreateXML", "run")
        and os.path.basename(path) in map(os.path.basename, step)
    ]
    if not touched or path == SOURCE:
        return False
    after = steps[touched[-1] + 1 :]
    if steps[touched[-1]][0] != "replace":  # of which the other test says that the file is on the disk
        assert ["fsync", path] in after, f"{path} is not on the disk"
    assert ["fsync", os.path.dirname(path)] in after, f"the name {path} is not on the disk"
    return True


@pytest.mark.parametrize("content", [b"", bytes(200_000)], ids=["without length", "without content"])
def test_a_disk_that_went_with_the_power_is_made_again(kvm: libvirt.virConnect, content: bytes) -> None:
    """It was being made, and its name was on the disk and its content was not."""
    story = STORIES["create and start"]
    place = Place(kvm, story)
    place.restore()
    converged(story.after)
    expected = place.look()
    place.restore()
    step = max(index for index, name in enumerate(made(story)) if name == "virDomainDefineXML")
    place.restore()
    assert killed_before(step, lambda: converged(story.after))
    assert LOST.exists()
    LOST.write_bytes(content)
    converged(story.after)
    assert place.look() == expected


def made(story: Story) -> list[str]:
    """The steps of a story, by name."""
    return [step[0] for step in steps_of(lambda: converged(story.after))]
