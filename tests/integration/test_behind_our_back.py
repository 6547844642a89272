# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Somebody changes a guest with virsh after a run has read and planned: no data is lost, and nothing is undone unseen.

The other guest of each task is done whatever becomes of the first.
"""

from __future__ import annotations

import os
import shutil
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path
from typing import Any

import libvirt
import pytest

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm import storage
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.driver import KvmDriver
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.traits import OWN
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.change import Change
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.engine import converge
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.module_host import ModuleHost
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.spec import parse_wishes
from ansible_collections.hostforge.hypervisor.tests.integration import foreign
from ansible_collections.hostforge.hypervisor.tests.integration.daemon import POOLS, URI
from ansible_collections.hostforge.hypervisor.tests.integration.private import run
from ansible_collections.hostforge.hypervisor.tests.integration.runs import (
    EMULATED,
    define,
    guest,
    paths,
    stored,
    virsh,
)

FOLDER = POOLS["default"]
ROOT, DATA = (f"{FOLDER}/db1.{name}.qcow2" for name in ("root", "data"))
IMAGE = "/var/lib/hostforge/base.qcow2"
BASE = {"kvm": EMULATED, "memory": "64 MiB", "shutdown_timeout": 0}
DISKS = [{"name": "root", "size": "4 MiB"}, {"name": "data", "size": "2 MiB"}]
DB1: dict[str, Any] = {**BASE, "name": "db1", "disks": DISKS}
WITHOUT_DATA = {**DB1, "disks": DISKS[:1], "delete_disks": True}
GONE = {**BASE, "name": "db1", "state": "absent", "delete_disks": True}
OTHER = {**BASE, "name": "other"}


class Disturbed(KvmDriver):
    """The driver, with somebody who acts when all is planned and nothing is done yet."""

    def __init__(self, meddle: Callable[[], object]) -> None:
        super().__init__(URI, "/var/lib/hostforge/images", "/var/lib/hostforge/seeds", ModuleHost())
        self._meddle = meddle

    def apply(self, change: Change) -> None:
        if change.name == "db1":
            self._meddle()
            self._meddle = lambda: None
        super().apply(change)


def meddled(meddle: Callable[[], object], wish: dict[str, Any]) -> str:
    """Run a task of db1 and another guest with somebody acting in between; the error of db1, empty when it is well."""
    wishes = [one for options in (wish, OTHER) for one in parse_wishes(options, "kvm", OWN)]
    first, second = converge(Disturbed(meddle), wishes, check_mode=False)
    assert second.error == ""
    assert "other" in virsh("list", "--all", "--name").split()
    return first.error


@pytest.fixture
def db1(kvm: libvirt.virConnect) -> libvirt.virDomain:
    guest(**DB1)
    return kvm.lookupByName("db1")


def edit(change: Callable[[ET.Element], object], name: str = "db1") -> None:
    """What virsh edit does."""
    root = stored(name)
    change(root)
    define(root)


def test_the_guest_is_gone(db1: libvirt.virDomain) -> None:
    for wish in ({**DB1, "description": "new"}, WITHOUT_DATA, GONE, {**DB1, "state": "running"}):
        assert "Domain not found" in meddled(lambda: virsh("undefine", "db1"), wish)
        assert os.path.exists(ROOT)
        assert os.path.exists(DATA)
        guest(**DB1)


def test_the_guest_has_another_name(db1: libvirt.virDomain) -> None:
    for wish in ({**DB1, "description": "new"}, WITHOUT_DATA, GONE):
        assert "Domain not found" in meddled(lambda: virsh("domrename", "db1", "db9"), wish)
        assert paths(stored("db9")) == [ROOT, DATA]
        assert os.path.exists(DATA)
        virsh("domrename", "db9", "db1")


def test_the_guest_was_replaced_by_another_of_its_name(db1: libvirt.virDomain) -> None:
    """Its ledger went with it, and so nothing of it is known to be ours."""
    theirs = foreign.make_disk(f"{FOLDER}/theirs.qcow2", "qcow2")

    def replace() -> None:
        virsh("undefine", "db1")
        define(ET.fromstring(foreign.GUEST.format(name="db1", path=theirs, format="qcow2")))

    assert "is not deleted: this collection did not make it" in meddled(replace, GONE)
    assert all(os.path.exists(path) for path in (theirs, ROOT, DATA))
    assert paths(stored("db1")) == [theirs]


def test_another_property_was_changed(db1: libvirt.virDomain) -> None:
    assert meddled(lambda: virsh("setvcpus", "db1", "3", "--config", "--maximum"), {**DB1, "description": "new"}) == ""
    root = stored("db1")
    assert (root.findtext("vcpu"), root.findtext("description")) == ("3", "new")


def test_the_same_property_was_changed(db1: libvirt.virDomain) -> None:
    assert meddled(lambda: virsh("desc", "db1", "--config", "theirs"), {**DB1, "description": "ours"}) == ""
    assert stored("db1").findtext("description") == "ours"


def test_a_disk_was_attached(db1: libvirt.virDomain) -> None:
    theirs = foreign.make_disk(f"{FOLDER}/theirs.qcow2", "qcow2")

    def attach() -> None:
        virsh("attach-disk", "db1", theirs, "vdz", "--subdriver", "qcow2", "--config")

    # It is not in the wish, and nobody has said that it should go: that is for the next run to say.
    assert "did not keep what was set" in meddled(attach, WITHOUT_DATA)
    assert paths(stored("db1")) == [ROOT, theirs]
    assert os.path.exists(theirs)


@pytest.mark.parametrize("wish", [WITHOUT_DATA, GONE], ids=["detached", "removed"])
def test_our_disk_was_given_to_another_guest(db1: libvirt.virDomain, wish: dict[str, Any]) -> None:
    def give() -> None:
        define(ET.fromstring(foreign.GUEST.format(name="taker", path=DATA, format="qcow2")))

    assert f"{DATA} is not deleted: it is used by taker" in meddled(give, wish)
    assert os.path.exists(DATA)
    # Now it is known from the beginning, and the rest is done.
    guest(**wish)
    assert os.path.exists(DATA)


def test_a_disk_lost_its_data(db1: libvirt.virDomain) -> None:
    grown = {**DB1, "disks": [DISKS[0], {"name": "data", "size": "8 MiB"}]}
    assert DATA in meddled(lambda: virsh("vol-delete", DATA), grown)
    assert not os.path.exists(DATA)
    assert DATA in meddled(lambda: None, {**DB1, "state": "running"})


def test_the_guest_was_started(db1: libvirt.virDomain) -> None:
    assert f"{DATA} is not deleted: the guest is running on it" in meddled(lambda: virsh("start", "db1"), WITHOUT_DATA)
    assert os.path.exists(DATA)
    virsh("destroy", "db1")
    assert meddled(lambda: virsh("start", "db1"), {**DB1, "description": "new"}) != ""
    assert stored("db1").findtext("description") == "new"


def test_the_guest_was_stopped(db1: libvirt.virDomain) -> None:
    virsh("start", "db1")
    error = meddled(lambda: virsh("destroy", "db1"), {**DB1, "state": "running", "description": "new"})
    assert "did not keep what was set: start state" in error
    virsh("start", "db1")
    assert meddled(lambda: virsh("destroy", "db1"), {**DB1, "state": "stopped"}) == ""


def test_somebody_makes_a_guest_of_that_name(kvm: libvirt.virConnect) -> None:
    theirs = foreign.make_disk(f"{FOLDER}/theirs.qcow2", "qcow2")

    def make() -> None:
        define(ET.fromstring(foreign.GUEST.format(name="db1", path=theirs, format="qcow2")))

    assert "already exists" in meddled(make, DB1)
    assert paths(stored("db1")) == [theirs]
    assert os.listdir(FOLDER) == ["theirs.qcow2"]


@pytest.mark.parametrize("image", [None, {"source": IMAGE}, {"source": IMAGE, "copy": "full"}])
@pytest.mark.parametrize("there", [True, False], ids=["in a guest that is there", "in a new guest"])
def test_somebody_puts_a_file_where_a_disk_is_to_be(
    kvm: libvirt.virConnect, monkeypatch: pytest.MonkeyPatch, image: dict[str, Any] | None, there: bool
) -> None:
    """While the image is fetched, which may take minutes."""
    run("qemu-img", "create", "-q", "-f", "qcow2", IMAGE, "1M")
    theirs = foreign.make_disk("/var/lib/hostforge/theirs.qcow2", "qcow2")
    content = Path(theirs).read_bytes()
    if there:
        guest(**{**DB1, "disks": []})
    real = storage.Storage.make

    def make(self: storage.Storage, *given: Any) -> None:
        shutil.copy(theirs, ROOT)
        real(self, *given)

    monkeypatch.setattr(storage.Storage, "make", make)
    wish = {**DB1, "disks": [{"name": "root", "size": "64 MiB", **({"image": image} if image else {})}]}
    assert f"{ROOT} came into being meanwhile; nothing was replaced" in meddled(lambda: None, wish)
    monkeypatch.undo()
    # It is not ours: the next run takes it, as it does with disks that were kept, and it is never deleted.
    guest(**wish)
    guest(**GONE)
    assert Path(ROOT).read_bytes()[:4] == content[:4]


def test_somebody_edits_a_guest_whose_disks_are_being_made(
    kvm: libvirt.virConnect, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = storage.Storage.make

    def make(self: storage.Storage, *given: Any) -> None:
        virsh("desc", "db1", "--config", "theirs")
        real(self, *given)

    monkeypatch.setattr(storage.Storage, "make", make)
    assert meddled(lambda: None, DB1) == ""
    assert stored("db1").findtext("description") == "theirs"
    assert paths(stored("db1")) == [ROOT, DATA]


GIVEN = "/var/lib/hostforge/given.qcow2"


@pytest.mark.parametrize("there", [True, False], ids=["in a guest that is there", "in a new guest"])
@pytest.mark.parametrize("taken", ["itself", "as a base", "its base"])
def test_somebody_takes_the_data_that_is_to_be_a_disk(kvm: libvirt.virConnect, there: bool, taken: str) -> None:
    base = foreign.make_disk("/var/lib/hostforge/below.qcow2", "qcow2")
    run("qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", base, GIVEN)
    above = f"{FOLDER}/above.qcow2"
    path = {"itself": GIVEN, "as a base": above, "its base": base}[taken]

    def take() -> None:
        if taken == "as a base":
            run("qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", GIVEN, above)
        define(ET.fromstring(foreign.GUEST.format(name="taker", path=path, format="qcow2")))

    if there:
        guest(**{**DB1, "disks": []})
    given = {**DB1, "disks": [{"name": "data", "path": GIVEN, "format": "qcow2"}]}
    says = {"itself": "belongs to taker", "as a base": "other disks are based on", "its base": "which belongs to taker"}
    assert says[taken] in meddled(take, given)
    assert GIVEN not in paths(stored("db1"))
    virsh("undefine", "taker")
    for made in (above, f"{FOLDER}/other.root.qcow2"):
        Path(made).unlink(missing_ok=True)
    guest(**given)
    assert GIVEN in paths(stored("db1"))


def test_somebody_takes_a_disk_that_was_kept(kvm: libvirt.virConnect) -> None:
    guest(**DB1)
    guest(**{**DB1, "disks": DISKS[:1]})
    take = foreign.GUEST.format(name="taker", path=DATA, format="qcow2")
    assert f"{DATA} belongs to taker" in meddled(lambda: define(ET.fromstring(take)), DB1)
    assert paths(stored("db1")) == [ROOT]
