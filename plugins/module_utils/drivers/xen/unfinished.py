# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What killed runs have left of a guest: disks that were made and not named in its file, and half-made files."""

from __future__ import annotations

from dataclasses import replace

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.xen import ledger, places, read
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.xen.look import Look
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.image_files import QCOW2, RAW
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.ledger import Entry
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.parts import dead_parts_of, prefix_of
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.resource import Wish
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Disk, Guest


def with_disks(seen: Look, wish: Wish[Guest], have: Guest) -> Guest:
    """A guest as its disks are to be planned.

    Those that a killed run has made are the guest's, too, unless they are wished for: then they are still to be added.
    """
    wished = {disk.name for disk in wish.item.disks or ()}
    if wish.item.disks is None and wish.item.state != "absent":
        return have
    more = tuple(disk for disk in _made(seen, have.name) if disk.name not in wished)
    return replace(have, disks=(*(have.disks or ()), *more)) if more else have


def dead_parts(seen: Look, name: str) -> tuple[str, ...]:
    """What killed runs were making of a guest's disks, or writing of its file, and had not given its name yet."""
    file = seen.file(name)
    path = file.path if file else places.config_path(name)
    # The folder was listed already, and is not listed anew for every guest.
    half = [path] if any(part.startswith(prefix_of(path)) for part in seen.parts) else []
    paths = [*(entry.path for entry in _pending(seen, name)), *half]
    return tuple(part for path in paths for part in dead_parts_of(seen.host, path))


def _pending(seen: Look, name: str) -> list[Entry]:
    """The disks that a killed run was making, by what it has noted."""
    file = seen.file(name)
    return [] if file is None else [entry for entry in ledger.read(file.definition).disks if entry.pending]


def _made(seen: Look, name: str) -> list[Disk]:
    """Those of them whose data is there, and that the guest's file does not name."""
    file = seen.file(name)
    named = set() if file is None else {spec.path for spec in read.disk_specs(file.definition)}
    found = []
    for entry in _pending(seen, name):
        kind = QCOW2 if entry.path.endswith(f".{QCOW2}") else RAW
        size = seen.storage.size(entry.path, kind)
        if size is not None and entry.path not in named:
            pool, owned = seen.storage.pool_of(entry.path), not seen.others(entry.path, name)
            found.append(Disk(entry.name, size, pool=pool, format=kind, path=entry.path, owned=owned))
    return found
