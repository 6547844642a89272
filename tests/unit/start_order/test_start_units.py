# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The units that start guests in their order are spoken of in several places, which must mean the same."""

from __future__ import annotations

import configparser
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.xml import NAMESPACE
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.xen import ledger, places
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.xen.definition import Definition
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.ledger import Ledger
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.start_order import STARTER, UNIT, is_not_kept

ROLES = Path(__file__).resolve().parents[3] / "roles"
HOSTS = sorted(path.parent.parent for path in ROLES.glob(f"*/files/{UNIT}"))
NAMES = yaml.safe_load((ROLES / "host_start_order/vars/main.yml").read_text())


def unit(role: Path) -> dict[str, dict[str, str]]:
    # systemd takes several lines of a key together; of such the last is seen here.
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.read(role / "files" / UNIT)
    return {name: dict(parser[name]) for name in parser.sections()}


def load(path: Path) -> Any:
    return yaml.safe_load(path.read_text())


def test_there_are_such_roles() -> None:
    assert {role.name for role in HOSTS} >= {"kvm_host", "xen_host"}
    assert NAMES["host_start_order__unit"] == UNIT


@pytest.mark.parametrize("role", HOSTS, ids=lambda role: role.name)
def test_the_drivers_look_where_systemd_notes_that_the_unit_is_enabled(role: Path) -> None:
    wanted_by = unit(role)["Install"]["wantedby"].split()
    assert f"/etc/systemd/system/{wanted_by[0]}.wants/{UNIT}" == STARTER
    variable = f"{role.name}_ordered_autostart"
    assert variable in load(role / "defaults/main.yml")
    assert variable in is_not_kept(role.name.removesuffix("_host"), "delay takes", "leave it out")


@pytest.mark.parametrize("role", HOSTS, ids=lambda role: role.name)
def test_the_unit_runs_the_program_that_the_role_installs(role: Path) -> None:
    service = unit(role)["Service"]
    assert service["execstart"] == f"/usr/bin/python3 -B {NAMES['host_start_order__folder']}/start_guests.py"
    assert (service["type"], service["remainafterexit"], service["timeoutstartsec"]) == ("oneshot", "yes", "infinity")
    assert (role / "files/start_guests.py").is_file()


def test_what_xl_leaves_with_a_guest_is_not_ended_with_the_unit() -> None:
    found = unit(ROLES / "xen_host")
    assert found["Service"]["killmode"] == "process"
    assert "xendomains.service" in found["Unit"]["after"].split()
    assert found["Unit"]["partof"] == "xendomains.service"
    assert "xendomains.service" in found["Install"]["wantedby"].split()


def test_the_programs_read_what_the_drivers_write() -> None:
    program = (ROLES / "kvm_host/files/start_guests.py").read_text()
    assert re.findall(r'OWN = "{(.+)}"', program) == [NAMESPACE]
    program = (ROLES / "xen_host/files/start_guests.py").read_text()
    assert f'r"{ledger.LINE.pattern}"' in program
    assert places._SAVE_DIR.pattern in program
    assert f'Path("{places.AUTO}")' in program
    assert f'"{places.SAVED}"' in program
    definition = Definition("")
    ledger.write(definition, Ledger(delay_s=7))
    assert re.findall(r'noted.get\("(.+?)"\)', program) == ["delay"]
    assert '"delay": 7' in definition.text


SETTINGS = """# a remark: XENDOMAINS_AUTO=/etc/xen/auto
XENDOMAINS_RESTORE=true
{}
XENDOMAINS_STOP_MAXWAIT=300
"""


def replaced(task: dict[str, Any], text: str) -> str:
    """What Ansible's replace makes of a text."""
    words = task["ansible.builtin.replace"]
    folder = load(ROLES / "xen_host/vars/main.yml")["xen_host__auto_folder"]
    regexp, new = (words[key].replace("{{ xen_host__auto_folder }}", folder) for key in ("regexp", "replace"))
    return re.sub(regexp, new, text, flags=re.MULTILINE)


@pytest.mark.parametrize(
    ("line", "taken", "given"),
    [
        ("XENDOMAINS_AUTO=/etc/xen/auto", True, True),
        ('XENDOMAINS_AUTO="/etc/xen/auto/"', True, True),
        ("XENDOMAINS_AUTO='/etc/xen/auto' ", True, True),
        ("XENDOMAINS_AUTO=/srv/auto", False, False),
        ("#XENDOMAINS_AUTO=/etc/xen/auto", False, False),
        ("XENDOMAINS_AUTO=/etc/xen/auto2", False, False),
    ],
)
def test_xendomains_gives_its_folder_up_and_gets_it_back(line: str, taken: bool, given: bool) -> None:
    give, take = (one for one in load(ROLES / "xen_host/tasks/start_order.yml") if "ansible.builtin.replace" in one)
    before = SETTINGS.format(line)
    after = replaced(take, before)
    assert after == (SETTINGS.format("XENDOMAINS_AUTO=") if taken else before)
    assert replaced(take, after) == after
    assert replaced(give, after) == (SETTINGS.format("XENDOMAINS_AUTO=/etc/xen/auto") if given else before)
