# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ModuleHost on real files: what it leaves on the disk, and with which rights."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import HostError
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.module_host import ModuleHost


@pytest.fixture
def strict_umask() -> Iterator[None]:
    """As on a hardened host, where nobody but root sees what root makes."""
    before = os.umask(0o077)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.usefixtures("strict_umask")
def test_folders_have_the_mode_that_was_asked_for_and_those_above_let_the_hypervisor_through(tmp_path: Path) -> None:
    ModuleHost().make_dir(str(tmp_path / "a/b/seeds"), 0o711)
    assert [mode(tmp_path / path) for path in ("a", "a/b", "a/b/seeds")] == [0o755, 0o755, 0o711]


@pytest.mark.usefixtures("strict_umask")
def test_a_folder_that_is_there_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "own").mkdir(mode=0o700)
    ModuleHost().make_dir(str(tmp_path / "own"), 0o711)
    assert mode(tmp_path / "own") == 0o700


def test_a_file_is_written_whole_with_its_mode_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    ModuleHost().write_file(str(path), b"new", 0o640)
    assert path.read_bytes() == b"new"
    assert mode(path) == 0o640
    assert os.listdir(tmp_path) == ["file"]


def test_a_command_that_fails_is_told_with_its_last_words_and_without_its_arguments() -> None:
    with pytest.raises(HostError, match="status 3: it broke") as caught:
        ModuleHost().run(["sh", "-c", "echo it broke >&2; exit 3", "secret"])
    assert "secret" not in str(caught.value)


def test_a_command_that_is_missing_is_told() -> None:
    with pytest.raises(HostError, match="no-such-command is not installed"):
        ModuleHost().run(["no-such-command"])
