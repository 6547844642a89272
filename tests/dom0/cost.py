# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run that changes nothing costs on a real dom0, as a ratio to one `xl list -l`: python3 -m …tests.dom0.cost.

The guests are off. The driver makes one, and the others are copies of its files, so that a thousand are soon there.
"""

from __future__ import annotations

import shutil
import statistics
import sys
import time
import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.xen.driver import XenDriver
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.engine import converge
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.module_host import ModuleHost
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.resource import Wish
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Disk, Guest, Nic
from ansible_collections.hostforge.hypervisor.tests.contract.wishes import MIB
from ansible_collections.hostforge.hypervisor.tests.dom0.dom0_subject import CACHE, SEEDS, Dom0Subject, run
from ansible_collections.hostforge.hypervisor.tests.unit.xen.xen_subject import IMAGES

COUNTS = (10, 50, 200, 1000)
TIMES = 3


class CountingHost(ModuleHost):
    """This machine, with a count of the commands that are run."""

    def __init__(self) -> None:
        self.ran: Counter[str] = Counter()

    def run(self, argv: Sequence[str], stdin: str = "", timeout_s: float | None = None) -> str:
        self.ran[argv[0]] += 1
        return super().run(argv, stdin, timeout_s)


def wish(number: int) -> Wish[Guest]:
    """A guest that is off, with two disks and a card."""
    disks = (Disk("root", MIB), Disk("data", MIB, format="raw"))
    return Wish(Guest(f"cost{number}", memory_mib=64, disks=disks, nics=(Nic(bridge="xenbr0"),)))


def copy(number: int) -> None:
    """Make a guest like the first, of copies of its files."""
    name = f"cost{number}"
    text = Path("/etc/xen/cost0.cfg").read_text().replace("cost0", name)
    lines = [f'uuid = "{uuid.uuid4()}"' if line.startswith("uuid") else line for line in text.split("\n")]
    Path(f"/etc/xen/{name}.cfg").write_text("\n".join(lines))
    for kind in ("root.qcow2", "data.raw"):
        shutil.copyfile(f"{IMAGES}/cost0.{kind}", f"{IMAGES}/{name}.{kind}")


def seconds(work: Callable[[], object]) -> float:
    """The median of some runs."""
    found = []
    for _time in range(TIMES):
        begin = time.perf_counter()
        work()
        found.append(time.perf_counter() - begin)
    return statistics.median(found)


def unchanged(host: CountingHost, wishes: Sequence[Wish[Guest]]) -> None:
    """One run, which finds all as it should be."""
    driver = XenDriver(host, IMAGES, SEEDS, CACHE)
    outcomes = converge(driver, wishes, check_mode=False)
    assert not [outcome for outcome in outcomes if outcome.error or outcome.changes]


def measure(count: int) -> float:
    """Measure with so many guests, print it, and return the seconds."""
    wishes = [wish(number) for number in range(count)]
    host = CountingHost()
    floor = seconds(lambda: run("xl", "list", "-l"))
    ours = seconds(lambda: unchanged(host, wishes))
    commands = ", ".join(f"{name} {number // TIMES}" for name, number in sorted(host.ran.items()))
    print(
        f"{count} guests: {ours:.2f} s, {ours / floor:.1f} x xl list -l ({floor:.2f} s); commands: {commands}",
        flush=True,
    )
    return ours


def main() -> None:
    """Measure with one guest and then with as many as is said, or with several numbers; leave a host without guests."""
    counts = [int(word) for word in sys.argv[1:]] or COUNTS
    subject = Dom0Subject()
    try:
        converge(subject.make_driver(), [wish(0)], check_mode=False)
        one, made = measure(1), 1
        for count in sorted(counts):
            for number in range(made, count):
                copy(number)
            made = count
            each = (measure(count) - one) / (count - 1)
            print(f"  each further guest takes {each * 1000:.1f} ms")
    finally:
        subject.clean()


if __name__ == "__main__":
    main()
