# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Disks and cards as xl.cfg writes them, by position and by name."""

from __future__ import annotations

import pytest

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.xen import devices
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.xen.disk_spec import (
    EMPTY,
    DiskSpec,
    parse_disk,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.xen.nic_spec import (
    parse_nic,
    plugged,
    to_nic,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Nic

# Out of xl-disk-configuration(5) and from files that people have.
DISKS = [
    ("/dev/vg/guest-volume,,hda", DiskSpec("/dev/vg/guest-volume", "hda")),
    ("/dev/vg/guest-volume,raw,hda,rw", DiskSpec("/dev/vg/guest-volume", "hda")),
    ("format=raw, vdev=hda, access=rw, target=/dev/vg/guest-volume", DiskSpec("/dev/vg/guest-volume", "hda")),
    ("raw:/dev/vg/guest-volume,hda,w", DiskSpec("/dev/vg/guest-volume", "hda")),
    ("/srv/image.iso,,hdc,cdrom", DiskSpec("/srv/image.iso", "hdc", "raw", True, True)),
    ("/srv/image.iso,,hdc,,cdrom", DiskSpec("/srv/image.iso", "hdc", "raw", True, True)),
    ("file:/srv/image.iso,hdc:cdrom,r", DiskSpec("/srv/image.iso", "hdc", "raw", True, True)),
    (",hdc:cdrom", DiskSpec("", "hdc", EMPTY, True, True)),
    ("devtype=cdrom,vdev=hdc,access=ro", DiskSpec("", "hdc", EMPTY, True, True)),
    ("tap:aio:/srv/a.img,xvda,r", DiskSpec("/srv/a.img", "xvda", "raw", True)),
    ("tap2:qcow2:/srv/a.img,xvda,w", DiskSpec("/srv/a.img", "xvda", "qcow2")),
    ("/srv/a.img,qcow2,xvda,w,discard", DiskSpec("/srv/a.img", "xvda", "qcow2", others=("discard",))),
    ("vdev=xvda,backendtype=qdisk,target=/a,b=c.img", DiskSpec("/a,b=c.img", "xvda", others=("backendtype=qdisk",))),
    ("iscsi:iqn.2001-05:x,xvda,w", DiskSpec("iqn.2001-05:x", "xvda", others=("script=block-iscsi",))),
]


@pytest.mark.parametrize(("text", "spec"), DISKS)
def test_a_disk_is_read_however_it_is_written(text: str, spec: DiskSpec) -> None:
    assert parse_disk(text) == spec
    assert parse_disk(spec.written()) == spec


def test_a_volume_may_be_named_without_its_folder() -> None:
    assert parse_disk("phy:vg0/web,xvda,w").path == "/dev/vg0/web"
    assert parse_disk("script=block-nbd,vdev=xvda,target=server:1").path == "server:1"


def test_a_card_keeps_what_is_not_known() -> None:
    spec = parse_nic("mac=00:16:3E:00:00:01, rate=10Mb/s,ip=192.0.2.1 ,bridge=xenbr0")
    assert to_nic(spec, "pv") == Nic(bridge="xenbr0", mac="00:16:3e:00:00:01", vlan=0, model="netfront")
    assert plugged(spec, "xenbr1", 0, switch=False).written() == spec.written().replace("xenbr0", "xenbr1").replace(
        ", ", ","
    )


def test_a_bridge_of_open_vswitch_takes_its_script_and_the_tag() -> None:
    spec = plugged(parse_nic("mac=00:16:3e:00:00:01,bridge=xenbr0"), "ovs.1", 0, switch=False)
    assert to_nic(spec, "pv").bridge == "ovs.1"
    tagged = plugged(spec, "ovs", 20, switch=True)
    assert tagged.written() == "mac=00:16:3e:00:00:01,bridge=ovs.20,script=vif-openvswitch"
    assert (to_nic(tagged, "pv").bridge, to_nic(tagged, "pv").vlan) == ("ovs", 20)
    assert plugged(tagged, "xenbr0", 0, switch=False).written() == "mac=00:16:3e:00:00:01,bridge=xenbr0"


def test_devices_and_their_places() -> None:
    names = ["xvda", "hdb", "sdz", "xvdaa", "xvdab", "xvdzz"]
    assert [devices.index_of(name) for name in names] == [0, 1, 25, 26, 27, 701]
    assert devices.index_of("sda1") is None
    assert devices.free_disk(["xvda", "hdb"], "pv") == "xvdc"
    assert devices.free_disk(["xvda", "hdb"], "hvm") == "xvde"
    assert devices.free_disk([f"xvd{letter}" for letter in devices.LETTERS[:25]], "pv") == "xvdaa"
    assert [devices.free_drive(names) for names in ([], ["hdc"], ["hdc", "hdd", "xvda"])] == ["hdc", "hdd", "hdb"]
