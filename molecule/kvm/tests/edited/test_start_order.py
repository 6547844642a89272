# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The unit that starts guests in their order, run by systemd as after a start of the host."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

VIRSH = "virsh --quiet --connect qemu:///system"
GUESTS = ("sooner1", "later1")
UNIT = "hostforge-guests.service"


@pytest.fixture
def started(host: Any) -> Iterator[Any]:
    """The host as root sees it, after the unit has run."""
    with host.sudo():
        host.check_output(f"rm -f /run/hostforge-guests; systemctl restart {UNIT}")
        yield host
        for name in GUESTS:
            host.run(f"{VIRSH} destroy {name}")
        host.check_output(f"systemctl stop {UNIT}")


def running(root: Any) -> list[str]:
    """The ordered guests that run, in the order of their starts."""
    lines = [line.split() for line in root.check_output(f"{VIRSH} list").splitlines()]
    names = [name for _number, name, *_state in sorted(lines, key=lambda line: int(line[0]))]
    return [name for name in names if name in GUESTS]


def test_guests_are_started_in_their_order_and_not_again_when_somebody_stops_them(started: Any) -> None:
    assert running(started) == list(GUESTS)
    assert started.service(UNIT).is_running
    log = started.check_output(f"journalctl --unit {UNIT} --output cat --quiet")
    assert log.index("guest sooner1: started") < log.index("guest later1: started")
    started.check_output(f"{VIRSH} destroy sooner1")
    started.check_output(f"systemctl restart libvirtd.service {UNIT}")
    assert running(started) == ["later1"]
