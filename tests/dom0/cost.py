# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run that changes nothing costs on a real dom0, as a ratio to one `xl list -l`: python3 -m …tests.dom0.cost."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.engine import converge
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.resource import Wish
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Disk, Guest, Nic
from ansible_collections.hostforge.hypervisor.tests.contract.wishes import MIB
from ansible_collections.hostforge.hypervisor.tests.dom0.dom0_subject import Dom0Subject, run

COUNTS = (1, 10, 50)
TIMES = 5


def wishes(count: int) -> list[Wish[Guest]]:
    """So many guests that are off, each with two disks and a card."""
    disks = (Disk("root", MIB), Disk("data", MIB, format="raw"))
    return [
        Wish(Guest(f"cost{number}", memory_mib=64, disks=disks, nics=(Nic(bridge="xenbr0"),)))
        for number in range(count)
    ]


def seconds(work: Callable[[], object]) -> float:
    """The median of some runs."""
    found = []
    for _time in range(TIMES):
        begin = time.perf_counter()
        work()
        found.append(time.perf_counter() - begin)
    return statistics.median(found)


def main() -> None:
    """Measure, and leave a host without guests."""
    subject = Dom0Subject()
    try:
        for count in COUNTS:
            wanted = wishes(count)
            converge(subject.make_driver(), wanted, check_mode=False)
            floor = seconds(lambda: run("xl", "list", "-l"))
            ours = seconds(lambda wanted=wanted: converge(subject.make_driver(), wanted, check_mode=False))  # type: ignore[misc]
            each = (ours - 2 * floor) / count / floor
            told = f"{ours:.2f} s, xl list -l {floor:.2f} s, {ours / floor:.1f} of it; a guest {each:.3f} of it"
            print(f"{count} guests: {told}")
    finally:
        subject.clean()


if __name__ == "__main__":
    main()
