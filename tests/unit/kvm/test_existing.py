# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether data that is given is somebody's already: as the kernel tells it, in files made for the test."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm import existing
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.claims import Claims
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import PlanError
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Disk, Guest


@pytest.fixture
def file(tmp_path: Path) -> str:
    (tmp_path / "data").write_bytes(b"data")
    os.symlink("data", tmp_path / "soft")
    os.link(tmp_path / "data", tmp_path / "hard")
    (tmp_path / "other").write_bytes(b"data")
    return str(tmp_path / "data")


def beside(file: str, name: str) -> str:
    return os.path.join(os.path.dirname(file), name)


def given(path: str, name: str = "data") -> Disk:
    return Disk(name, path=path, format="raw")


def test_data_is_the_same_by_every_name(file: str) -> None:
    others = [beside(file, name) for name in ("soft", "hard", "other", "missing")]
    assert existing.overlapping(file, others) == others[:2]
    assert existing.overlapping(others[3], [beside(file, "./missing")]) == [beside(file, "./missing")]


def test_a_wish_gets_the_path_of_the_definition(file: str) -> None:
    have = Guest("a", disks=(given(file), given(beside(file, "overlay"), "logs")))
    want = Guest("a", disks=(given(beside(file, "soft")), given(beside(file, "other"), "logs"), given("/x", "new")))
    noted = {"logs": beside(file, "other")}
    found = existing.aligned(want, have, noted).disks or ()
    assert [disk.path for disk in found] == [file, beside(file, "overlay"), "/x"]
    assert existing.aligned(Guest("a"), have, noted) == Guest("a")


def test_a_file_that_is_swap_or_a_loop_device_is_refused(
    file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    existing.check(given(file))
    swaps = tmp_path / "swaps"
    swaps.write_text(f"Filename Type Size Used Priority\n{file}  file  1024 0 -2\n")
    with monkeypatch.context() as patch:
        patch.setattr(existing, "SWAPS", str(swaps))
        with pytest.raises(PlanError, match=r"in use by the host itself .as swap"):
            existing.check(given(beside(file, "hard")))
    loop = tmp_path / "block/loop3/loop"
    loop.mkdir(parents=True)
    (loop / "backing_file").write_text(f"{file}\n")
    monkeypatch.setattr(existing, "LOOPS", str(tmp_path / "block"))
    with pytest.raises(PlanError, match=r"in use by the host itself .by /dev/loop3"):
        existing.check(given(file))


def test_names_with_blanks_are_read_as_the_kernel_writes_them(file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    blank = Path(beside(file, "swap file"))
    blank.write_bytes(b"")
    swaps = Path(beside(file, "swaps"))
    swaps.write_text(f"Filename\n{str(blank).replace(' ', chr(92) + '040')} file 1\n")
    monkeypatch.setattr(existing, "SWAPS", str(swaps))
    with pytest.raises(PlanError, match="as swap"):
        existing.check(given(str(blank)))


def test_one_task_gives_no_data_twice(file: str) -> None:
    claims = Claims()
    claims.add("a", given(file), given=True)
    claims.add("a", given(file), given=True)
    with pytest.raises(PlanError, match="is that of disk data of guest a, in the same task"):
        claims.add("b", given(beside(file, "soft")), given=True)
    with pytest.raises(PlanError, match="is that of disk data of guest a"):
        claims.add("b", Disk("root", path=beside(file, "hard"), pool="default"), given=False)
    claims.add("b", Disk("root", path=beside(file, "other"), pool="default"), given=False)
    with pytest.raises(PlanError, match="is that of disk root, in the same task"):
        claims.add("b", given(beside(file, "other"), "more"), given=True)


def test_one_task_gives_no_data_beside_what_it_is_based_on(file: str) -> None:
    overlay, other = beside(file, "overlay"), beside(file, "other")
    claims = Claims()
    claims.add("a", given(overlay), given=True, below=[file])
    claims.add("c", given(beside(file, "second")), given=True, below=[file])
    with pytest.raises(PlanError, match=r"must not change, for on it is based that of disk data of guest [ac], in the"):
        claims.add("b", given(beside(file, "hard")), given=True)
    claims.add("b", given(other), given=True)
    with pytest.raises(PlanError, match=r"third is based on .*other, which is that of disk data of guest b, in the"):
        claims.add("c", given(beside(file, "third")), given=True, below=[file, other])
