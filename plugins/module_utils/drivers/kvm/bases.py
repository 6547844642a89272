# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which files other disks are based on: those must never go, whoever made them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm import xml
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.connect import libvirt, libvirt_says
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import HostError
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.host import Host
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.image_files import files_below
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.parts import is_part


def find_bases(connection: libvirt.virConnect, host: Host, others: Mapping[str, str | None]) -> dict[str, list[str]]:
    """Every file, without links, that disks' data is based on, with the files based on it.

    Looked for anew in the volumes of all active pools, and in others: paths of disks that may be in no pool, each with
    its format by the definition.
    """
    found: dict[str, list[str]] = {}
    with libvirt_says("the storage volumes cannot be read"):
        pools = connection.listAllStoragePools(libvirt.VIR_CONNECT_LIST_STORAGE_POOLS_ACTIVE)
        roots = [xml.parse(volume.XMLDesc(0)) for pool in pools for volume in _volumes(pool)]
    for root in roots:
        base, path = root.findtext("backingStore/path"), root.findtext("target/path", "")
        if base and not is_part(path):
            found.setdefault(os.path.realpath(base), []).append(path)
    known = {root.findtext("target/path", "") for root in roots}
    for path in set(others) - known:
        for base in _backing_files(host, path, others[path]):
            found.setdefault(os.path.realpath(base), []).append(path)
    return found


def _volumes(pool: libvirt.virStoragePool) -> list[libvirt.virStorageVol]:
    """A pool's volumes, also those that came into being past libvirt."""
    with suppress(libvirt.libvirtError):  # it may be busy; then what it knows has to do
        pool.refresh(0)
    return pool.listAllVolumes(0)


def _backing_files(host: Host, path: str, kind: str | None) -> list[str]:
    """The files below a disk, as far as they can be told."""
    try:
        return files_below(host, path, kind)
    except HostError:
        return []  # a lost disk, or one that is no file
