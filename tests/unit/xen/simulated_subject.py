# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Xen driver on the simulator as a subject of the contract: emulated machines, and guests of type pv."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, ClassVar

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.xen.definition import Definition
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.xen.driver import XenDriver
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.xen.traits import TRAITS
from ansible_collections.hostforge.hypervisor.tests.contract.subject import (
    FOREIGN,
    IGNORES,
    OBEYS,
    POWER,
    START,
    UNKNOWN,
)
from ansible_collections.hostforge.hypervisor.tests.contract.wishes import MIB, Place, base_wish, standard_edits
from ansible_collections.hostforge.hypervisor.tests.unit.xen.simulated_host import SWITCH, SimulatedXenHost
from ansible_collections.hostforge.hypervisor.tests.unit.xen.simulated_xl import to_config
from ansible_collections.hostforge.hypervisor.tests.unit.xen.xen_subject import (
    EMULATED,
    IMAGES,
    UNSETTABLE,
    XenSubject,
    on_bridges,
    paravirtual,
    paravirtual_edits,
    xen_edits,
)

PLACE = Place(
    networks=("xenbr0", "xenbr1"),
    media=("/iso/one.iso", "/iso/two.iso"),
    bridge=SWITCH,
    pools=("default", "fast"),
    image="/elsewhere/base.qcow2",
    given="/elsewhere/given.qcow2",
    models=("netfront", "e1000"),
    options={
        "type": ("hvm", "hvm"),
        "cmdline": ("quiet", "loud 'and' \"more\""),
        "kernel": ("/boot/one", "/boot/two"),
        "ramdisk": ("/boot/first", "/boot/second"),
        "on_crash": ("destroy", "preserve"),
        "on_reboot": ("restart", "destroy"),
        "on_poweroff": ("destroy", "preserve"),
    },
)


class SimulatedSubject(XenSubject):
    """Emulated machines, which have all that there is."""

    traits = TRAITS
    features = frozenset({START, OBEYS, IGNORES, UNKNOWN, FOREIGN, POWER})
    base = on_bridges(base_wish(PLACE, TRAITS))
    edits = tuple(edit for edit in xen_edits(standard_edits(PLACE, TRAITS)) if edit.field != "type")
    image = PLACE.image
    given = PLACE.given
    shutdown_timeout_s = 0

    def __init__(self, host: SimulatedXenHost | None = None) -> None:
        self.host = host or SimulatedXenHost()
        for path in (*PLACE.media, "/boot/one", "/boot/two", "/boot/first", "/boot/second"):
            self.host.files[path] = b"not really one"
        self.host.make_disk(PLACE.image, "qcow2", 16 * MIB)
        self.host.make_disk(PLACE.given, "qcow2", 24 * MIB)

    def make_driver(self) -> XenDriver:
        return XenDriver(self.host, IMAGES, "/var/lib/hostforge/seeds", "/var/lib/hostforge/images")

    def dump(self) -> Mapping[str, object]:
        found: dict[str, object] = {f"file {path}": content for path, content in self.host.files.items()}
        found |= {f"size {path}": size for path, size in self.host.sparse.items()}
        found |= {f"link {path}": target for path, target in self.host.links.items()}
        return {**found, **{f"guest {one.name}": copy.deepcopy(one) for one in self.host.xl.domains}}

    def has_file(self, path: str) -> bool:
        return path in self.host.files

    def text(self, path: str) -> str:
        return self.host.files[path].decode()

    def write(self, path: str, text: str) -> None:
        self.host.files[path] = text.encode()

    def make_disk(self, path: str, kind: str, size_bytes: int) -> None:
        self.host.make_disk(path, kind, size_bytes)

    def capacity(self, path: str) -> int:
        return int(str(self.host.disk_info(path)["virtual-size"]))

    def stored(self, name: str) -> Mapping[str, Any]:
        return to_config(Definition(self.text(f"/etc/xen/{name}.cfg")))

    def running(self, name: str) -> Mapping[str, Any]:
        domain = self.host.xl.find(name)
        assert domain is not None
        assert domain.config is not None
        return domain.config

    def xl(self, *words: str) -> None:
        self.host.xl.run(list(words))

    def links(self) -> Mapping[str, str]:
        return self.host.links

    def power(self, name: str) -> object:
        found = self.host.xl.find(name)
        return None if found is None else found.number

    def obey(self, name: str, obeys: bool) -> None:
        self.host.xl.stubborn.discard(name)
        if not obeys:
            self.host.xl.stubborn.add(name)

    def lose_file(self, path: str) -> None:
        del self.host.files[path]


class ParavirtualSubject(SimulatedSubject):
    """Guests of type pv, which have no firmware and no cdrom drives."""

    base = paravirtual(SimulatedSubject.base)
    edits = paravirtual_edits(SimulatedSubject.edits)
    unsettable: ClassVar[Mapping[str, str]] = {
        **UNSETTABLE,
        **dict.fromkeys(EMULATED, "only emulated machines have one"),
    }
