# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The benchmark runs. What it measures is nothing for a test: that depends on the machine."""

from __future__ import annotations

from pathlib import Path

import libvirt

from ansible_collections.hostforge.hypervisor.bench import measures


def test_the_benchmark_measures_runs_that_do_what_they_should(kvm: libvirt.virConnect, tmp_path: Path) -> None:
    bench = measures.Bench(kvm, tmp_path, times=1)
    rows = measures.unchanged(bench, [1, 3])
    assert [row.what for row in rows if not row.what.startswith(" ")] == [
        "no change, 1 guests",
        "no change, 3 guests",
        "each further guest, 1 to 3",
    ]
    assert len(measures.creation(bench, [2])) == 3
    bench.clear()
