# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where addresses come from when there is no lease: a guest on a plain bridge, with and without an agent."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import libvirt
import pytest

from ansible_collections.hostforge.hypervisor.tests.integration import guest_agent
from ansible_collections.hostforge.hypervisor.tests.integration.console import Console
from ansible_collections.hostforge.hypervisor.tests.integration.daemon import BRIDGE
from ansible_collections.hostforge.hypervisor.tests.integration.guest_image import image_path
from ansible_collections.hostforge.hypervisor.tests.integration.kvm_subject import clean
from ansible_collections.hostforge.hypervisor.tests.integration.private import run
from ansible_collections.hostforge.hypervisor.tests.integration.runs import actions, attempt, guest, module, virsh

MAC = "52:54:00:0a:0b:0c"
HOST, ADDRESS, SECOND = "198.51.100.1", "198.51.100.7", "2001:db8::7"
WISH: dict[str, Any] = {
    "name": "sys1",
    "state": "running",
    "memory": "208 MiB",
    "disks": [{"name": "root", "size": "1 GiB", "image": {"source": str(image_path())}}],
    "nics": [{"bridge": BRIDGE, "mac": MAC}],
}


@pytest.fixture(scope="module")
def console(host: libvirt.virConnect) -> Iterator[Console]:
    """The console of a guest with a static address, whose agent does not run yet; its host is on the bridge, too."""
    guest(**WISH)
    run("ip", "address", "add", f"{HOST}/24", "dev", BRIDGE)
    with Console(host.lookupByName("sys1")) as shell:
        shell.ask(f"ip address add {ADDRESS}/24 dev eth0")
        run("cp", str(guest_agent.agent_disk()), "/var/lib/hostforge/agent.raw")
        virsh("attach-disk", "sys1", "/var/lib/hostforge/agent.raw", "vdb", "--live")
        guest_agent.unpack_agent(shell, "vdb")
        # It is not one of the guest's disks, and goes.
        assert actions(guest(**WISH)) == ["remove disks vdb"]
        yield shell
    run("ip", "address", "flush", "dev", BRIDGE)
    clean(host)


def told() -> dict[str, Any]:
    result = module("kvm_guest_info", names=["sys1"])
    assert not result.get("failed"), result
    (found,) = result["guests"]
    return dict(found)


def until(holds: Callable[[], bool]) -> None:
    limit = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < limit
        time.sleep(0.5)


def test_the_host_knows_whom_it_has_heard(console: Console) -> None:
    assert told()["addresses"] == []
    console.ask(f"ping -c 1 {HOST}")
    # The host makes sure of a neighbour some seconds after it has spoken to it.
    until(lambda: told()["addresses"] == [ADDRESS])
    assert told()["interfaces"] == [{"mac": MAC, "addresses": [{"address": ADDRESS, "source": "arp"}]}]


def test_an_agent_knows_more(console: Console) -> None:
    run("ip", "neighbour", "flush", "dev", BRIDGE)
    late = attempt(**WISH, wait_for="address", wait_timeout=3)
    assert "no address after 3 s" in late["msg"]
    console.ask(f"ip address add {SECOND}/64 dev eth0")
    guest_agent.start_agent(console)
    until(lambda: bool(told()["addresses"]))
    static = {"address": ADDRESS, "prefix": 24, "source": "agent"}
    assert told()["interfaces"] == [
        {"mac": MAC, "addresses": [static, {"address": SECOND, "prefix": 64, "source": "agent"}]}
    ]
    waited = guest(**WISH, wait_for="address", wait_timeout=60)
    assert waited["guests"][0]["guest"]["addresses"] == [ADDRESS, SECOND]
    assert not waited["changed"]


def test_an_agent_that_hangs_holds_nobody_up_for_long(console: Console) -> None:
    guest_agent.halt_agent(console, True)
    begin = time.monotonic()
    assert told()["addresses"] in ([], [ADDRESS])
    assert time.monotonic() - begin < 30
    begin = time.monotonic()
    assert not guest(**WISH)["changed"]
    assert time.monotonic() - begin < 5, "a run that waits for nothing asked the agent"
    guest_agent.halt_agent(console, False)
    until(lambda: ADDRESS in told()["addresses"])


def test_a_guest_that_is_paused_is_not_asked(console: Console) -> None:
    run("ip", "neighbour", "flush", "dev", BRIDGE)
    virsh("suspend", "sys1")
    begin = time.monotonic()
    assert told()["addresses"] == []
    assert time.monotonic() - begin < 5
    virsh("resume", "sys1")
