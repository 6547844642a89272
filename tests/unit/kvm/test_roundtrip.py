# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Any guest that can be written is read back from its definition as it was, new or edited into it from any other."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.traits import OWN
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.engine import converge
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.resource import Outcome
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.spec import parse_wishes
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Guest
from ansible_collections.hostforge.hypervisor.tests.contract.look import mismatches
from ansible_collections.hostforge.hypervisor.tests.unit.kvm.paper import PaperDriver

EXAMPLES = settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
# Text that XML and a shell would make something of, if they were let.
TEXT = st.text(st.sampled_from("aZ09 <>&'\"$`\\;|*?{}\u00e9\u4e2d\U0001f980\t"), max_size=12)
MACS = [f"52:54:00:00:00:{number:02x}" for number in range(1, 4)]


def some(**options: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Any of these options."""
    return st.fixed_dictionaries({}, optional=options)


DISKS = st.lists(
    st.builds(
        lambda name, size, more: {"name": name, "size": size, **more},
        st.sampled_from(["root", "data", "logs"]),
        st.sampled_from(["8 MiB", "16 MiB"]),
        some(
            pool=st.sampled_from(["default", "fast"]),
            format=st.sampled_from(["qcow2", "raw"]),
            bus=st.sampled_from(["virtio", "scsi", "sata"]),
            kvm=some(
                cache=st.sampled_from(["none", "writeback", "unsafe"]),
                discard=st.sampled_from(["unmap", "ignore"]),
                serial=st.sampled_from(["a", "A_1.+-"]),
            ),
        ),
    ),
    max_size=3,
    unique_by=lambda disk: disk["name"],
)
NICS = st.lists(
    st.builds(
        lambda mac, place, more: {"mac": mac, **place, **more},
        st.sampled_from(MACS),
        st.sampled_from([{"network": "default"}, {"network": "a.b-c"}, {"bridge": "br0"}]),
        some(
            vlan=st.sampled_from([0, 1, 4094]),
            model=st.sampled_from(["virtio", "e1000"]),
            link=st.sampled_from(["up", "down"]),
        ),
    ),
    max_size=3,
    unique_by=lambda nic: nic["mac"],
)
CDROMS = st.lists(st.sampled_from(["/iso/one.iso", "/iso/t & <w>.iso"]), max_size=2, unique=True)
GUESTS = some(
    state=st.sampled_from(["present", "stopped"]),
    description=TEXT,
    vcpus=st.integers(1, 4),
    vcpus_max=st.integers(4, 6),
    memory=st.sampled_from(["64 MiB", "1 GiB"]),
    memory_max=st.sampled_from(["1 GiB", "2 GiB"]),
    tpm=st.booleans(),
    boot_order=st.lists(st.sampled_from(["disk", "cdrom", "network"]), min_size=1, max_size=3, unique=True),
    disks=DISKS,
    nics=NICS,
    cdroms=CDROMS.map(lambda media: [{"source": medium} for medium in media]),
    cloud_init=st.fixed_dictionaries({"user_data": st.fixed_dictionaries({"a": TEXT})}),
    autostart=st.sampled_from([True, False, {"order": 3}, {"order": 1, "delay": 5}]),
    kvm=some(
        type=st.sampled_from(["kvm", "qemu"]),
        cpu_mode=st.sampled_from(["host-model", "maximum"]),
        graphics=st.sampled_from(["none", "vnc", "spice"]),
    ),
)
FIRMWARE = st.sampled_from([{}, {"firmware": "bios"}, {"firmware": "uefi"}, {"firmware": "uefi", "secure_boot": True}])


def run(driver: PaperDriver, options: dict[str, Any], check: bool = False) -> Outcome[Guest]:
    (outcome,) = converge(driver, parse_wishes({"name": "web1", **options}, "kvm", OWN), check)
    return outcome


def assert_holds(driver: PaperDriver, options: dict[str, Any]) -> None:
    """What was written is what is read, and a second run has nothing to do."""
    (wish,) = parse_wishes({"name": "web1", **options}, "kvm", OWN)
    found = driver.read(None)["web1"]
    assert mismatches(wish.item, found) == []
    before = dict(driver.texts)
    again = run(driver, options)
    assert (again.error, again.changes) == ("", ())
    assert driver.texts == before


@EXAMPLES
@given(options=GUESTS, firmware=FIRMWARE)
def test_a_new_guest_is_read_back_as_it_was_written(options: dict[str, Any], firmware: dict[str, Any]) -> None:
    driver = PaperDriver()
    wish = {**options, **firmware}
    assert run(driver, wish).error == ""
    assert_holds(driver, wish)


@EXAMPLES
@given(first=GUESTS, second=GUESTS, firmware=FIRMWARE, delete=st.booleans())
def test_any_guest_becomes_any_other_in_one_run(
    first: dict[str, Any], second: dict[str, Any], firmware: dict[str, Any], delete: bool
) -> None:
    driver = PaperDriver()
    assert run(driver, {**first, **firmware}).error == ""
    before = dict(driver.texts)
    wish = {**second, "delete_disks": delete}
    told = run(driver, wish, check=True)
    assert driver.texts == before
    done = run(driver, wish)
    assert (told.error, told.changes) == (done.error, done.changes)
    if done.error:
        assert driver.texts == before
    else:
        assert_holds(driver, wish)
