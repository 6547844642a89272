# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stories of one guest: what there was, what was to become of it; and a host that can be put back to where it was."""

from __future__ import annotations

import shutil
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import libvirt

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm import ledger
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.driver import KvmDriver
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.traits import OWN
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.engine import converge
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.module_host import ModuleHost
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.packaged import Packaged
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.resource import Outcome
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.spec import parse_wishes
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Guest
from ansible_collections.hostforge.hypervisor.tests.integration.daemon import POOLS, URI
from ansible_collections.hostforge.hypervisor.tests.integration.kvm_subject import clean
from ansible_collections.hostforge.hypervisor.tests.integration.packages import write_package
from ansible_collections.hostforge.hypervisor.tests.integration.private import run
from ansible_collections.hostforge.hypervisor.tests.integration.runs import EMULATED

INACTIVE = libvirt.VIR_DOMAIN_XML_INACTIVE | libvirt.VIR_DOMAIN_XML_SECURE
STATE = Path("/var/lib/hostforge")
FOLDERS = (Path(POOLS["default"]), Path(POOLS["fast"]), STATE / "images", STATE / "seeds")
ASIDE = Path("/run/aside")
SOURCE = "/run/base.qcow2"
KEPT = Path(POOLS["default"]) / "db1.kept.qcow2"
IMAGE = {"source": SOURCE}
MACS = ["52:54:00:00:00:01", "52:54:00:00:00:02"]
ROOT = {"name": "root", "size": "4 MiB", "image": {**IMAGE, "copy": "full"}}
THIN = {"name": "thin", "size": "4 MiB", "image": IMAGE, "pool": "fast"}
DATA = {"name": "data", "size": "2 MiB"}
MORE = {"name": "more", "size": "4 MiB", "image": {**IMAGE, "copy": "full"}, "pool": "fast"}
BASE: dict[str, Any] = {"name": "db1", "kvm": EMULATED, "memory": "64 MiB", "shutdown_timeout": 0}
WHOLE: dict[str, Any] = {
    **BASE,
    "disks": [ROOT, THIN, DATA, {"name": "kept", "size": "2 MiB"}],
    "cdroms": [{"source": SOURCE}],
    "nics": [{"network": "default", "mac": MACS[0]}, {"network": "second", "mac": MACS[1]}],
    "cloud_init": {"user_data": {"hostname": "db1"}, "network_config": {"version": 2}},
    "autostart": {"order": 1, "delay": 2},
}
OVA = "/run/web.ova"
PACKED = {**BASE, "package": {"source": OVA}, "disks": [DATA, {"name": "logs", "pool": "fast"}], "nics": WHOLE["nics"]}
SMALL = {**BASE, "disks": [DATA], "nics": WHOLE["nics"][:1]}
UP = {**SMALL, "state": "running"}
GONE = {"name": "db1", "state": "absent", "restart": "force", "shutdown_timeout": 0}


@dataclass(frozen=True)
class Story:
    """What there was and what was to become of it."""

    before: Mapping[str, Any] | None
    after: Mapping[str, Any]


STORIES = {
    "create": Story(None, WHOLE),
    "create and start": Story(None, UP),
    "create from a package": Story(None, {**PACKED, "state": "running"}),
    "add": Story(SMALL, {**WHOLE, "description": "new", "vcpus": 2, "memory": "96 MiB"}),
    "remove": Story(WHOLE, {**SMALL, "cdroms": [], "delete_disks": True, "autostart": False}),
    "detach": Story(WHOLE, {**SMALL, "cdroms": [{}]}),
    "exchange": Story(
        WHOLE,
        {
            **WHOLE,
            "disks": [{**ROOT, "size": "8 MiB"}, {**THIN, "bus": "sata"}, MORE],
            "nics": [{"network": "second", "mac": MACS[0], "model": "e1000"}],
            "cloud_init": {"user_data": {"hostname": "another"}},
            "delete_disks": True,
        },
    ),
    "change while running": Story(
        UP,
        {
            **UP,
            "description": "new",
            "disks": [{**DATA, "size": "8 MiB"}, {"name": "more", "size": "2 MiB"}],
            "nics": WHOLE["nics"],
            "vcpus": 2,
            "restart": "force",
        },
    ),
    "stop": Story(UP, {**SMALL, "state": "stopped", "restart": "force", "disks": [], "delete_disks": True}),
    "forget": Story(WHOLE, GONE),
    "delete": Story({**WHOLE, "state": "running"}, {**GONE, "delete_disks": True}),
}


def attempted(wish: Mapping[str, Any], driver: KvmDriver | None = None) -> Outcome[Guest]:
    """A run with a connection of its own, alone on the host as a module is, whatever comes of it."""
    host = ModuleHost()
    driver = driver or KvmDriver(URI, str(STATE / "images"), str(STATE / "seeds"), host)
    (outcome,) = converge(Packaged(driver, host), parse_wishes(wish, "kvm", OWN), False, lambda: host.lock("kvm", 0))
    return outcome


def converged(wish: Mapping[str, Any]) -> Outcome[Guest]:
    """A run that must not fail."""
    outcome = attempted(wish)
    assert not outcome.error, outcome.error
    return outcome


def aside(folder: Path) -> Path:
    return ASIDE / str(folder).replace("/", "-")


class Place:
    """The host, that is put back to how it was before each kill."""

    def __init__(self, connection: libvirt.virConnect, story: Story) -> None:
        self.connection = connection
        self._story = story
        run("qemu-img", "create", "-q", "-f", "qcow2", SOURCE, "2M")
        run("qemu-io", "-f", "qcow2", "-c", "write -q -P 0x5a 0 1M", SOURCE)
        run("qemu-img", "create", "-q", "-f", "qcow2", str(KEPT), "1M")
        write_package(OVA)
        if story.before is not None:
            converged({**story.before, "state": "stopped"})
        self._definitions = [domain.XMLDesc(INACTIVE) for domain in connection.listAllDomains()]
        self._autostart = [domain.autostart() for domain in connection.listAllDomains()]
        shutil.rmtree(ASIDE, ignore_errors=True)
        for folder in FOLDERS:
            folder.mkdir(parents=True, exist_ok=True)
            shutil.copytree(folder, aside(folder))

    def restore(self) -> None:
        """Make the host what it was."""
        clean(self.connection)
        for folder in FOLDERS:
            shutil.rmtree(folder)
            shutil.copytree(aside(folder), folder)
        for pool in self.connection.listAllStoragePools():
            pool.refresh()
        for definition, autostart in zip(self._definitions, self._autostart, strict=True):
            domain = self.connection.defineXML(definition)
            domain.setAutostart(autostart)
            if (self._story.before or {}).get("state") == "running":
                domain.create()

    def look(self) -> dict[str, Any]:
        """All that counts: the guest, what is noted of it, every file, and what was in the disk that was there."""
        found = KvmDriver(URI, "", "", ModuleHost()).read(None)
        roots = {domain.name(): ET.fromstring(domain.XMLDesc(INACTIVE)) for domain in self.connection.listAllDomains()}
        return {
            "guests": {name: tidy(guest) for name, guest in found.items()},
            "notes": {name: sorted(map(str, ledger.entries(root))) for name, root in roots.items()},
            "seeds": {name: ledger.seed_path(root) for name, root in roots.items()},
            "files": sorted(str(path) for folder in FOLDERS for path in folder.rglob("*")),
            "pools": {pool.name(): sorted(pool.listVolumes()) for pool in self.connection.listAllStoragePools()},
        }


def tidy(guest: Guest) -> Guest:
    """A guest without what is another at each creation."""
    live = None if guest.live is None else tidy(guest.live)
    return replace(guest, uuid=None, live=live)
