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
      machine:
        description:
          - Machine that QEMU makes, as C(virsh capabilities) calls it. The name of a family, such as V(q35), stands for
            any version of it; a new guest has the newest. A guest does not change to another family.
        type: str
      cpu_mode:
        description:
          - Processor that the guest sees. A new guest of type V(kvm) has V(host-passthrough), one of type V(qemu)
            V(maximum), where nothing is written.
        type: str
        choices: [host-passthrough, host-model, maximum]
      cpu_model:
        description:
          - Processor that the guest sees, by its name in C(virsh cpu-models), in the place of O(kvm.cpu_mode). The guest only
            starts where the host can do all of it.
        type: str
      topology:
        description:
          - How the virtual processors are laid out, all that the guest may have. What is not written is 1, and the four
            must multiply to O(vcpus_max). Where nothing is written, a change of O(vcpus_max) leaves it to the hypervisor.
        type: dict
        suboptions:
          sockets:
            description: Number of sockets.
            type: int
          dies:
            description: Number of dies in a socket.
            type: int
          cores:
            description: Number of cores in a die.
            type: int
          threads:
            description: Number of threads in a core.
            type: int
      watchdog:
        description:
          - V(none), or a mapping with C(model) (V(i6300esb), V(ib700) or V(diag288)) and C(action) (V(reset), V(shutdown),
            V(poweroff), V(pause), V(none), V(dump) or V(inject-nmi)). The first of each is what counts where nothing is written.
          - The chipset's own watchdog (C(itco)) is not looked at.
        type: raw
      pci_devices:
        description:
          - All PCI devices of the host that the guest has for itself, by their addresses as in V(0000:01:00.0). Not touched
            when this is not written.
        type: list
        elements: str
      usb_devices:
        description:
          - All USB devices of the host that the guest has for itself, as V(VENDOR:PRODUCT). Not touched when this is not
            written.
        type: list
        elements: str
      xml:
        description:
          - Parts of libvirt's definition that there is no option for. They are compared and stored like any other option;
            a running guest gets them when it is restarted.
          - They are shown in diffs and logs, so they are no place for secrets.
        type: list
        elements: dict
        suboptions:
          path:
            description:
              - Where the element is, from the root of the definition to the element itself, as in V(features/hyperv) or
                V(devices/controller[@type='usb']). It and its parents are made when they are missing.
              - Nothing that another option is for can be written here.
            type: str
            required: true
          element:
            description:
              - What the element must have, as XML, with attributes, text and elements in it. What else is in it stays.
              - An empty text is for an element that must not be there.
            type: str
            required: true
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

    # For the modules that make guests, in the place of the guest's own part. With its type, for of a plain assignment
    # ansible-test expects nothing but text.
    DISKS: str = f"""{Guest.DISKS}
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
