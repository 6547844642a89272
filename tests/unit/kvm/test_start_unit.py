# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The unit that starts guests in their order is spoken of in several places, which must mean the same."""

from __future__ import annotations

import configparser
import re
from pathlib import Path

import yaml

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.check import NO_ORDER, STARTER
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.xml import NAMESPACE

ROLE = Path(__file__).resolve().parents[3] / "roles/kvm_host"
NAMES = yaml.safe_load((ROLE / "vars/main.yml").read_text())


def unit() -> configparser.ConfigParser:
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.read(ROLE / "files" / NAMES["kvm_host__start_unit"])
    return parser


def test_the_driver_looks_where_systemd_notes_that_the_unit_is_enabled() -> None:
    wanted_by = unit()["Install"]["WantedBy"]
    assert f"/etc/systemd/system/{wanted_by}.wants/{NAMES['kvm_host__start_unit']}" == STARTER
    assert NAMES["kvm_host__start_unit"] in NO_ORDER
    assert "kvm_host_ordered_autostart" in NO_ORDER
    assert "kvm_host_ordered_autostart" in yaml.safe_load((ROLE / "defaults/main.yml").read_text())


def test_the_unit_runs_the_program_that_the_role_installs() -> None:
    assert unit()["Service"]["ExecStart"] == f"/usr/bin/python3 {NAMES['kvm_host__start_program']}"
    assert unit()["Service"]["TimeoutStartSec"] == "infinity"


def test_the_program_reads_what_the_driver_writes() -> None:
    program = (ROLE / "files/start_guests.py").read_text()
    assert re.findall(r'OWN = "{(.+)}"', program) == [NAMESPACE]
