# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The KVM driver on a real libvirt as a subject of the contract. Its guests have no system: their disks are empty."""

from __future__ import annotations

import hashlib
import json
import os
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import libvirt

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.driver import KvmDriver
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.forms import Watchdog
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.traits import TRAITS
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.change import Change
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.module_host import ModuleHost
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.resource import Wish
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Autostart, Guest
from ansible_collections.hostforge.hypervisor.tests.contract.subject import (
    FOREIGN,
    IGNORES,
    POWER,
    START,
    UNKNOWN,
    Subject,
)
from ansible_collections.hostforge.hypervisor.tests.contract.wishes import Place, base_wish, standard_edits
from ansible_collections.hostforge.hypervisor.tests.integration import foreign
from ansible_collections.hostforge.hypervisor.tests.integration.daemon import BRIDGE, POOLS, URI
from ansible_collections.hostforge.hypervisor.tests.integration.private import run

MEDIA = ("/var/lib/hostforge/one.iso", "/var/lib/hostforge/two.iso")
IMAGE = "/var/lib/hostforge/base.qcow2"
GIVEN = "/var/lib/hostforge/theirs.given.qcow2"
FOLDERS = (*POOLS.values(), "/var/lib/hostforge")
PLACE = Place(
    networks=("default", "second"),
    media=MEDIA,
    bridge=BRIDGE,
    pools=tuple(POOLS),
    image=IMAGE,
    given=GIVEN,
    options={
        "machine": ("pc-q35-7.2", "pc-q35-7.1"),
        "cpu_mode": ("maximum", "host-model"),
        "graphics": ("none", "vnc"),
        "watchdog": ("none", Watchdog("i6300esb", "poweroff")),
    },
    disk_options={
        "cache": ("none", "directsync"),
        "discard": ("unmap", "ignore"),
        "io": ("threads", "native"),
        "serial": ("S-1", "S_2.b"),
    },
)
_BOOT = {"hd": "disk", "cdrom": "cdrom", "network": "network"}
NO_SYSTEM = "a guest without a system does not let go of a device; system_subject.py has one with a system"
LIBVIRT_11 = "before libvirt 11.0 no guest with a tagged card on a Linux bridge starts"


class EmulatedKvmDriver(KvmDriver):
    """The driver on a machine without hardware virtualisation: where no type is written, it is qemu."""

    def plan(self, wish: Wish[Guest], have: Guest | None) -> Iterator[Change]:
        for change in super().plan(wish, have):
            if change.verb == "create":
                options = tuple(sorted({"type": "qemu", **dict(change.after.options)}.items()))
                yield replace(change, after=replace(change.after, options=options))
            else:
                yield change


class KvmSubject(Subject):
    """libvirt of the test session."""

    traits = TRAITS
    features = frozenset({START, IGNORES, UNKNOWN, FOREIGN, POWER})
    base = base_wish(PLACE, TRAITS)
    edits = standard_edits(PLACE, TRAITS)
    unsettable: ClassVar[Mapping[str, str]] = {
        **dict.fromkeys(("topology", "cpu_model", "xml"), "tried by test_rows.py, as it goes with other options"),
        **dict.fromkeys(("pci_devices", "usb_devices"), "no device is to be given away: test_passthrough.py"),
        "type": "without hardware virtualisation there is only one",
        "package": "only looked at when a guest is made: test_kvm_packages.py",
        "disks.image": "only looked at when a disk is made",
        "nics.mac": "a card with another address is another card: 'card exchanged'",
    }
    cold_only: ClassVar[Mapping[str, str]] = {
        "disk detached": NO_SYSTEM,
        "disk exchanged": NO_SYSTEM,
        "card removed": NO_SYSTEM,
        "all cards removed": NO_SYSTEM,
        "card exchanged": NO_SYSTEM,
        "card tagged": LIBVIRT_11,
        "card untagged": LIBVIRT_11,
    }
    image = IMAGE
    given = GIVEN
    # None of its guests shuts down when asked, so there is nothing to wait for.
    shutdown_timeout_s = 0
    kind: ClassVar[type[KvmDriver]] = EmulatedKvmDriver
    has_system: ClassVar[bool] = False

    def __init__(self, connection: libvirt.virConnect) -> None:
        self._connection = connection
        for medium in MEDIA:
            Path(medium).write_bytes(b"not really a medium")
        run("qemu-img", "create", "-q", "-f", "qcow2", IMAGE, "16M")
        foreign.make_disk(GIVEN, "qcow2")

    def make_driver(self) -> KvmDriver:
        return self.kind(URI, "/var/lib/hostforge/images", "/var/lib/hostforge/seeds", ModuleHost())

    def clean(self) -> None:
        """Leave a host without guests."""
        clean(self._connection)

    def dump(self) -> Mapping[str, object]:
        found: dict[str, object] = {f"file {path}": hashlib.sha256(path.read_bytes()).hexdigest() for path in _files()}
        for kind in ("networks", "storage pools"):
            things = getattr(self._connection, f"listAll{kind.title().replace(' ', '')}")()
            found[kind] = sorted(thing.XMLDesc(0) for thing in things if kind == "networks")
        for domain in self._connection.listAllDomains():
            stored = domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE | libvirt.VIR_DOMAIN_XML_SECURE)
            running = domain.XMLDesc(0) if domain.isActive() else None
            found[f"guest {domain.name()}"] = (stored, running, domain.ID(), domain.state()[0], domain.autostart())
        return found

    def has_file(self, path: str) -> bool:
        return os.path.exists(path)

    def facts(self, name: str, running: bool = False) -> Mapping[str, object]:
        domain = self._domain(name)
        root = ET.fromstring(domain.XMLDesc(0 if running else libvirt.VIR_DOMAIN_XML_INACTIVE))
        vcpu = root.find("vcpu")
        assert vcpu is not None
        graphics = root.find("devices/graphics")
        found: dict[str, Any] = {
            "description": root.findtext("description", ""),
            "uuid": root.findtext("uuid"),
            "vcpus_max": int(vcpu.text or 0),
            "vcpus": int(vcpu.get("current", vcpu.text or 0)),
            "memory_mib": int(root.findtext("currentMemory", "0")) // 1024,
            "memory_max_mib": int(root.findtext("memory", "0")) // 1024,
            "tpm": root.find("devices/tpm") is not None,
            "boot_order": tuple(_BOOT[one.get("dev", "")] for one in root.findall("os/boot")),
            "autostart": _autostart(domain),
            "cpu_mode": root.find("cpu").get("mode"),  # type: ignore[union-attr]
            "graphics": "none" if graphics is None else graphics.get("type"),
            "machine": root.find("os/type").get("machine"),  # type: ignore[union-attr]
        }
        if running and not self.has_system:
            # Without a balloon driver it has all that it may have, whatever it is told.
            # And libvirt writes host-model out.
            gone = ("memory_mib", "cpu_mode") if found["cpu_mode"] == "custom" else ("memory_mib",)
            found = {key: value for key, value in found.items() if key not in gone}
        paths = [one.get("file", "") for one in root.findall("devices/disk[@device='disk']/source")]
        return {**found, "disks": {path.split(".")[-2]: virtual_size(path) for path in paths}}

    def power(self, name: str) -> object:
        domain = self._domain(name)
        return domain.ID() if domain.isActive() else None

    def obey(self, name: str, obeys: bool) -> None:
        """Without a system a guest never obeys."""

    def add_unknown(self, name: str) -> None:
        foreign.add_unknown(self._connection, name)

    def unknown(self, name: str) -> Mapping[str, object]:
        return foreign.unknown(self._connection, name)

    def add_foreign_guest(self, name: str) -> None:
        foreign.add_guest(self._connection, name, foreign.make_disk("/var/lib/hostforge/elsewhere.img", "raw"))

    def attach_foreign_disk(self, name: str) -> tuple[str, str]:
        path = foreign.make_disk(f"{POOLS['default']}/theirs.qcow2", "qcow2")
        return foreign.attach_disk(self._connection, name, path), path

    def share_disk(self, path: str) -> None:
        foreign.add_guest(self._connection, "sharer", path)

    def lose_file(self, path: str) -> None:
        os.unlink(path)

    def _domain(self, name: str) -> libvirt.virDomain:
        return self._connection.lookupByName(name)


def _autostart(domain: libvirt.virDomain) -> Autostart:
    root = ET.fromstring(domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE))
    noted = root.find("metadata/{urn:hostforge:guest:1}guest/{urn:hostforge:guest:1}autostart")
    # A guest is libvirt's to start, or has a place in an order, never both.
    assert not (domain.autostart() and noted is not None)
    if noted is None:
        return Autostart(bool(domain.autostart()))
    return Autostart(True, int(noted.get("order", "")), int(noted.get("delay", "")))


def virtual_size(path: str) -> int:
    """A disk's capacity in bytes, by qemu-img."""
    info = json.loads(run("qemu-img", "info", "--force-share", "--output=json", path))
    return int(info["virtual-size"])


def clean(connection: libvirt.virConnect) -> None:
    """Leave a host without guests and their files."""
    for domain in connection.listAllDomains():
        stored = domain.isPersistent()
        if domain.isActive():
            domain.destroy()
        if stored:
            domain.undefineFlags(
                libvirt.VIR_DOMAIN_UNDEFINE_NVRAM
                | libvirt.VIR_DOMAIN_UNDEFINE_TPM
                | libvirt.VIR_DOMAIN_UNDEFINE_MANAGED_SAVE
                | libvirt.VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA
            )
    for path in _files():
        path.unlink()
    for pool in connection.listAllStoragePools():
        pool.refresh()


def _files() -> list[Path]:
    return [path for folder in FOLDERS for path in sorted(Path(folder).rglob("*")) if path.is_file()]
