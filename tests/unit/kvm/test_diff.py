# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a diff shows of the options under C(kvm:): that which differs, as a user would write it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.forms import Topology, Watchdog
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.change import Change
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.report import action, describe, diff
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.resource import Outcome, Wish
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Guest, Policy

SHOWN: list[tuple[str, str, Any, Any, str, str]] = [
    ("machine", "", "pc-q35-7.1", "q35", "  machine: pc-q35-7.1\n", "  machine: q35\n"),
    (
        "topology",
        "",
        None,
        Topology(cores=2),
        "",
        "  topology:\n    sockets: 1\n    dies: 1\n    cores: 2\n    threads: 1\n",
    ),
    (
        "watchdog",
        "",
        "none",
        Watchdog("ib700", "pause"),
        "  watchdog: none\n",
        "  watchdog:\n    model: ib700\n    action: pause\n",
    ),
    (
        "boot_order",
        "",
        ("disk",),
        ("network", "disk"),
        "  boot_order:\n    - disk\n",
        "  boot_order:\n    - network\n    - disk\n",
    ),
    ("pci_devices", "", (), ("0000:01:00.0",), "  pci_devices: []\n", '  pci_devices:\n    - "0000:01:00.0"\n'),
    (
        "xml",
        "features/hap",
        ("<hap state='on'/>",),
        (),
        "  xml[features/hap]:\n    - \"<hap state='on'/>\"\n",
        "  xml[features/hap]: []\n",
    ),
]


@pytest.mark.parametrize(("field", "key", "before", "after", "old", "new"), SHOWN, ids=[one[0] for one in SHOWN])
def test_what_differs_is_shown(field: str, key: str, before: Any, after: Any, old: str, new: str) -> None:
    change = Change("web1", "set", field, key, before, after)
    outcome = Outcome(Wish(Guest("web1"), Policy()), changes=(change,))
    shown = diff([outcome])
    assert shown["before"].partition("\n")[2] == old
    assert shown["after"].partition("\n")[2] == new
    json.dumps(action(change))


def test_a_guest_is_told_as_it_is_written() -> None:
    options = (("topology", Topology(cores=2)), ("usb_devices", ("1d6b:0002",)), ("watchdog", Watchdog()))
    found = describe(Guest("web1", options=options))
    assert json.loads(json.dumps(found)) == {
        "name": "web1",
        "state": "present",
        "topology": {"sockets": 1, "dies": 1, "cores": 2, "threads": 1},
        "usb_devices": ["1d6b:0002"],
        "watchdog": {"model": "i6300esb", "action": "reset"},
    }
