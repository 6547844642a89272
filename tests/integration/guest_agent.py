# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The QEMU guest agent for the minimal test guest: the real one, with its libraries, on a disk of its own.

The guest does not start it by itself, so that most tests have a guest without an agent.
"""

from __future__ import annotations

import hashlib
import re
import tarfile
import tempfile
from pathlib import Path

from ansible_collections.hostforge.hypervisor.molecule.shared.testbed.paths import images_folder, locked
from ansible_collections.hostforge.hypervisor.tests.integration.console import Console
from ansible_collections.hostforge.hypervisor.tests.integration.guest_image import unpack
from ansible_collections.hostforge.hypervisor.tests.integration.private import run

PACKAGE = "qemu-guest-agent"
# It loads its libraries from where it lies, and has the channel whose name libvirt knows.
PORT = "/dev/$(ls /sys/class/virtio-ports)"
START = f"/agent/loader --library-path /agent /agent/qemu-ga -d -m virtio-serial -p {PORT}"


def agent_disk() -> Path:
    """A disk without a file system: a tar archive, padded to whole sectors. Made when it is not in the cache."""
    recipe = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:12]
    path = images_folder() / f"guest-agent-{recipe}.raw"
    with locked(path.with_suffix(".lock"), "the guest agent's disk"):
        if not path.exists():
            with tempfile.TemporaryDirectory() as work:
                _make(Path(work), path.with_suffix(".part"))
            path.with_suffix(".part").rename(path)
    return path


def _make(work: Path, target: Path) -> None:
    unpack(PACKAGE, work, work / "system")
    agent = work / "system/usr/sbin/qemu-ga"
    # This machine runs QEMU, and so has the agent's libraries.
    listed = run("ldd", str(agent))
    with tarfile.open(target, "w", dereference=True) as archive:
        archive.add(agent, "agent/qemu-ga")
        for name, path in re.findall(r"^\s*(\S+)\s+=>\s+(/\S+)", listed, re.MULTILINE):
            archive.add(path, f"agent/{name}")
        (loader,) = re.findall(r"^\s*(/\S+/ld-linux\S+)", listed, re.MULTILINE)
        archive.add(loader, "agent/loader")


def unpack_agent(console: Console, device: str) -> None:
    """Put the agent into a guest that has the disk as a device, such as vdb."""
    console.ask(f"while [ ! -e /dev/{device} ]; do sleep 0.2; done; tar -x -C / -f /dev/{device}")
    console.ask("mkdir -p /var/run /tmp")


def start_agent(console: Console) -> None:
    """Let it run."""
    console.ask(START)


def halt_agent(console: Console, halted: bool) -> None:
    """Let the agent hang, its channel still open, or let it go on."""
    console.ask(f"kill -{'STOP' if halted else 'CONT'} $(pidof loader)")
