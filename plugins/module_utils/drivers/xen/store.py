# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The definitions of guests as files: read before each change, written in one step, with mode and owner as before."""

from __future__ import annotations

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.xen.definition import Definition
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import HypervisorError
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.host import Host

# With what a running domain was started, as far as its definition was changed since then. It goes when the host does.
STARTED = "/run/hostforge/xen"
PRIVATE, OURS = 0o600, "0:0"


def load(host: Host, path: str, name: str) -> Definition:
    """A guest's definition as it is at this moment."""
    definition = Definition(host.read_file(path).decode("utf-8", "surrogateescape"))
    if definition.text_of("name") != name:
        raise HypervisorError(f"{path} does not define {name} any more: somebody else has changed it")
    return definition


def save(host: Host, path: str, definition: Definition) -> None:
    """Write a definition, unless it stands there already."""
    content = definition.text.encode("utf-8", "surrogateescape")
    mode, owner = PRIVATE, OURS
    if host.info(path) is not None:
        if host.read_file(path) == content:
            return
        said, owner = host.run(["stat", "--format=%a %u:%g", "--", path]).split()
        mode = int(said, 8)
    host.write_file(path, content, mode)
    if owner != OURS:
        host.run(["chown", "--", owner, path])


def add(host: Host, path: str, definition: Definition) -> None:
    """Write the definition of a guest that had none. What came there meanwhile is not replaced."""
    if host.info(path) is not None:
        raise HypervisorError(f"{path} came into being meanwhile, and was not replaced")
    save(host, path, definition)


def started_path(number: int, uuid: str) -> str:
    """Where it is kept with what a domain was started."""
    return f"{STARTED}/{number}-{uuid}.cfg"


def keep_started(host: Host, number: int, uuid: str, definition: Definition) -> None:
    """Keep a definition before it is changed for the first time since the domain was started."""
    path = started_path(number, uuid)
    if host.info(path) is None:
        host.make_dir(STARTED, 0o700)
        host.write_file(path, definition.text.encode("utf-8", "surrogateescape"), PRIVATE)


def started(host: Host, number: int, uuid: str) -> Definition | None:
    """The definition that a domain was started with, None when it is the one that is stored."""
    path = started_path(number, uuid)
    if host.info(path) is None:
        return None
    return Definition(host.read_file(path).decode("utf-8", "surrogateescape"))
