# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The contract's wishes in VirtualBox's terms, for the simulator and for the real one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.virtualbox.forms import SharedFolder
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Autostart
from ansible_collections.hostforge.hypervisor.tests.contract.subject import Edit


def options(folder: str) -> dict[str, tuple[Any, Any]]:
    """VirtualBox's own options, each with a value before and a value after. folder: one that is there."""
    shared = (SharedFolder("one", folder, True), SharedFolder("two", folder, False, True))
    return {
        "ostype": ("Debian12_64", "Ubuntu24_LTS_64"),
        "groups": (("/web",), ("/prod/back", "/web")),
        "chipset": ("piix3", "ich9"),
        "serial": ("none", f"file:{folder}/serial.log"),
        "shared_folders": ((), shared),
    }


UNSETTABLE = {
    "nics.mac": "a card with another address is another card: 'card exchanged'",
    "nics.forwards": "only on the network nat: test_own_virtualbox.py",
    "package": "only looked at when a guest is made: test_packaged.py",
    "disks.image": "only looked at when a disk is made",
    "extradata": "told in the words of the wish: test_own_virtualbox.py",
}


def in_terms(edits: tuple[Edit, ...]) -> tuple[Edit, ...]:
    """The contract's edits in VirtualBox's terms: there is no order of starts, and nothing pulls out from virtio."""
    return tuple(replace(edit, before=_side(edit.before), after=_side(edit.after)) for edit in edits)


def _side(side: Mapping[str, Any]) -> dict[str, Any]:
    new = dict(side)
    if new.get("autostart") == Autostart(True, 7, 30):
        new["autostart"] = Autostart(True, None, 30)
    if new.get("disks") is not None:
        new["disks"] = tuple(replace(one, options=()) if one.bus == "virtio" else one for one in new["disks"])
    return new
