# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of the connection to libvirt, which all modules for KVM have."""

from __future__ import annotations

from ansible_collections.hostforge.hypervisor.plugins.doc_fragments.guest import ModuleDocFragment as Guest


class ModuleDocFragment:
    """Documentation that modules for KVM share."""

    DOCUMENTATION = r"""
options:
  uri:
    description: Connection of libvirt, as in C(virsh -c).
    type: str
    default: qemu:///system
requirements:
  - python3-libvirt (the Python bindings of libvirt) on the host
"""

    # For the modules that make guests.
    GUESTS = r"""
options:
  kvm:
    description: What only guests of this hypervisor have.
    type: dict
    suboptions:
      type:
        description: V(kvm) for hardware acceleration, which a new guest has where nothing is written, V(qemu) for none.
        type: str
        choices: [kvm, qemu]
      cpu_mode:
        description:
          - Processor that the guest sees. A new guest of type V(kvm) has V(host-passthrough), one of type V(qemu)
            V(maximum), where nothing is written.
        type: str
        choices: [host-passthrough, host-model, maximum]
      graphics:
        description: Screen of the guest, which only its host can connect to (127.0.0.1). A new guest has V(none).
        type: str
        choices: [none, vnc, spice]
  image_cache:
    description: Folder on the host that images are kept in.
    type: path
    default: /var/lib/hostforge/images
  seed_dir:
    description: Folder on the host that the images for cloud-init are kept in.
    type: path
    default: /var/lib/hostforge/seeds
requirements:
  - qemu-img and xorriso on the host
"""

    # For the modules that make guests, in the place of the guest's own part.
    DISKS = f"""{Guest.DISKS}
      kvm:
        description: What only disks of this hypervisor have.
        type: dict
        suboptions:
          cache:
            description:
              - How the host caches what the guest reads and writes. A new disk has V(writeback) where nothing is written.
              - With V(unsafe) a crash of the host can cost all of the disk's data.
            type: str
            choices: [none, writeback, writethrough, directsync, unsafe]
          io:
            description:
              - How QEMU reads and writes the data. A new disk has V(threads) where nothing is written.
              - V(native) needs the cache V(none) or V(directsync).
            type: str
            choices: [threads, native, io_uring]
          discard:
            description: Whether what the guest discards is given back to the host. A new disk has V(unmap) where nothing is written.
            type: str
            choices: [unmap, ignore]
          serial:
            description: Serial number that the guest sees, of 1 to 20 letters, digits and C(_ . + -).
            type: str
"""
