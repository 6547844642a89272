# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ledger of a guest, in a comment of the guest's own file."""

from __future__ import annotations

import re

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.xen.definition import Definition
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.ledger import Ledger, from_text, to_text

LINE = re.compile(r"^# hostforge: (\{.*\})[ \t]*$", re.MULTILINE)


def read(definition: Definition) -> Ledger:
    """What is noted in a definition."""
    match = LINE.search(definition.text)
    return from_text(match[1] if match else "")


def write(definition: Definition, ledger: Ledger) -> None:
    """Note all of it. A guest that nothing is noted of gets no line."""
    text = to_text(ledger)
    if text or LINE.search(definition.text):
        definition.put_comment(LINE, f"# hostforge: {text or '{}'}")
