# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the host has and can do: each looked up once, and only when it is needed."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from xml.etree.ElementTree import Element

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm import xml
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.claims import Claims, Holders
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.connect import libvirt, libvirt_says
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.look import Look
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.memory import Memory, read_memory
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.storage import Storage
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import PlanError
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Guest


class Facts:
    """What the host has.

    seen: its guests, None as long as nobody has looked. claims, devices: what guests of this run are to have.
    """

    def __init__(self, connection: libvirt.virConnect, seen: Look | None, storage: Storage) -> None:
        self.connection = connection
        self.seen = seen
        self.storage = storage
        self.claims = Claims()
        self.devices = Holders()
        self._networks: dict[str, Element] | None = None
        self._abilities: dict[str, Element] = {}

    def holders(self, option: str, device: str) -> list[str]:
        """The running guests that have a device of the host, but for those of the task that give it up before."""
        found = [] if self.seen is None else self.seen.holders(option, device)
        return [name for name in found if not self.devices.has_left(name, (option, device))]

    def runs(self, want: Guest) -> bool:
        """Whether a guest will be on when its wish has come true."""
        on = self.seen is not None and self.seen.is_running(want.name)
        return want.state == "running" or (want.state == "present" and on)

    def abilities(self, want: Guest) -> Element:
        """What guests of the wished type can have here, in libvirt's words. PlanError when none can run."""
        kind = kind_of(want)
        if kind not in self._abilities:
            try:
                text = self.connection.getDomainCapabilities(None, None, None, kind)
            except libvirt.libvirtError as error:
                hint = "; without acceleration a guest is made with kvm: {type: qemu}" if kind == "kvm" else ""
                said = f"this host cannot run guests of type {kind}: {error.get_error_message()}{hint}"
                raise PlanError(said) from error
            self._abilities[kind] = xml.parse(text)
        return self._abilities[kind]

    def abilities_of(self, name: str) -> Element:
        """What a guest that exists can have here, in libvirt's words."""
        with libvirt_says():
            root = xml.parse(self.connection.lookupByName(name).XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE))
            found = root.find("os/type")
            arch, machine = (None, None) if found is None else (found.get("arch"), found.get("machine"))
            emulator = root.findtext("devices/emulator")
            key = f"{root.get('type')} {emulator} {arch} {machine}"
            if key not in self._abilities:
                text = self.connection.getDomainCapabilities(emulator, arch, machine, root.get("type"))
                self._abilities[key] = xml.parse(text)
            return self._abilities[key]

    @cached_property
    def machines(self) -> list[str]:
        """The machines that this host can make, with their aliases."""
        with libvirt_says("the host's abilities cannot be read"):
            root = xml.parse(self.connection.getCapabilities())
        found = root.findall(f"guest/arch[@name='{self.arch}']//machine")
        return sorted({name for one in found for name in (one.text, one.get("canonical")) if name})

    def complaint(self, definition: str) -> str:
        """What libvirt has against a definition, which is not stored."""
        try:
            self.connection.domainXMLToNative("qemu-argv", definition, 0)
        except libvirt.libvirtError as error:
            return str(error.get_error_message())
        return ""

    @cached_property
    def arch(self) -> str:
        """The host's processor architecture, as libvirt calls it."""
        return self.connection.getInfo()[0]

    @cached_property
    def owners(self) -> Mapping[str, str]:
        """UUID to the name of the guest that has it."""
        with libvirt_says("the guests cannot be read"):
            return {domain.UUIDString(): domain.name() for domain in self.connection.listAllDomains(0)}

    @cached_property
    def macs(self) -> Mapping[str, set[str]]:
        """MAC address to the names of the guests that have a card of it."""
        return {} if self.seen is None else self.seen.macs()

    @cached_property
    def memory(self) -> Memory | None:
        """How much memory one process can get here, where the kernel tells."""
        return read_memory()

    def network(self, name: str) -> Element:
        """A network's definition. PlanError when there is none of that name."""
        if self._networks is None:
            with libvirt_says("the networks cannot be read"):
                roots = [xml.parse(network.XMLDesc(0)) for network in self.connection.listAllNetworks(0)]
            self._networks = {root.findtext("name", ""): root for root in roots}
        if name not in self._networks:
            known = ", ".join(sorted(self._networks)) or "none"
            raise PlanError(f"there is no network {name}; there are: {known}")
        return self._networks[name]


def kind_of(want: Guest) -> str:
    """The type of a guest that is to be made."""
    return str(want.option("type") or "kvm")
