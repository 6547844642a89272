# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Snapshots of guests that are off, on the real VirtualBox: what the disks hold, and what is refused.

The modules are hostforge.hypervisor.virtualbox_snapshot and hostforge.hypervisor.virtualbox_snapshot_info.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.virtualbox.connection import connect
from ansible_collections.hostforge.hypervisor.tests.integration.runs import module
from ansible_collections.hostforge.hypervisor.tests.roots.virtualbox import host

GUEST: dict[str, Any] = {
    "name": "db1",
    "memory": "256 MiB",
    "description": "front",
    "disks": [{"name": "root", "size": "32 MiB"}, {"name": "data", "size": "16 MiB"}],
    **host.FOLDERS,
}
BACK = {"state": "reverted", "discard_newer": True}

pytestmark = pytest.mark.usefixtures("subject")


@pytest.fixture(autouse=True)
def guest(subject: object) -> None:
    """A guest with two disks."""
    made = module("virtualbox_guest", **GUEST)
    assert not made.get("failed"), made


def attempt(name: str, check: bool = False, **options: Any) -> dict[str, Any]:
    """Run virtualbox_snapshot for the guest, whatever comes of it."""
    return module("virtualbox_snapshot", check, **{"guest": "db1", "name": name, **options})


def snapshot(name: str, **options: Any) -> list[str]:
    """What a check run tells and the run then does: the changes in short."""
    told, done = attempt(name, True, **options), attempt(name, **options)
    assert not told.get("failed"), told
    assert not done.get("failed"), done
    assert told["diff"] == done["diff"]
    assert (told["changed"], done["changed"]) == (bool(actions(told)), bool(actions(done)))
    assert actions(told) == actions(done)
    return actions(done)


def actions(result: dict[str, Any]) -> list[str]:
    """The changes in short."""
    return [f"{one['verb']} {one['field']}" for entry in result["snapshots"] for one in entry["actions"]]


def refused(name: str, **options: Any) -> str:
    """A run that must fail before it changes anything, in check mode too; its message."""
    before = settings()
    said = [attempt(name, check, **options) for check in (True, False)]
    assert [result.get("failed") for result in said] == [True, True], said
    assert said[0]["msg"] == said[1]["msg"]
    assert settings() == before
    return str(said[1]["msg"])


def settings() -> dict[str, str]:
    """All settings files."""
    return {str(path): path.read_text() for path in Path(host.MACHINES).rglob("*.vbox")}


def told() -> list[tuple[str, str | None, bool]]:
    """The snapshots with their parents, and which is the current one, by the other module."""
    found = module("virtualbox_snapshot_info")["snapshots"]
    return [(one["snapshot"], one.get("parent"), one.get("current", False)) for one in found]


def write(text: bytes, name: str = "db1") -> None:
    """Write to the start of the guest's first disk, as the guest would."""
    io = _top(name).openForIO(True, "")
    io.write(0, list(text.ljust(512)))
    io.close()


def content(name: str = "db1") -> bytes:
    """What stands there."""
    io = _top(name).openForIO(False, "")
    try:
        return bytes(io.read(0, 512)).rstrip()
    finally:
        io.close()


def _top(name: str) -> Any:
    api = connect()
    attached = api.list_of(api.find(name), "mediumAttachments")
    return next(one.medium for one in attached if one.type == api.number("DeviceType", "HardDisk") and one.port == 0)


def guest_again() -> list[str]:
    """What a run of the guest's own module changes."""
    result = module("virtualbox_guest", **GUEST)
    assert not result.get("failed"), result
    return [f"{one['verb']} {one['field']}" for one in result["guests"][0]["actions"]]


def test_one_is_taken_described_reverted_to_and_deleted() -> None:
    write(b"first")
    assert snapshot("s1", description=" Debian 12 ") == ["create snapshot"]
    assert snapshot("s1") == []
    assert snapshot("s1", description="Debian 13") == ["set description"]
    assert module("virtualbox_snapshot_info", guests=["db1"])["snapshots"][0]["description"] == "Debian 13"
    write(b"second")
    assert "discard_newer" in refused("s1", state="reverted")
    assert content() == b"second"
    assert snapshot("s1", **BACK) == ["revert content"]
    assert content() == b"first"
    write(b"third")
    assert snapshot("s1", state="absent") == ["remove snapshot"]
    assert snapshot("s1", state="absent") == []
    assert content() == b"third"
    assert told() == []
    assert guest_again() == []
    assert sorted(os.listdir(host.DISKS)) == ["db1.data.vdi", "db1.root.vdi", "fast"]
    assert list(Path(host.MACHINES).rglob("*.vdi")) == []


def test_one_in_the_midst_goes_without_a_loss() -> None:
    for name in ("s1", "s2", "s3"):
        write(name.encode())
        snapshot(name)
    write(b"now")
    assert told() == [("s1", None, False), ("s2", "s1", False), ("s3", "s2", True)]
    assert snapshot("s2", state="absent") == ["remove snapshot"]
    assert content() == b"now"
    assert snapshot("s3", **BACK) == ["revert content"]
    assert content() == b"s3"
    assert snapshot("s1", **BACK) == ["revert content"]
    assert content() == b"s1"


def test_branches_go_from_their_ends() -> None:
    for name in ("s1", "s2"):
        snapshot(name)
    snapshot("s1", **BACK)
    assert "go on from: delete s2 first" in refused("s1", state="absent")
    snapshot("s3")
    assert "delete s2, s3 first" in refused("s1", state="absent")
    together = [{"guest": "db1", "name": name} for name in ("s1", "s2", "s3")]
    write(b"now")
    result = module("virtualbox_snapshot", state="absent", snapshots=together)
    assert not result.get("failed"), result
    assert actions(result) == ["remove snapshot"] * 3
    assert (told(), content()) == ([], b"now")


def test_settings_come_back_and_what_was_made_stays_ours() -> None:
    snapshot("s1")
    larger = {**GUEST, "memory": "512 MiB", "disks": [*GUEST["disks"], {"name": "logs", "size": "8 MiB"}]}
    assert not module("virtualbox_guest", **larger).get("failed")
    snapshot("s1", **BACK)
    assert guest_again() == []
    again = module("virtualbox_guest", **larger)
    assert not again.get("failed"), again
    assert [f"{one['verb']} {one['field']}" for one in again["guests"][0]["actions"]] == ["set memory", "add disks"]
    assert {disk["name"]: disk.get("owned") for disk in again["guests"][0]["guest"]["disks"]}["logs"] is True


def test_names_that_are_there_twice_are_told_apart_by_the_user() -> None:
    api = connect()
    for _number in range(2):
        with api.session(api.find("db1")) as session:
            progress, _uuid = session.machine.takeSnapshot("twice", 'x"\nCurrentSnapshotName="evil"', True)
            api.wait(progress, "snapshot")
    found = module("virtualbox_snapshot_info")["snapshots"]
    assert [one["snapshot"] for one in found] == ["twice", "twice"]
    assert len({one["uuid"] for one in found}) == 2
    for options in ({}, BACK, {"state": "absent"}):
        assert "2 snapshots of that name" in refused("twice", **options)


def test_what_a_linked_clone_stands_on_stays() -> None:
    write(b"first")
    snapshot("s1")
    clone("db1", "s1", "clone")
    assert "clone stands on its disks" in refused("s1", state="absent")
    write(b"second")
    assert snapshot("s1", **BACK) == ["revert content"]
    assert content("clone") == b"first"


def clone(name: str, base: str, new: str) -> None:
    """Make a linked clone, as an administrator would."""
    api = connect()
    source = api.find(name).findSnapshot(base).machine
    platform = api.number("PlatformArchitecture", "x86")
    made = api.box.createMachine("", new, platform, [], "Other", "", "", "", "")
    link = [api.number("CloneOptions", "Link")]
    api.wait(source.cloneTo(made, api.number("CloneMode", "MachineState"), link), "clone")
    api.box.registerMachine(made)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"guest": "nobody"}, "there is no guest nobody"),
        ({"memory": True}, "is off, and has no memory"),
        ({"name": "a b"}, "are allowed"),
        ({"name": 'a"\nb'}, "are allowed"),
        ({"state": "reverted"}, "has no snapshot s1; it has: none"),
        ({"description": "bell \a"}, "control characters"),
    ],
)
def test_what_cannot_be_is_refused(options: dict[str, Any], says: str) -> None:
    assert says in refused(options.pop("name", "s1"), **options)


def test_descriptions_come_back_as_they_were_written() -> None:
    odd = 'Name: evil\nCurrentSnapshotName="evil" <&> \\ \u00e9 \U0001f600'
    snapshot("s1", description=odd)
    assert snapshot("s1", description=odd) == []
    assert [one["description"] for one in module("virtualbox_snapshot_info")["snapshots"]] == [odd]
