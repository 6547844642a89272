# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images of the test bed: which folders belong to which image."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.hostforge.hypervisor.molecule.shared.testbed import images


def test_a_build_takes_only_its_own_drafts_for_stale(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOSTFORGE_CACHE", str(tmp_path))
    for name in (".draft-debian-12-17", ".draft-debian-12-guest-17", ".draft-debian-13-17"):
        (tmp_path / "images" / name).mkdir(parents=True)
    assert [path.name for path in images.drafts("debian-12")] == [".draft-debian-12-17"]
    assert [path.name for path in images.drafts("debian-12-guest")] == [".draft-debian-12-guest-17"]
