# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options that every module for guests has: the guest specification."""

from __future__ import annotations


class ModuleDocFragment:
    """Documentation that <hypervisor>_guest modules share.

    Disks and network cards are parts of their own, to which a hypervisor's fragment can add what only it has of them.
    """

    DOCUMENTATION = r"""
options:
  name:
    description:
      - Name of the guest. One guest is described by the task itself, several by O(guests).
      - 1 to 63 letters, digits and C(_ . + -), the first of them a letter, a digit or C(_).
    type: str
  guests:
    description:
      - Guests to make what is written of them, all in one task.
      - Each entry takes the same options as the task itself, other than those of the connection and O(guests).
        The task's own options are the defaults of each entry.
    type: list
    elements: dict
  state:
    description:
      - V(running) and V(stopped) make the guest and see to its power. A guest is stopped by asking it to shut down.
      - V(present) makes the guest and leaves its power alone.
      - V(absent) removes the guest. Its disks stay, unless O(delete_disks) is V(true).
    type: str
    choices: [running, stopped, present, absent]
    default: present
  description:
    description: A text about the guest.
    type: str
  uuid:
    description:
      - UUID of the guest, as 32 hex digits with or without dashes. One is made up for a new guest where nothing is written.
      - It is an error when another guest on the host has it.
    type: str
  vcpus:
    description: Number of virtual processors. A new guest has 1 where nothing is written.
    type: int
  vcpus_max:
    description: Up to how many virtual processors the guest can be given while it runs.
    type: int
  memory:
    description: Memory, with a unit (V(MiB), V(GiB), V(TiB)). A new guest has V(1 GiB) where nothing is written.
    type: str
  memory_max:
    description: Up to how much memory the guest can be given while it runs, with a unit.
    type: str
  firmware:
    description: Firmware that the guest boots with. A new guest has V(bios) where nothing is written.
    type: str
    choices: [bios, uefi]
  secure_boot:
    description: Whether the firmware only starts what is signed. Needs O(firmware=uefi).
    type: bool
  tpm:
    description: Whether the guest has a TPM 2.0.
    type: bool
  boot_order:
    description:
      - What the firmware tries to start from, in turn, each once. What is not in the list it does not try.
      - A new guest has what its hypervisor usually has where nothing is written.
    type: list
    elements: str
    choices: [disk, cdrom, network]
  package:
    description:
      - An OVF package that a new guest is made from. Not looked at when the guest is there.
      - What is written of the guest holds. What is not written is what the package says, such as O(memory) and O(nics).
      - The package's disks are the guest's, each with its name in the package. An entry of O(disks) with that name says
        more of it, such as its pool or a greater size; other entries are further disks. As long as O(package) is written,
        disks that are not in O(disks) stay attached.
      - A network of the package is that of the same name here; if there is none, write O(nics). MAC addresses are not
        taken. What else is not taken is told in a warning.
    type: dict
    suboptions:
      source:
        description:
          - URL (http, https, ftp) of an OVA, or a path on the host, or on the controller if O(package.remote_src=false).
          - A path on the host can also be that of an OVF descriptor, which ends in C(.ovf), with its files beside it.
        type: str
        required: true
      checksum:
        description:
          - V(ALGORITHM:HEX), or V(ALGORITHM:URL) of a file of checksums that names the package. Of a descriptor, it is its own;
            that of the files is in the package's manifest.
          - A package from a URL must have one, or the word V(none) in its place.
        type: str
      remote_src:
        description: Whether a path is one on the host. If V(false) it is one on the controller, from where it is copied.
        type: bool
        default: true
  cdroms:
    description: All cdrom drives of the guest, other than that of O(cloud_init). Not touched when this is not written.
    type: list
    elements: dict
    suboptions:
      source:
        description: Path of an ISO image on the host. Without it the drive is empty.
        type: str
  cloud_init:
    description:
      - Data for cloud-init in the guest, given to it on a small image (NoCloud). Nothing of it is ever logged or shown.
      - It is made again when its content changes. cloud-init runs its once-per-instance steps again only when the
        C(instance-id) in O(cloud_init.meta_data) changes.
    type: dict
    suboptions:
      user_data:
        description: User data, as a mapping (cloud-config) or as text.
        type: raw
      meta_data:
        description: Meta data, added to C(instance-id) and C(local-hostname), which are the guest's name.
        type: dict
      network_config:
        description: Network configuration, as a mapping or as text.
        type: raw
  autostart:
    description:
      - Whether the guest starts with its host, as V(true) or V(false), or as a mapping with C(order) (lower first) and
        C(delay) (seconds until the next guest starts), or one of them.
    type: raw
  restart:
    description:
      - Whether a running guest may be restarted for a change that cannot be made while it runs.
      - V(never) stores such a change for the guest's next start, and the result says C(restart_required).
      - V(graceful) asks the guest to shut down and starts it again.
      - V(force) cuts the power of a guest that does not shut down within O(shutdown_timeout). It also holds for stopping
        and removing.
    type: str
    choices: [never, graceful, force]
    default: never
  delete_disks:
    description:
      - Whether the data of disks goes with O(state=absent), and of those that are no longer in O(disks).
      - Only disks that this collection made for the guest, and that nothing else uses, are ever deleted.
    type: bool
    default: false
  wait_for:
    description: What to wait for when the guest runs, V(address) being its first network address.
    type: str
    choices: [none, address]
    default: none
  wait_timeout:
    description: How long to wait, in seconds; V(0) looks once.
    type: int
    default: 300
  shutdown_timeout:
    description: How long a guest may take to shut down, in seconds.
    type: int
    default: 120
attributes:
  check_mode:
    support: full
    description: Changes nothing, and says what a run would change.
  diff_mode:
    support: full
    description: Shows what differs, before and after, in the words of these options.
  idempotent:
    support: full
    description: Does nothing when all is as written.
"""

    # In each of these, the last of the options is that of a list, and suboptions can follow.
    NICS = r"""
options:
  nics:
    description:
      - All network cards of the guest, in the order in which it sees them. Not touched when this is not written.
      - A card is known by its MAC address. Cards without O(nics[].mac) keep the address they have.
    type: list
    elements: dict
    suboptions:
      network:
        description: Network of the hypervisor that the card is on. Either this or O(nics[].bridge).
        type: str
      bridge:
        description: Bridge of the host that the card is on.
        type: str
      mac:
        description: MAC address. One is made up for a new card where nothing is written.
        type: str
      vlan:
        description: VLAN tag, V(0) for none.
        type: int
      model:
        description: Card that the guest sees. A new one is V(virtio) where nothing is written.
        type: str
      link:
        description: Whether the card sees a cable in it. A new one is V(up) where nothing is written.
        type: str
        choices: [up, down]
"""

    DISKS = r"""
options:
  disks:
    description:
      - All disks of the guest, in the order in which it sees them. Disks are not touched when this is not written.
      - A disk that is no longer in the list is detached. Its data stays, unless O(delete_disks) is V(true).
    type: list
    elements: dict
    suboptions:
      name:
        description:
          - Name of the disk within its guest. Letters, digits and C(_ -).
          - A disk that others made is known by the device name that the hypervisor gives it, such as V(vda).
        type: str
        required: true
      size:
        description: Size, with a unit. A disk is grown to it, never shrunk. Without it, a new disk is as large as its image.
        type: str
      pool:
        description: Storage pool that the data lies in. The hypervisor's default where nothing is written.
        type: str
      path:
        description:
          - Data that is there already, made by others, for a disk that is to have it. A block device or a file on the host.
          - It is never made, formatted or deleted, and no two disks have it. Of a file, O(disks[].format) is needed; that of
            a device is V(raw) where nothing is written. O(disks[].size) is then the least size. A file is grown to it; a
            device has to be that large.
          - A disk that the guest has there already is this one, whatever it is called.
          - Not together with O(disks[].pool) and O(disks[].image).
        type: path
      format:
        description:
          - Format of the data, such as V(qcow2), V(raw) or V(vdi). The hypervisor's default where nothing is written.
          - Which ones a hypervisor has, its page says; others are refused before anything is touched.
        type: str
      bus:
        description: Bus that the guest sees the disk on. V(virtio) where nothing is written.
        type: str
        choices: [virtio, scsi, sata, nvme]
      image:
        description: What a new disk's first content is. Not looked at when the disk is there.
        type: dict
        suboptions:
          source:
            description: URL (http, https, ftp), or a path on the host, or on the controller if O(disks[].image.remote_src=false).
            type: str
            required: true
          checksum:
            description:
              - V(ALGORITHM:HEX), or V(ALGORITHM:URL) of a file of checksums that names the image.
              - An image from a URL must have one, or the word V(none) in its place.
            type: str
          format:
            description: Format of the image.
            type: str
            choices: [qcow2, raw]
            default: qcow2
          copy:
            description: Whether the disk is a V(thin) overlay on the host's cached image or a V(full) copy of it.
            type: str
            choices: [thin, full]
            default: thin
          remote_src:
            description: Whether a path is one on the host. If V(false) it is one on the controller, from where it is copied.
            type: bool
            default: true
"""
