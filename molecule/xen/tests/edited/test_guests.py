# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The guests after their edit, by xl, xenstore and the guests themselves, never by our own modules."""

from __future__ import annotations

import json
import re
import time
from typing import Any

import pytest

LOGIN = "ssh -i .ssh/guest -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null alice@10.0.2.50"


@pytest.fixture
def root(host: Any) -> Any:
    """The host as root sees it."""
    with host.sudo():
        yield host


def running(root: Any) -> dict[str, dict[str, Any]]:
    """What each running guest runs with, by its name."""
    found = json.loads(root.check_output("xl list -l"))
    return {one["config"]["c_info"]["name"]: one["config"] for one in found if one["domid"] != 0}


def told(root: Any, name: str, wanted: str, seconds: float = 120) -> str:
    """The first line of a guest's console that has all that is wanted."""
    limit = time.monotonic() + seconds
    while True:
        lines = root.check_output(f"tail -n 3 /var/log/xen/console/guest-{name}.log").splitlines()
        for line in lines:
            if re.search(wanted, line):
                return line
        assert time.monotonic() < limit, f"{name} tells {lines}"
        time.sleep(3)


def parsed(root: Any, name: str) -> dict[str, Any]:
    """A guest's file as xl reads it."""
    found: dict[str, Any] = json.loads(root.check_output(f"xl create --dryrun /etc/xen/{name}.cfg"))
    return found


def test_those_run_that_should(root: Any) -> None:
    assert running(root).keys() == {"web1", "edit1", "pvh1"}


def test_the_whole_debian_lets_the_host_in_and_is_what_it_was_told(host: Any) -> None:
    limit = time.monotonic() + 600
    while host.run(f"{LOGIN} true").rc != 0:
        assert time.monotonic() < limit
        time.sleep(5)
    assert host.check_output(f"{LOGIN} hostname") == "web1"
    assert host.check_output(f"{LOGIN} cat /sys/hypervisor/guest_type") == "PV"
    size = int(host.check_output(f"{LOGIN} lsblk --bytes --nodeps --noheadings --output=SIZE /dev/xvda"))
    assert size == 3 * 1024**3


def test_the_edited_guest_sees_its_memory_disk_and_card(root: Any) -> None:
    line = told(root, "edit1", r"xvda,xvdb,.*eth0,eth1,")
    found = re.search(r"memory=([0-9]+)", line)
    assert found
    assert int(found[1]) > 96


def test_xenstore_and_xl_say_the_same_of_it(root: Any) -> None:
    config = running(root)["edit1"]
    assert config["b_info"]["target_memkb"] == 160 * 1024
    assert config["b_info"]["max_vcpus"] == 2
    assert [disk["vdev"] for disk in config["disks"]] == ["xvda", "xvdb"]
    assert config["nics"][1]["mac"] == "00:16:3e:00:00:02"
    number = root.check_output("xl domid edit1")
    assert root.check_output(f"xenstore-read /local/domain/{number}/memory/target") == str(160 * 1024)
    # A kernel is told of a processor; udev, which this guest has not, would start it.
    assert root.check_output(f"xenstore-read /local/domain/{number}/cpu/1/availability") == "online"
    for device in ("vbd", "vif"):
        assert len(root.check_output(f"xenstore-list /local/domain/{number}/device/{device}").splitlines()) == 2


def test_its_file_says_so_too_as_xl_reads_it(root: Any) -> None:
    config = parsed(root, "edit1")
    assert config["b_info"]["max_memkb"] == 192 * 1024
    assert config["b_info"]["target_memkb"] == 160 * 1024
    assert config["b_info"]["max_vcpus"] == 2
    assert [disk["vdev"] for disk in config["disks"]] == ["xvda", "xvdb"]
    assert [nic["bridge"] for nic in config["nics"]] == ["xenbr0", "xenbr0"]


def test_the_guest_of_type_pvh_runs_with_what_only_xl_knows(root: Any) -> None:
    told(root, "pvh1", r"TINY cpus=1", 300)
    config = running(root)["pvh1"]
    assert config["c_info"]["type"] == "pvh"
    assert config["b_info"]["tsc_mode"] == "native"


def test_the_removed_guest_is_gone_with_its_disk_and_the_stopped_one_is_there(root: Any) -> None:
    assert not root.file("/etc/xen/old1.cfg").exists
    assert root.check_output("find /var/lib/xen/images -name 'old1*'") == ""
    assert root.file("/etc/xen/off1.cfg").exists
    assert root.check_output("find /var/lib/xen/images -name 'off1*'") != ""
