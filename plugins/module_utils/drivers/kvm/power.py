# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Power: start, stop without ever cutting it unasked, and wait."""

from __future__ import annotations

import time
from collections.abc import Callable

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.connect import libvirt, libvirt_says
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import (
    HypervisorError,
    LiveError,
    StillOnError,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.host import Host

POLL_S = 0.5
LOCAL = "qemu:///system"
# libvirt writes this file when it starts a guest's process, and removes it with that.
PROCESS_FILE = "/run/libvirt/qemu/{}.pid"
ASK_AGAIN_S = 10  # a guest that is still booting does not hear the power button


def state_of(domain: libvirt.virDomain) -> str:
    """running | paused | stopped, from libvirt's domain state."""
    state = domain.state()[0]
    if not domain.isActive():
        return "stopped"
    halted = (libvirt.VIR_DOMAIN_PAUSED, libvirt.VIR_DOMAIN_PMSUSPENDED)
    return "paused" if state in halted else "running"


def started_ns(domain: libvirt.virDomain, host: Host) -> int | None:
    """When a running guest's process was started, in ns since the epoch; known of the libvirt of this machine only."""
    if domain.connect().getURI() != LOCAL:
        return None
    found = host.info(PROCESS_FILE.format(domain.name()))
    return None if found is None else found.changed


def start(domain: libvirt.virDomain) -> None:
    """Power on, or let a paused guest go on."""
    with libvirt_says("it cannot be started"):
        if not domain.isActive():
            domain.create()
        elif domain.state()[0] == libvirt.VIR_DOMAIN_PMSUSPENDED:
            domain.pMWakeup(0)
        elif domain.state()[0] == libvirt.VIR_DOMAIN_PAUSED:
            domain.resume()


def stop(domain: libvirt.virDomain, timeout_s: int, force: bool) -> None:
    """Ask to shut down and wait; cut the power only when force says so."""
    begin = time.monotonic()
    asked = -float(ASK_AGAIN_S)
    while domain.isActive():
        gone = time.monotonic() - begin
        if gone >= timeout_s:
            _give_up(domain, timeout_s, force)
            return
        if gone - asked >= ASK_AGAIN_S:
            asked = gone
            _ask(domain)
        time.sleep(POLL_S)


def _ask(domain: libvirt.virDomain) -> None:
    try:
        domain.shutdown()
    except libvirt.libvirtError as error:
        if domain.isActive():
            raise HypervisorError(f"it cannot be asked to shut down: {error.get_error_message()}") from error


def _give_up(domain: libvirt.virDomain, timeout_s: int, force: bool) -> None:
    if not force:
        raise StillOnError(f"it did not shut down within {timeout_s} s")
    with libvirt_says("its power cannot be cut"):
        domain.destroy()


def wait_until(holds: Callable[[], bool], timeout_s: float, says: str) -> None:
    """Poll until a running guest has taken a change. Raises LiveError with what it says when it does not."""
    end = time.monotonic() + timeout_s
    while not holds():
        if time.monotonic() >= end:
            raise LiveError(says)
        time.sleep(POLL_S / 2)
