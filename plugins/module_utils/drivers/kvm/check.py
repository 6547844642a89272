# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What this host can do: looked up before anything is touched, so that a wish fails whole or not at all."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from functools import partial

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm import (
    check_disks,
    check_limits,
    check_own,
    xml,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.abilities import Facts
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.connect import libvirt, libvirt_says
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.power import LOCAL
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest import start_order
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.change import Change
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import HostError, PlanError
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Autostart, Guest, Nic

# A tag on a card of a plain Linux bridge is set up by libvirt from this version on (11.0.0); before, a start fails.
VLAN_ON_BRIDGE = 11_000_000
TPM_FLAGS = 8_009_000
BRIDGES = "/sys/class/net"
NO_ORDER = start_order.is_not_kept("kvm", "order and delay take", "write autostart: true")

Question = Callable[[], None]


def check(change: Change, want: Guest, facts: Facts) -> Iterator[PlanError]:
    """Yield every reason why this host cannot make a change."""
    for look in _looks(change, want, facts):
        try:
            look()
        except PlanError as error:
            yield error
        except HostError as error:
            yield PlanError(str(error))


def _looks(change: Change, want: Guest, facts: Facts) -> Iterator[Question]:
    """What there is to look at for a change: each on its own, so that one refusal hides no other."""
    subject = (change.verb, change.field)
    yield from check_own.looks(change, want, facts)
    yield from check_limits.looks(change, want, facts)
    if subject == ("remove", "guest") and not change.delete:
        yield partial(_check_removable, change.name, facts)
    elif subject == ("create", "guest"):
        yield from _new(change.after, want, facts)
    elif subject == ("set", "autostart"):
        yield partial(_check_order, change.after, facts)
    elif change.field.startswith("disks"):
        yield from check_disks.looks(change, facts)
    elif change.verb in ("add", "set") and change.field.startswith("nics"):
        yield from _card(change, want, facts)
    elif change.verb in ("add", "set") and change.field.startswith("cdroms"):
        yield partial(_check_medium, getattr(change.after, "source", change.after))


def _card(change: Change, want: Guest, facts: Facts) -> Iterator[Question]:
    if change.field == "nics":
        yield partial(_check_nic, change.after, want, facts)
    elif change.field == "nics.source":
        yield partial(_check_nic, Nic(*change.after), want, facts)
    for nic in want.nics or ():
        yield partial(_check_vlan, nic, want, facts)


def _check_removable(name: str, facts: Facts) -> None:
    """Whatever libvirt keeps for a guest beside its disks would go with its definition, and is data, too."""
    with libvirt_says():
        domain = facts.connection.lookupByName(name)
        saved, snapshots = domain.hasManagedSaveImage(), domain.listAllSnapshots(0)
    if saved:
        raise PlanError("it has saved memory, which would be lost: start it, or say delete_disks")
    if snapshots:
        names = ", ".join(sorted(snapshot.getName() for snapshot in snapshots))
        raise PlanError(f"it has snapshots, which would be lost: {names}; delete them, or say delete_disks")


def _new(new: Guest, want: Guest, facts: Facts) -> Iterator[Question]:
    for look in (_check_uuid, _check_firmware, *check_own.OF_NEW):
        yield partial(look, new, facts)
    for disk in new.disks or ():
        yield from check_disks.looks_new(new, disk, facts)
    for nic in new.nics or ():
        yield partial(_check_nic, nic, want, facts)
    for drive in new.cdroms or ():
        yield partial(_check_medium, drive.source)
    yield partial(_check_order, new.autostart, facts)


def _check_uuid(new: Guest, facts: Facts) -> None:
    """Refuse a uuid that is another guest's: libvirt would take the new definition for that guest's."""
    owner = facts.owners.get(new.uuid) if new.uuid else None
    if owner:
        raise PlanError(f"uuid: {new.uuid} is guest {owner}'s on this host; write another, or leave it out")


def _check_firmware(want: Guest, facts: Facts) -> None:
    values = facts.abilities(want).findall("os/enum[@name='firmware']/value")
    if (want.firmware == "uefi" or want.secure_boot) and "efi" not in {one.text for one in values}:
        raise PlanError("firmware uefi: this host has none; it is in the package ovmf")


def _check_nic(nic: Nic, want: Guest, facts: Facts) -> None:
    if nic.network is not None:
        facts.network(nic.network)
    else:
        _check_bridge(nic.bridge or "")
    _check_vlan(nic, want, facts)


def _check_bridge(name: str) -> None:
    """Refuse what is no bridge. One of Open vSwitch looks like no other device; a card of the host is known."""
    device = os.path.join(BRIDGES, name)
    if not os.path.exists(device):
        raise PlanError(f"there is no bridge {name} on the host")
    plain = os.path.isdir(os.path.join(device, "bridge"))
    if not plain and (name == "lo" or os.path.exists(os.path.join(device, "device"))):
        raise PlanError(f"bridge: {name} is a network card of the host and no bridge")


def _check_vlan(nic: Nic, want: Guest, facts: Facts) -> None:
    """Refuse a tag that libvirt stores, but with which it then does not start the guest."""
    if not nic.vlan or want.state != "running":
        return
    network = None if nic.network is None else facts.network(nic.network)
    if network is None:
        plain = os.path.isdir(os.path.join(BRIDGES, nic.bridge or "", "bridge"))
    else:
        plain = xml.attribute(network, "virtualport", "type") != "openvswitch"
    # A network with addresses of its own has a bridge of libvirt's making, which has no tags in any version.
    own = network is not None and xml.attribute(network, "forward", "mode") != "bridge"
    if plain and (own or facts.connection.getLibVersion() < VLAN_ON_BRIDGE):
        where = f"network {nic.network}" if network is not None else f"Linux bridge {nic.bridge}"
        raise PlanError(
            f"vlan {nic.vlan}: cards on the {where} cannot be tagged, so the guest would not start; use a bridge of "
            "that vlan, Open vSwitch, or a Linux bridge and libvirt 11.0 or later"
        )


def starts_in_order(connection: libvirt.virConnect) -> bool:
    """Whether this host starts guests in their order. Of another host this is taken for granted."""
    return connection.getURI() != LOCAL or os.path.exists(start_order.STARTER)


def _check_order(wanted: Autostart | None, facts: Facts) -> None:
    if wanted is not None and wanted.is_ordered and not starts_in_order(facts.connection):
        raise PlanError(NO_ORDER)


def _check_medium(path: str | None) -> None:
    if path is not None and not os.path.exists(path):
        raise PlanError(f"cdrom: there is no {path} on the host")
    if path is not None and not (os.path.isfile(path) or stat.S_ISBLK(os.stat(path).st_mode)):
        raise PlanError(f"cdrom: {path} is no medium: a medium is a file or a block device")


def has_tpm_flags() -> bool:
    """Whether libvirt lets us say what becomes of a TPM's state (8.9.0)."""
    return libvirt.getVersion() >= TPM_FLAGS
