# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Definitions of guests as libvirt has them, stored and running, with what it does not say of their disks."""

from __future__ import annotations

from xml.etree.ElementTree import Element

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm import snapshot_chain, xml
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.connect import libvirt


def stored_root(domain: libvirt.virDomain, secure: bool = False) -> Element:
    """The definition for the next boot; of a guest that has none, what it runs with, in that form.

    secure: with passwords, as is needed to store it again.
    """
    secrets = libvirt.VIR_DOMAIN_XML_SECURE if secure else 0
    return _with_paths(domain, xml.parse(domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE | secrets)))


def live_root(domain: libvirt.virDomain) -> Element:
    """What a running guest runs with."""
    return _with_paths(domain, xml.parse(domain.XMLDesc(0)))


def roots_of(domain: libvirt.virDomain) -> list[Element]:
    """The stored definition, and what the guest runs with."""
    return [stored_root(domain), *([live_root(domain)] if domain.isActive() else [])]


def roots_if_there(domain: libvirt.virDomain) -> list[Element]:
    """The same; nothing where somebody has removed the guest since it was listed."""
    try:
        return roots_of(domain)
    except libvirt.libvirtError as error:
        if error.get_error_code() != libvirt.VIR_ERR_NO_DOMAIN:
            raise
        return []


def _with_paths(domain: libvirt.virDomain, root: Element) -> Element:
    """Note the path of every disk that is named by its pool and volume; libvirt takes no notice of it."""
    for source in [one.find("source") for one in xml.devices(root, "disk") if one.get("type") == "volume"]:
        if source is None:
            continue
        try:
            pool = domain.connect().storagePoolLookupByName(source.get("pool", ""))
            source.set("file", pool.storageVolLookupByName(source.get("volume", "")).path())
        except libvirt.libvirtError:
            continue  # its pool is off; then nothing is known of it
    return snapshot_chain.note_chains(domain, root)
