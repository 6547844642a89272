# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A libvirt daemon for one test session, with networks, a bridge and pools, in the namespaces of private.py."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import libvirt

from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.start_order import STARTER
from ansible_collections.hostforge.hypervisor.tests.integration.private import run

URI = "qemu:///system"
# One with addresses, one without; each with its bridge.
NETWORKS = {"default": "virbr0", "second": "virbr1"}
BRIDGE = "br-test"
POOLS = {"default": "/var/lib/libvirt/images", "fast": "/var/lib/libvirt/fast"}
START_S = 60

# Guests run as root and see the file systems as the daemon does. There are no control groups, which two daemons on
# one machine would share.
SETTINGS = """
namespaces = []
security_driver = "none"
user = "root"
group = "root"
cgroup_controllers = []
"""
# While this file is there, a daemon that ended is not started again.
HELD = Path("/run/libvirtd.held")
# The shell is the first process of a PID namespace: with it go all guests and helpers, however the tests end. It
# reaps the daemons' orphans.
SUPERVISED = f"""
dbus-daemon --system --nofork --nopidfile &
virtlogd &
while true; do
    libvirtd
    sleep 0.1
    while [ -e {HELD} ]; do sleep 0.1; done
done &
wait
"""
DEFAULT_NETWORK = """
<network>
  <name>default</name>
  <bridge name='virbr0'/>
  <forward/>
  <ip address='192.168.122.1' netmask='255.255.255.0'>
    <dhcp><range start='192.168.122.2' end='192.168.122.254'/></dhcp>
  </ip>
</network>
"""
SECOND_NETWORK = "<network><name>second</name><bridge name='virbr1'/></network>"


@contextmanager
def running_daemon(log: Path) -> Iterator[libvirt.virConnect]:
    """Start the daemon, furnish it, and end it with everything that runs in it."""
    with Path("/etc/libvirt/qemu.conf").open("a") as settings:
        settings.write(SETTINGS)
    Path("/run/dbus").mkdir()
    command = ["setpriv", "--pdeathsig", "KILL", "unshare", "--pid", "--fork", "--kill-child", "--mount-proc"]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command, "sh", "-c", SUPERVISED], stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
    try:
        connection = connect(log)
        furnish(connection)
        yield connection
        with suppress(libvirt.libvirtError):  # its daemon may have been killed meanwhile
            connection.close()
    finally:
        # Nothing of it is worth a graceful end: all that it wrote goes with the namespaces.
        process.kill()
        process.wait()


def connect(log: Path | None = None) -> libvirt.virConnect:
    """A connection, as soon as the daemon answers."""
    libvirt.registerErrorHandler(lambda _context, _error: None, None)
    limit = time.monotonic() + START_S
    while True:
        try:
            return libvirt.open(URI)
        except libvirt.libvirtError as error:
            if time.monotonic() > limit:
                said = log.read_text()[-2000:] if log else ""
                raise RuntimeError(f"libvirtd does not answer: {error}\n{said}") from error
            time.sleep(0.1)


def kill_libvirtd() -> None:
    """Kill the daemon as a lack of memory does. Its guests run on, and it stays away until it is to come back."""
    HELD.touch()
    while (process := _pid_of_libvirtd()) is not None:
        os.kill(process, signal.SIGKILL)
        time.sleep(0.02)


def revive_libvirtd() -> libvirt.virConnect:
    """Have the daemon started again where it is not running; a new connection to it."""
    HELD.unlink(missing_ok=True)
    return connect()


def _pid_of_libvirtd() -> int | None:
    """The daemon of this network namespace."""
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            ours = os.readlink(process / "ns/net") == os.readlink("/proc/self/ns/net")
            if ours and (process / "comm").read_text() == "libvirtd\n":
                return int(process.name)
    return None


def furnish(connection: libvirt.virConnect) -> None:
    """Make the networks, the bridge and the pools, and what says that guests are started in their order."""
    os.makedirs(os.path.dirname(STARTER), exist_ok=True)
    os.symlink("/dev/null", STARTER)
    for definition in (DEFAULT_NETWORK, SECOND_NETWORK):
        connection.networkDefineXML(definition).create()
    run("ip", "link", "add", BRIDGE, "type", "bridge")
    run("ip", "link", "set", BRIDGE, "up")
    for name, folder in POOLS.items():
        os.makedirs(folder, exist_ok=True)
        pool = f"<pool type='dir'><name>{name}</name><target><path>{folder}</path></target></pool>"
        connection.storagePoolDefineXML(pool).create()
