# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a module, and kills somebody before one of its steps: `python -m … NUMBER VICTIM MODULE`, arguments on stdin.

The victim is `run`, the module's own process, or `service`, VirtualBox's process behind it; then the module goes on.
The steps are what changes anything that outlives both: the calls by which VirtualBox writes to disk, commands, and the
functions that change files. What is set between two of them is in the memory of the service alone, and goes with it.
"""

from __future__ import annotations

import os
import runpy
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import vboxapi

from ansible_collections.hostforge.hypervisor.tests.integration.runs import PREFIX

IPC = "VBOX_IPC_SOCKETID"
# Of VirtualBox's interfaces those methods that write files, and the one attribute that does so at once.
CALLS = {
    *("registerMachine", "unregister", "deleteConfig", "saveSettings", "openMedium", "close", "resize"),
    *("takeSnapshot", "restoreSnapshot", "deleteSnapshot", "description", "openForIO"),
}
FILES = ("replace", "unlink", "mkdir", "rmdir", "chmod", "fchmod")
LOOKS = (["qemu-img", "info"], ["qemu-img", "check"])
# What a run that has no such step says at its end.
DONE = "no such step"


def services() -> list[int]:
    """The processes of VirtualBox's service that belong to this environment."""
    mine = f"{IPC}={os.environ[IPC]}".encode()
    found = []
    for path in Path("/proc").glob("[0-9]*/comm"):
        with suppress(OSError):
            name, words = path.read_text(), (path.parent / "environ").read_bytes().split(b"\0")
            found += [int(path.parent.name)] if name.startswith("VBoxSVC") and mine in words else []
    return found


def kill_service() -> None:
    """End the service as the kernel does it when memory is short."""
    for process in services():
        os.kill(process, signal.SIGKILL)
    while services():
        time.sleep(0.02)


def main() -> None:
    """Run the module."""
    number, victim, name = int(sys.argv[1]), sys.argv[2], sys.argv[3]
    left = [number]

    def step(what: str) -> None:
        left[0] -= 1
        if left[0] == -1:
            sys.stderr.write(f"killed before {what}\n")
            sys.stderr.flush()
            if victim == "service":
                kill_service()
            else:
                os.kill(os.getpid(), signal.SIGKILL)

    _watch(step)
    sys.argv = [name]
    try:
        runpy.run_module(f"{PREFIX}.{name}", run_name="__main__", alter_sys=True)
    finally:
        if left[0] >= 0:
            sys.stderr.write(DONE)


def _watch(step: Callable[[str], None]) -> None:
    """The bindings below vboxapi can only be loaded by it, when it connects."""
    connects = vboxapi.VirtualBoxManager.__init__

    def connect(manager: Any, *arguments: Any) -> None:
        connects(manager, *arguments)
        _watch_box(sys.modules["xpcom.client"].Component, step)

    vboxapi.VirtualBoxManager.__init__ = connect
    for name in FILES:
        setattr(os, name, _watched(name, getattr(os, name), step))
    subprocess.run = _watched("run", subprocess.run, step)


def _watch_box(component: Any, step: Callable[[str], None]) -> None:
    """Every attribute of VirtualBox's objects is asked for here, by the bindings' own design."""
    reads, writes = component.__getattr__, component.__setattr__

    def get(thing: Any, name: str) -> Any:
        value = reads(thing, name)
        return _watched(name, value, step) if name in CALLS and callable(value) else value

    def put(thing: Any, name: str, value: Any) -> None:
        if name in CALLS:
            step(name)
        writes(thing, name, value)

    component.__getattr__, component.__setattr__ = get, put


def _watched(name: str, real: Callable[..., Any], step: Callable[[str], None]) -> Callable[..., Any]:
    def call(*arguments: Any, **options: Any) -> Any:
        if name != "run" or list(arguments[0][:2]) not in LOOKS:
            step(name if name != "run" else " ".join(arguments[0][:2]))
        return real(*arguments, **options)

    return call


if __name__ == "__main__":
    main()
