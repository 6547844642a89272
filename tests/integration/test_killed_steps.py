# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run that is killed before any single step, whichever: a plain rerun leaves the host as if it had not been."""

from __future__ import annotations

import libvirt
import pytest

from ansible_collections.hostforge.hypervisor.tests.integration.killing import every_kill
from ansible_collections.hostforge.hypervisor.tests.integration.stories import STORIES, Place, converged


@pytest.mark.parametrize("name", STORIES)
def test_a_rerun_makes_good_whatever_was_killed(kvm: libvirt.virConnect, name: str) -> None:
    story = STORIES[name]
    place = Place(kvm, story)
    place.restore()
    assert converged(story.after).changes
    expected = place.look()
    killed = 0
    for step in every_kill(place.restore, lambda: converged(story.after)):
        killed += 1
        converged(story.after)
        again = converged(story.after)
        assert not again.changes, f"killed before {step}: the second rerun did {again.changes}"
        assert place.look() == expected, f"killed before {step}"
    assert place.look() == expected
    assert killed > 1
