# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One specification holds what several hypervisors have of their own; each gets only what is its own."""

from __future__ import annotations

import pytest

from ansible_collections.hostforge.hypervisor.plugins.plugin_utils import own_options


def test_what_others_have_is_left_out_at_every_level(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_options, "hypervisors", lambda: ["one", "two"])
    disk = {"name": "root", "one": {"tier": "gold"}, "two": {"cache": "none"}}
    text = {"user_data": {"two": "is a word like any other"}}
    written = {"name": "a", "one": {}, "two": {}, "disks": [disk], "cloud_init": text}
    kept = {"name": "a", "one": {}, "disks": [{"name": "root", "one": {"tier": "gold"}}], "cloud_init": text}
    assert own_options.options_for("one", written) == kept
    assert own_options.options_for("one", {"guests": [written, "not a guest"]}) == {"guests": [kept, "not a guest"]}
    assert written["disks"] == [disk]
    assert disk["two"] == {"cache": "none"}, "the task's own options are not touched"
