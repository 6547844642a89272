# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The floor: a bare script that reads the definitions of all guests, stored and running, and nothing more."""

from __future__ import annotations

import sys

import libvirt

domains = libvirt.open(sys.argv[1]).listAllDomains(0)
for domain in domains:
    domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE)
    if domain.isActive():
        domain.XMLDesc(0)
print(len(domains), "read")
