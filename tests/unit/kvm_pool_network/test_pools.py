# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""kvm_pool from options to libvirt: what is planned, that a repeat does nothing, and that no data is put at risk.

The module hostforge.hypervisor.kvm_pool is these parts and a main() of a few lines.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import Any

import pytest

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm import pool_driver
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import AbsentError, SpecError
from ansible_collections.hostforge.hypervisor.tests.unit.kvm_pool_network.conftest import Run, verbs
from ansible_collections.hostforge.hypervisor.tests.unit.kvm_pool_network.fake_libvirt import Fake

DIR = {"name": "p", "path": "/srv/p"}
NFS = {"name": "p", "type": "netfs", "path": "/srv/p", "source": {"host": "nas", "dir": "/export"}}
LVM = {"name": "p", "type": "logical", "source": {"name": "vg0"}}


@pytest.mark.parametrize("wish", [DIR, NFS, LVM], ids=["dir", "netfs", "logical"])
def test_create_repeat_stop_start_absent_repeat(pools: Run, libvirt: Fake, wish: dict[str, Any]) -> None:
    assert verbs(pools(wish)[0]) == ["create pool", "start state"]
    assert verbs(pools(wish)[0]) == []
    assert verbs(pools({**wish, "state": "stopped"})[0]) == ["stop state"]
    assert verbs(pools({**wish, "state": "stopped"})[0]) == []
    assert verbs(pools(wish)[0]) == ["start state"]
    assert verbs(pools({"name": "p", "state": "absent"})[0]) == ["stop state", "remove pool"]
    assert verbs(pools({"name": "p", "state": "absent"})[0]) == []
    assert libvirt.pools == {}


def test_only_folders_are_built_as_building_formats_the_others(pools: Run, libvirt: Fake) -> None:
    pools(LVM)
    assert "build p" not in libvirt.writes
    pools({**DIR, "name": "folder"})
    assert "build folder" in libvirt.writes


EDITS = [
    ({"autostart": True}, ["set autostart"]),
    ({"mode": "0750"}, ["stop state", "set mode", "start state"]),
    ({"owner": "root", "group": "kvm"}, ["stop state", "set owner", "set group", "start state"]),
    ({"path": "/srv/q"}, ["stop state", "set path", "start state"]),
    ({"path": "/srv/q", "state": "stopped"}, ["stop state", "set path"]),
]


@pytest.mark.parametrize(("edit", "planned"), EDITS, ids=[str(edit) for edit, _planned in EDITS])
def test_every_edit_is_predicted_made_and_not_repeated(
    pools: Run, libvirt: Fake, edit: dict[str, Any], planned: list[str]
) -> None:
    pools(DIR)
    libvirt.writes.clear()
    wish = {"name": "p", **edit}
    assert verbs(pools(wish, check_mode=True)[0]) == planned
    assert libvirt.writes == []
    done = pools(wish)[0]
    assert (done.error, verbs(done)) == ("", planned)
    assert verbs(pools(wish)[0]) == []


@pytest.mark.parametrize("edit", [{"path": "/srv/q"}, {"source": {"host": "other"}}, {"type": "dir"}])
def test_a_pool_with_volumes_is_not_pointed_elsewhere_unless_it_is_allowed(
    pools: Run, libvirt: Fake, edit: dict[str, Any]
) -> None:
    pools(NFS)
    libvirt.pools["p"].volumes = 3
    libvirt.writes.clear()
    refused = pools({"name": "p", **edit})[0]
    assert "holds 3" in refused.error
    assert "repoint: true" in refused.error
    assert libvirt.writes == []
    assert pools({"name": "p", **edit, "repoint": True})[0].error == ""


def test_a_pool_that_is_off_may_have_volumes(pools: Run) -> None:
    pools({**DIR, "state": "stopped"})
    assert "may hold volumes" in pools({"name": "p", "path": "/srv/q"})[0].error


def test_what_we_do_not_know_survives_an_edit(pools: Run, libvirt: Fake) -> None:
    libvirt.storagePoolDefineXML(
        "<pool type='dir'><name>p</name><uuid>u</uuid><capacity unit='bytes'>9</capacity><features><cow state='no'/>"
        "</features><target><path>/srv/p</path><permissions><mode>0711</mode><label>l</label></permissions></target></pool>",
        0,
    )
    assert pools({"name": "p", "mode": "0755", "autostart": True})[0].error == ""
    root = ET.fromstring(libvirt.pools["p"].stored)
    assert root.find("features/cow") is not None
    assert [root.findtext(f"target/permissions/{tag}") for tag in ("mode", "label")] == ["0755", "l"]
    assert root.findtext("uuid") == "u"


def test_one_key_of_a_source_leaves_the_others_alone(pools: Run) -> None:
    pools(NFS)
    assert pools({"name": "p", "source": {"host": "nas2"}})[0].after.source.dir == "/export"


def test_a_pool_that_was_never_stored_is_stored(pools: Run, libvirt: Fake) -> None:
    pools(DIR)
    libvirt.pools["p"].persistent = False
    assert verbs(pools({"name": "p"})[0]) == ["set persistent"]
    libvirt.pools["p"].persistent = False
    gone = pools({"name": "p", "state": "absent"})[0]
    assert (gone.error, libvirt.pools) == ("", {})


@pytest.mark.parametrize(
    ("wish", "says"),
    [
        ({"name": "new"}, "needs path"),
        ({"name": "new", "type": "netfs", "path": "/x"}, "source.host, source.dir"),
        ({"name": "new", "type": "logical", "source": {"name": "v"}, "mode": "0755"}, "has none"),
        ({"name": "new", **{key: NFS[key] for key in ("type", "path", "source")}, "mode": "0750"}, "is mounted there"),
        ({"name": "mounted", "owner": "64055"}, "is mounted there"),
        ({"name": "p", "owner": "nobodyknows"}, "no user nobodyknows"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_touched(
    pools: Run, libvirt: Fake, wish: dict[str, Any], says: str
) -> None:
    pools(DIR, {**NFS, "name": "mounted"})
    libvirt.writes.clear()
    refused, made = pools(wish, {"name": "other", "path": "/srv/other"})
    assert says in refused.error
    assert (made.error, [write for write in libvirt.writes if "other" not in write]) == ("", [])


@pytest.mark.parametrize("mode", ["755 ", "8", "rwx", "01777"])
def test_permissions_are_octal_digits(pools: Run, mode: str) -> None:
    with pytest.raises(SpecError, match="three octal digits"):
        pools({**DIR, "mode": mode})


def test_half_a_pool_is_not_left_behind(pools: Run, libvirt: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise OSError("no space")

    monkeypatch.setattr(pool_driver, "_make_folder", broken)
    assert "OSError: no space" in pools(DIR)[0].error
    assert libvirt.pools == {}


def test_check_mode_without_libvirt_predicts_that_all_is_made(pools: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(_uri: str) -> None:
        raise AbsentError("no libvirt")

    monkeypatch.setattr(pool_driver, "connect", absent)
    assert verbs(pools({**DIR, "owner": "libvirt-qemu"}, check_mode=True)[0]) == ["create pool", "start state"]
    with pytest.raises(AbsentError):
        pools(DIR)


def test_the_folder_s_real_permissions_count(libvirt: Fake, tmp_path: Any) -> None:
    libvirt.storagePoolDefineXML(f"<pool type='dir'><name>p</name><target><path>{tmp_path}</path></target></pool>", 0)
    tmp_path.chmod(0o701)
    found = pool_driver.PoolDriver("qemu:///system").read(["p"])["p"]
    assert (found.mode, found.owner) == ("701", str(tmp_path.stat().st_uid))
