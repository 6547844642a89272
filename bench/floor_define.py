# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The floor: a bare script that defines the guests whose definitions lie in a folder, one after the other."""

from __future__ import annotations

import sys
from pathlib import Path

import libvirt

connection = libvirt.open(sys.argv[1])
definitions = [path.read_text() for path in sorted(Path(sys.argv[2]).glob("*.xml"))]
for definition in definitions:
    connection.defineXML(definition)
print(len(definitions), "defined")
