# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A lease from before a guest's start says nothing of the system that starts.

The guest here has no system, and asks for no address. The leases are written where libvirt's DHCP server notes them.
"""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path
from typing import Any

import libvirt
import pytest

from ansible_collections.hostforge.hypervisor.tests.integration.daemon import NETWORKS
from ansible_collections.hostforge.hypervisor.tests.integration.runs import attempt, guest, module

MAC = "52:54:00:0a:0b:0c"
ADDRESS = "192.168.122.77"
NOTES = Path(f"/var/lib/libvirt/dnsmasq/{NETWORKS['default']}.status")
WISH: dict[str, Any] = {"name": "a", "memory": "64 MiB", "nics": [{"network": "default", "mac": MAC}]}
ON: dict[str, Any] = {**WISH, "state": "running", "wait_for": "address"}


@pytest.fixture(autouse=True)
def _notes(kvm: libvirt.virConnect) -> Any:
    yield
    NOTES.unlink(missing_ok=True)


def lease(lasts_s: int) -> None:
    """Note a lease of the guest's card."""
    note = {"ip-address": ADDRESS, "mac-address": MAC, "expiry-time": int(time.time()) + lasts_s}
    NOTES.write_text(json.dumps([note]))


def test_an_old_lease_is_not_waited_for() -> None:
    guest(**WISH)
    lease(600)
    assert "no address after 3 s" in attempt(**ON, wait_timeout=3)["msg"]
    # For whoever did not start the guest it is all that is known.
    (found,) = module("kvm_guest_info")["guests"]
    address = {"address": ADDRESS, "prefix": 24, "source": "lease"}
    assert found["interfaces"] == [{"mac": MAC, "addresses": [address]}]


def test_a_lease_that_is_given_anew_is() -> None:
    guest(**WISH)
    lease(600)
    given = threading.Timer(4, lease, [900])
    given.start()
    result = guest(**ON, wait_timeout=60)
    given.join()
    assert result["guests"][0]["guest"]["addresses"] == [ADDRESS]
    # It is the guest's from then on: nothing was started.
    assert not guest(**ON, wait_timeout=3)["changed"]
