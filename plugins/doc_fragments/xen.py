# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of modules for Xen."""

from __future__ import annotations

from ansible_collections.hostforge.hypervisor.plugins.doc_fragments.guest import ModuleDocFragment as Guest


class ModuleDocFragment:
    """Documentation that modules for Xen share."""

    DOCUMENTATION = r"""
options:
  disk_dir:
    description:
      - Folder on the host that the data of disks is kept in, which is the pool V(default). Any other name of a pool is that of
        a folder within it, which may be a link, or of a volume group of LVM.
    type: path
    default: /var/lib/xen/images
  seed_dir:
    description: Folder on the host that the images for cloud-init are kept in.
    type: path
    default: /var/lib/hostforge/seeds
requirements:
  - Xen 4.17 or later, with xl, on the host
"""

    # For the modules that make guests.
    GUESTS = r"""
options:
  xen:
    description: What only guests of this hypervisor have.
    type: dict
    suboptions:
      type:
        description:
          - V(pv) runs on any processor, V(pvh) and V(hvm) need one with virtualisation. V(hvm) is an emulated machine, with
            firmware and cdrom drives. A new guest has V(pv) where nothing is written.
        type: str
        choices: [pv, pvh, hvm]
      bootloader:
        description:
          - By what a guest of type V(pv) or V(pvh) boots, if not by O(xen.kernel). V(pvgrub) is GRUB running within the guest,
            which a new guest without a kernel has. V(pygrub), or the path of another program, runs on the host and takes the
            kernel out of the guest's first disk, so it reads what the guest has written. V(none) is for neither.
        type: str
      kernel:
        description: Kernel that the guest boots, a file on the host. An empty text is for none.
        type: str
      ramdisk:
        description: Initial ramdisk of O(xen.kernel), a file on the host. An empty text is for none.
        type: str
      cmdline:
        description: Command line of the kernel. An empty text is for none.
        type: str
      on_poweroff:
        description: What becomes of the guest when it has shut down. A new guest has V(destroy) where nothing is written.
        type: str
        choices: [destroy, restart, rename-restart, preserve, coredump-destroy, coredump-restart, soft-reset]
      on_reboot:
        description: What becomes of the guest when it reboots. A new guest has V(restart) where nothing is written.
        type: str
        choices: [destroy, restart, rename-restart, preserve, coredump-destroy, coredump-restart, soft-reset]
      on_crash:
        description: What becomes of the guest when it crashes. A new guest has V(destroy) where nothing is written.
        type: str
        choices: [destroy, restart, rename-restart, preserve, coredump-destroy, coredump-restart, soft-reset]
      config:
        description:
          - Keys of xl.cfg(5) that there is no option for, each with a text, a number, V(true), V(false) or a list of texts. An
            empty text takes the key away. Keys that xl.cfg(5) does not know are refused, for xl takes them without a word.
          - Keys that are not written here stay as they are. They are shown in diffs and logs, so they are no place for secrets.
        type: dict
  image_cache:
    description: Folder on the host that images are kept in.
    type: path
    default: /var/lib/hostforge/images
requirements:
  - qemu-img and xorriso on the host
  - QEMU as Xen's device model, for disks of the format qcow2 and for guests of type hvm
  - GRUB for Xen guests (grub-xen-host), for guests that boot by pvgrub
"""

    # For the modules that make guests, in the place of the guest's own part. With its type, for of a plain assignment
    # ansible-test expects nothing but text.
    DISKS: str = f"""{Guest.DISKS}
      xen:
        description: What only disks of this hypervisor have.
        type: dict
        suboptions:
          vdev:
            description:
              - Device that the guest sees the disk as, such as V(xvda). A new disk has the next that is free where nothing is written.
              - V(hd) and V(sd) in the place of V(xvd) are for emulated disks of guests of type V(hvm).
            type: str
"""
