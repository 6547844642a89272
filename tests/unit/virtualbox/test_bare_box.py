# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host before its role has run: VirtualBox's bindings are not there, and check mode must do without them."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.virtualbox import connection
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.virtualbox.driver import (
    make_virtualbox_driver,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.virtualbox.network_driver import (
    NetworkDriver,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.virtualbox.network_spec import Network
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.virtualbox.snapshot_driver import (
    SnapshotDriver,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.engine import converge
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import AbsentError
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.module_host import ModuleHost
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.resource import Wish
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.snapshots import Snapshot
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import CloudInit, Guest

THINGS: dict[str, tuple[Any, Any]] = {
    "guest": (make_virtualbox_driver({}, ModuleHost()), Guest("web1", cloud_init=CloudInit("0" * 12))),
    "network": (NetworkDriver(), Network("vboxnet0", type="host_only", address="10.56.0.1/24")),
    "snapshot": (SnapshotDriver(ModuleHost()), Snapshot("web1", "before")),
}


@pytest.fixture(params=THINGS, autouse=True)
def thing(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> tuple[Any, Any]:
    monkeypatch.setattr(connection, "vboxapi", None)
    return THINGS[request.param]


def test_check_mode_says_what_will_be_made(thing: tuple[Any, Any]) -> None:
    resource, item = thing
    (outcome,) = converge(resource, [Wish(item)], check_mode=True)
    assert outcome.error == ""
    assert outcome.changes[0].verb == "create"


def test_a_run_says_what_is_missing(thing: tuple[Any, Any]) -> None:
    resource, item = thing
    with pytest.raises(AbsentError, match="the Python bindings of VirtualBox"):
        converge(resource, [Wish(item)], check_mode=False)
