# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A change of a guest's stored definition and of the running guest."""

from __future__ import annotations

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm import edit, xml
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.connect import libvirt
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.live import LIVE
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.roots import stored_root
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.change import Change
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import LiveError


def change_both(connection: libvirt.virConnect, change: Change) -> None:
    """Change the stored definition, then the running guest: what is stored holds even if the guest refuses."""
    domain = connection.lookupByName(change.name)
    root = stored_root(domain, secure=True)
    before = xml.render(root)
    edit.EDITS[change.verb, change.field](root, change)
    if xml.render(root) != before:
        connection.defineXML(xml.render(root))
    change_live(domain, change)


def change_live(domain: libvirt.virDomain, change: Change) -> None:
    """Change the running guest, where it is to get the change at once. Raises LiveError when it does not take it."""
    if not change.hot or not domain.isActive():
        return
    try:
        LIVE[change.verb, change.field](domain, change)
    except libvirt.libvirtError as error:
        raise LiveError(f"the running guest cannot take it: {error.get_error_message()}") from error
