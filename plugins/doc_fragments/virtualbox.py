# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of modules for VirtualBox."""

from __future__ import annotations

from ansible_collections.hostforge.hypervisor.plugins.doc_fragments.guest import ModuleDocFragment as Guest


class ModuleDocFragment:
    """Documentation that modules for VirtualBox share."""

    DOCUMENTATION = r"""
options:
  disk_dir:
    description:
      - Folder on the host that the data of disks is kept in, which is the pool V(default). Any other name of a pool is that of
        a folder within it, which may be a link.
      - The folder C(hostforge/disks) in VirtualBox's own folder for machines where nothing is written.
    type: path
  seed_dir:
    description:
      - Folder on the host that the images for cloud-init are kept in.
      - The folder C(hostforge/seeds) in VirtualBox's own folder for machines where nothing is written.
    type: path
requirements:
  - VirtualBox 7.1 or later on the host, with its Python bindings (vboxapi) for the Python that modules run with
"""

    # For the modules that make guests.
    GUESTS = r"""
options:
  virtualbox:
    description: What only guests of this hypervisor have.
    type: dict
    suboptions:
      ostype:
        description:
          - Type of the guest's system, one of C(VBoxManage list ostypes), such as V(Debian13_64).
            A new guest has V(Linux_64) where nothing is written.
        type: str
      groups:
        description: All groups that VirtualBox shows the guest in, such as V(/web). Its settings are in a folder of the first.
        type: list
        elements: str
      chipset:
        description: Chipset of the machine. V(ich9) has room for more network cards. A new guest has V(piix3) where nothing is written.
        type: str
        choices: [piix3, ich9]
      serial:
        description:
          - Where the first serial port leads to, V(file:PATH), V(pipe:PATH), V(device:PATH), V(tcp:PORT) or V(none).
            A new guest has V(none) where nothing is written.
        type: str
      extradata:
        description:
          - Extra data, each a text of one line, a number, V(true) or V(false). An empty text takes the key away.
          - Keys that are not written here stay as they are. They are shown in diffs and logs, so they are no place for secrets.
        type: dict
      shared_folders:
        description: All folders of the host that the guest has, by its Guest Additions.
        type: list
        elements: dict
        suboptions:
          name:
            description: Name that the guest sees.
            type: str
            required: true
          path:
            description: Folder on the host.
            type: path
            required: true
          writable:
            description: Whether the guest may write there.
            type: bool
            default: false
          automount:
            description: Whether the guest mounts it by itself.
            type: bool
            default: false
  image_cache:
    description:
      - Folder on the host that images are kept in.
      - The folder C(hostforge/images) in VirtualBox's own folder for machines where nothing is written.
    type: path
requirements:
  - qemu-img and xorriso on the host
"""

    # For the modules that make guests, in the place of the guest's own parts. With their types, for of a plain assignment
    # ansible-test expects nothing but text.
    DISKS: str = f"""{Guest.DISKS}
      virtualbox:
        description: What only disks of this hypervisor have.
        type: dict
        suboptions:
          hotplug:
            description:
              - Whether the disk can be pulled out of the running guest, whose system then takes it for a removable one.
              - Of disks on the bus V(sata) only. A new one there has V(true) where nothing is written.
            type: bool
"""
    NICS: str = f"""{Guest.NICS}
      virtualbox:
        description: What only network cards of this hypervisor have.
        type: dict
        suboptions:
          forwards:
            description:
              - All ports of the host that lead to the guest, for a card on the network V(nat), each as
                C(NAME,PROTOCOL,HOST ADDRESS,HOST PORT,GUEST ADDRESS,GUEST PORT), such as V(ssh,tcp,127.0.0.1,2222,,22).
              - Without an address of the host, all that reach it reach the port.
            type: list
            elements: str
"""
