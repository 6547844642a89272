# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options under xen: and of its disks, which go together or do not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.xen import keys
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.xen.forms import FORMS
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.xen.traits import OWN
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import SpecError
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.spec import parse_wishes
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Disk, Guest, Nic
from ansible_collections.hostforge.hypervisor.tests.contract.look import again, predicted, refused, run, there, verbs
from ansible_collections.hostforge.hypervisor.tests.unit.xen.simulated_subject import MIB, SimulatedSubject

# The modules are hostforge.hypervisor.xen_guest and hostforge.hypervisor.xen_guest_info.
NAME = "guest-1"


@pytest.fixture(name="subject")
def make_subject() -> SimulatedSubject:
    return SimulatedSubject()


def wish(state: str = "present", disks: Any = None, nics: Any = None, **own: Any) -> Guest:
    options = tuple(sorted(own.items()))
    return Guest(NAME, state, disks=disks, nics=nics, options=options)


def text(subject: SimulatedSubject) -> str:
    return subject.host.files[f"/etc/xen/{NAME}.cfg"].decode()


def test_a_new_guest_boots_by_grub_of_its_type(subject: SimulatedSubject) -> None:
    run(subject, wish("running"))
    assert dict(there(subject, NAME).options) | {"type": "pv", "bootloader": "pvgrub", "kernel": ""} == dict(
        there(subject, NAME).options
    )
    assert 'kernel = "/usr/lib/grub-xen/grub-x86_64-xen.bin"' in text(subject)
    done = predicted(subject, wish(type="pvh"))
    assert done.pending
    assert 'kernel = "/usr/lib/grub-xen/grub-i386-xen_pvh.bin"' in text(subject)
    assert verbs(predicted(subject, wish(type="pvh"), "force")) == ["restart state"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"bootloader": "pvgrub"}, {"bootloader": "pygrub"}),
        ({"bootloader": "pygrub"}, {"kernel": "/boot/one", "ramdisk": "/boot/first", "cmdline": "quiet"}),
        ({"kernel": "/boot/one", "ramdisk": "/boot/first"}, {"bootloader": "pvgrub"}),
        ({"kernel": "/boot/one", "ramdisk": "/boot/first"}, {"ramdisk": ""}),
        ({"kernel": "/boot/one", "cmdline": "quiet"}, {"cmdline": ""}),
        ({"type": "pv"}, {"type": "hvm"}),
        ({"type": "hvm"}, {"type": "pvh", "bootloader": "pvgrub"}),
        ({"type": "hvm", "kernel": "/boot/one"}, {"kernel": ""}),
    ],
)
def test_a_guest_boots_by_something_else(
    subject: SimulatedSubject, before: dict[str, str], after: dict[str, str]
) -> None:
    run(subject, wish(nics=(Nic(bridge="xenbr0"),), **before))
    predicted(subject, wish(nics=(Nic(bridge="xenbr0"),), **after))
    again(subject, wish(**after))
    found = dict(there(subject, NAME).options)
    assert found | after == found
    assert [nic.model for nic in there(subject, NAME).nics or ()] == ["netfront"]


@pytest.mark.parametrize(
    ("want", "says"),
    [
        (wish(bootloader="pvgrub", kernel="/boot/one"), "one of them"),
        (wish(type="hvm", bootloader="pygrub"), "firmware"),
        (wish(kernel="/boot/none"), "/boot/none"),
        (replace(wish(), firmware="uefi"), "hvm"),
        (replace(wish(), boot_order=("disk",)), "hvm"),
        (wish(nics=(Nic(bridge="xenbr0", model="e1000"),)), "netfront"),
        (wish(nics=(Nic(network="default"),)), "bridge"),
        (wish(nics=(Nic(bridge="nowhere"),)), "nowhere"),
        (wish(nics=(Nic(bridge="xenbr0", vlan=7),)), "Open vSwitch"),
        (wish("running", bootloader="none"), "neither"),
        (
            wish(disks=(Disk("a", MIB, options=(("vdev", "xvda"),)), Disk("b", MIB, options=(("vdev", "hda"),)))),
            "place",
        ),
        (wish(disks=(Disk("a", MIB, options=(("vdev", "nvme0n1"),)),)), "xvdb"),
        (wish(disks=(Disk("a", MIB, pool="nowhere"),)), "nowhere"),
    ],
    ids=str,
)
def test_what_cannot_be_is_refused(subject: SimulatedSubject, want: Guest, says: str) -> None:
    assert says in refused(subject, want).error


def test_disks_find_their_places(subject: SimulatedSubject) -> None:
    disks = (Disk("a", MIB), Disk("b", MIB, options=(("vdev", "xvda"),)), Disk("c", MIB, format="raw"))
    run(subject, wish(disks=disks))
    places = {disk.name: disk.option("vdev") for disk in there(subject, NAME).disks or ()}
    assert places == {"a": "xvdb", "b": "xvda", "c": "xvdc"}
    moved = (disks[0], replace(disks[1], options=(("vdev", "xvdf"),)), disks[2])
    assert verbs(predicted(subject, wish(disks=moved))) == ["set disks.vdev"]
    clash = (disks[0], replace(disks[1], options=(("vdev", "xvdb"),)), disks[2])
    assert "xvdb" in refused(subject, wish(disks=clash)).error


def test_other_keys_of_the_file_are_set_told_and_wait_for_the_restart(subject: SimulatedSubject) -> None:
    config = (("cpu_weight", "512"), ("cpus", "0-1"), ("pci", ("00:04.0", "00:05.0")))
    run(subject, wish("running", config=config))
    again(subject, wish(config=config))
    assert "pci = " in text(subject)
    after = (("cpu_weight", "256"), ("cpus", ""), ("pci", ("00:04.0", "00:05.0")))
    done = predicted(subject, wish(config=after))
    assert [(change.field, change.key) for change in done.changes] == [("config", "cpu_weight"), ("config", "cpus")]
    assert done.pending
    assert "\ncpus" not in text(subject)
    assert again(subject, wish(config=after)).pending
    assert not again(subject, wish(config=config[2:])).pending
    assert verbs(predicted(subject, wish(config=after), "force")) == ["restart state"]
    assert not again(subject, wish(config=after)).pending


@pytest.mark.parametrize(
    ("own", "says"),
    [
        ({"config": {"memroy": 1}}, "memroy"),
        ({"config": {"memory": 1}}, "written as memory"),
        ({"config": {"cpus": {"a": 1}}}, "cpus"),
        ({"config": {"cpus": "a\nb"}}, "cpus"),
        ({"bootloader": "grub"}, "pvgrub"),
        ({"kernel": "vmlinuz"}, "absolute"),
        ({"cmdline": "a\nb"}, "one line"),
        ({"typ": "pv"}, "type"),
        ({"type": "lxc"}, "pvh"),
        ({"on_crash": "explode"}, "preserve"),
    ],
)
def test_what_is_written_wrong_is_named(own: dict[str, Any], says: str) -> None:
    with pytest.raises(SpecError, match=says):
        parse_wishes({"name": NAME, "xen": own}, "xen", OWN, FORMS)


def test_what_is_written_is_brought_into_form() -> None:
    own = {"config": {"cpus": ["0", 1], "localtime": True, "cpu_weight": 7}, "kernel": "", "cmdline": " quiet "}
    (found,) = parse_wishes({"name": NAME, "xen": own}, "xen", OWN, FORMS)
    assert found.item.option("config") == (("cpu_weight", "7"), ("cpus", ("0", "1")), ("localtime", "1"))
    assert (found.item.option("kernel"), found.item.option("cmdline")) == ("", "quiet")


def test_no_key_is_written_in_two_ways() -> None:
    assert not keys.KEYS & set(keys.OPTIONS_FOR)


@pytest.mark.parametrize(
    "value", [{1: "a", "vnc": 1}, {"pci": [True]}, {"cpus": [["0"]]}, {"vnc": -1}, {"vnc": 10**30}, {"cpus": ["0\n"]}]
)
def test_values_that_are_none_of_xl_are_refused(value: dict[Any, Any]) -> None:
    with pytest.raises(ValueError, match=r"allowed|knows no key"):
        FORMS["config"](value)
