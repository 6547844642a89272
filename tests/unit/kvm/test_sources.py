# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which files a definition refers to, and their formats, so that none is looked up in what a guest has written."""

from __future__ import annotations

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm import read, xml

DEFINITION = """
<domain><devices>
  <disk type='file' device='disk'>
    <driver name='qemu' type='qcow2'/><source file='/top'/>
    <backingStore type='file'><format type='qcow2'/>
      <source file='/below'><dataStore type='file'><format type='raw'/><source file='/belows'/></dataStore></source>
      <backingStore type='file'><format type='raw'/><source file='/written'/><backingStore/></backingStore>
    </backingStore>
    <mirror type='file' job='copy'><format type='raw'/><source file='/copy'/></mirror>
  </disk>
  <disk type='block' device='disk'><driver type='raw'/><source dev='/dev/vg/web'/></disk>
  <disk type='file' device='disk'><source file='/untold'/></disk>
  <disk type='file' device='disk'><source file='/top'/></disk>
  <disk type='file' device='disk'><driver type='qcow2'/>
    <source file='/told'><dataStore type='block'><format type='raw'/><source dev='/dev/store'/></dataStore></source>
  </disk>
  <disk type='file' device='disk'><source file='/fixed'/><readonly/></disk>
  <disk type='file' device='cdrom'><driver type='raw'/></disk>
</devices></domain>
"""


def test_every_file_is_told_with_its_format() -> None:
    assert read.sources(xml.parse(DEFINITION)) == {
        "/top": "qcow2",
        "/below": "qcow2",
        "/belows": "raw",
        "/written": "raw",
        "/copy": "raw",
        "/dev/vg/web": "raw",
        "/untold": None,
        "/told": "qcow2",
        "/dev/store": "raw",
        "/fixed": None,
    }


def test_what_a_guest_writes_to_is_its_own_data_and_no_base() -> None:
    written = {"/top", "/copy", "/dev/vg/web", "/untold", "/told", "/dev/store"}
    assert read.written(xml.parse(DEFINITION)) == written
