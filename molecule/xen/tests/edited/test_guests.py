# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The guests after their edit, by xl, xenstore and the guests themselves, never by our own modules."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

Told = Callable[..., re.Match[str]]
Running = dict[str, dict[str, Any]]

SECOND_CARD = "00:16:3e:00:00:02"


def test_those_run_that_should(running: Running) -> None:
    assert running.keys() == {"web1", "edit1", "pvh1"}


def test_the_whole_debian_lets_the_host_in_and_is_what_it_was_told(web1: Callable[[str], str]) -> None:
    assert web1("hostname") == "web1"
    assert web1("sudo id -un") == "root"
    assert web1("cat /sys/hypervisor/guest_type") == "PV"
    assert int(web1("lsblk --bytes --nodeps --noheadings --output=SIZE /dev/xvda")) == 3 * 1024**3
    assert 200_000 < int(web1("awk '/MemTotal/ {print $2}' /proc/meminfo")) <= 320 * 1024


def test_the_edited_guest_sees_its_processor_memory_disks_and_card(told: Told) -> None:
    found = told("edit1", rf"TINY cpus=0-1 memory=([0-9]+) disks=xvda:16,xvdb:24, cards=[0-9a-f:]+,{SECOND_CARD},")
    assert 96 < int(found[1]) <= 160


def test_it_has_never_been_started_anew(root: Any) -> None:
    """xl keeps a log of each start."""
    assert [name for name in root.check_output("ls /var/log/xen").split() if "edit1" in name] == ["xl-edit1.log"]


def test_xenstore_and_xl_say_the_same_of_it(root: Any, running: Running) -> None:
    config = running["edit1"]
    assert config["b_info"]["target_memkb"] == 160 * 1024
    assert config["b_info"]["max_vcpus"] == 2
    assert [disk["vdev"] for disk in config["disks"]] == ["xvda", "xvdb"]
    assert config["nics"][1]["mac"] == SECOND_CARD
    lines = root.check_output("xenstore-ls -f /local/domain/$(xl domid edit1)").splitlines()
    stored = {
        path.split("/", 4)[4]: value.strip('"') for path, _sign, value in (line.partition(" = ") for line in lines)
    }
    assert stored["memory/target"] == str(160 * 1024)
    assert stored["cpu/1/availability"] == "online"
    assert stored["device/vif/1/mac"] == SECOND_CARD
    disks = [path for path in stored if re.fullmatch("device/vbd/[0-9]+", path)]
    # 4: the guest and the host are connected.
    assert [stored[f"{disk}/state"] for disk in disks] == ["4", "4"]


def test_its_file_says_so_too_as_xl_reads_it(root: Any) -> None:
    config = json.loads(root.check_output("xl create --dryrun --quiet /etc/xen/edit1.cfg"))
    assert config["b_info"]["max_memkb"] == 192 * 1024
    assert config["b_info"]["target_memkb"] == 160 * 1024
    assert config["b_info"]["max_vcpus"] == 2
    assert [disk["vdev"] for disk in config["disks"]] == ["xvda", "xvdb"]
    assert [nic["bridge"] for nic in config["nics"]] == ["xenbr0", "xenbr0"]


def test_its_volume_is_lvm_s(root: Any, running: Running) -> None:
    listed = root.check_output("lvs --noheadings --nosuffix --units m --options lv_name,lv_size,lv_device_open vg0")
    assert listed.split() == ["edit1.logs", "24.00", "open"]
    assert running["edit1"]["disks"][1]["pdev_path"] == "/dev/vg0/edit1.logs"


def test_the_guest_of_type_pvh_runs_with_what_only_xl_knows(told: Told, running: Running) -> None:
    told("pvh1", "TINY cpus=0 ")
    assert running["pvh1"]["c_info"]["type"] == "pvh"
    assert running["pvh1"]["b_info"]["tsc_mode"] == "native"


def test_the_removed_guest_is_gone_with_its_disk_and_the_stopped_one_is_there(root: Any) -> None:
    assert not root.file("/etc/xen/old1.cfg").exists
    assert root.file("/etc/xen/off1.cfg").exists
    names = root.check_output("ls /var/lib/xen/images").split()
    assert [name for name in names if name.startswith("o")] == ["off1.root.raw"]
