# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The guest specification's page says what the code does: its tables are fresh, whole and true."""

from __future__ import annotations

import pytest

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm import (
    define,
    devices,
    edit_devices,
    read,
    storage,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest import plan, report
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.spec import GUEST
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Disk, Guest, Nic
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.traits import Field, Traits
from ansible_collections.hostforge.hypervisor.tests.docs import specification
from ansible_collections.hostforge.hypervisor.tests.runner.environment import CHECKOUT

TEXT = specification.PAGE.read_text()
TABLES = TEXT[TEXT.index(specification.BEGIN) :].splitlines()
CELLS = [line.strip("|").split("|") for line in TABLES if line.startswith("| `")]
ROWS = {cells[0].strip(" `"): [cell.strip() for cell in cells[1:]] for cells in CELLS}


def test_the_tables_are_fresh() -> None:
    assert specification.page(TEXT) == TEXT, "they are stale: run python3 tests/docs/generate.py"


def test_every_option_is_in_a_table() -> None:
    documented = {path for path, _option in specification.flat(specification.fragment("guest"))}
    for sheet in specification.data_sheets():
        documented |= {path for path, _option in specification.flat(specification.own(sheet.hypervisor))}
    assert documented == set(ROWS)
    assert set(GUEST) <= set(ROWS)


@pytest.mark.parametrize("sheet", specification.data_sheets(), ids=lambda sheet: sheet.hypervisor)
def test_every_field_of_the_traits_is_in_a_table(sheet: Traits) -> None:
    told = {specification.field_of(path, sheet.hypervisor) for path in ROWS}
    assert set(sheet.fields) - told == set()


def test_every_default_of_creation_is_told() -> None:
    for name, value in plan.CREATION_DEFAULTS.items():
        if value not in ("", ()):
            assert ROWS[report.spec_name(name)][2].strip("`") == str(report.describe_field(name, value))


def test_a_change_is_told_in_the_words_of_the_traits() -> None:
    traits = Traits("kvm", {"nics.source": Field("hot", note="a note"), "memory_mib": Field("restart")})
    assert specification.change("nics.bridge", traits) == "**hot**: a note"
    assert specification.change("memory", traits) == "**restart**"
    assert specification.change("tpm", traits) == "does not exist"
    assert specification.change("disks.name", traits) == ""


def test_what_belongs_to_a_default_is_no_part_of_the_meaning() -> None:
    option = {"description": ["A card. A new one is V(virtio) where nothing is written."], "type": "str"}
    assert specification.described(option) == ("A card.", "`virtio`")
    assert specification.described({**option, "default": True}) == ("A card.", "`true`")


def test_the_page_of_kvm_tells_what_a_new_guest_gets() -> None:
    wish = Guest("new", disks=(Disk("root", 1024**3, path="/pool/new.root.qcow2"),), nics=(Nic("default"),))
    want = plan.complete(wish)
    definition = define.new_definition(want, define.Plot("x86_64"))
    edit_devices.add_disks(definition, want.name, want.disks or ())
    found = report.describe(read.read_guest(definition, read.Facts()))
    found |= {"disks.bus": found["disks"][0]["bus"], "nics.model": found["nics"][0]["model"]}
    found |= {"disks.pool": storage.DEFAULT_POOL, "disks.format": devices.DEFAULT_FORMAT}
    text = (CHECKOUT / "docs/kvm.md").read_text().partition("## What a new guest gets")[2].partition("\n\n##")[0]
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| `")]
    for options, told in rows:
        value = found.get(options.split(",")[0].strip("`").removeprefix("kvm."), "not set")
        plain = str(value).replace("'", "")
        assert told.split(";")[0].strip("`") == (plain.lower() if isinstance(value, bool) else plain)
    assert {name.strip("`") for options, _told in rows for name in options.split(", ")} >= {
        *(f"kvm.{name}" for name in specification.fragment("kvm")["kvm"]["suboptions"]),
        *("vcpus", "memory", "firmware", "tpm", "autostart", "disks.bus", "nics.model"),
    }
