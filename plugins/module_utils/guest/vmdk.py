# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The head of a VMDK file, read before any program opens the file, which may come from anywhere.

A VMDK can be a text that names the files with its content, any on the host, and every program that opens it opens
those. Source: VMware, Virtual Disk Format 5.0 (hosted sparse extents), and QEMU's block/vmdk.c.
"""

from __future__ import annotations

from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.host import Host

VMDK = "vmdk"
MAGIC = b"KDMV"
# A head without a capacity is one of those in which a text, behind it, names the files.
CAPACITY = slice(12, 20)


def is_one_piece(host: Host, path: str) -> bool:
    """Whether a file holds all of its disk, as a sparse extent or a stream."""
    head = host.read_start(path, CAPACITY.stop)
    return len(head) == CAPACITY.stop and head.startswith(MAGIC) and any(head[CAPACITY])
