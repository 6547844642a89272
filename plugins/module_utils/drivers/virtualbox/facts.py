# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a check looks up on a host, each thing once for all guests of a run."""

from __future__ import annotations

from functools import cached_property

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.virtualbox import nics
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.virtualbox.look import Look


class Facts:
    """A host as it was seen, and what is asked beside. wanted: data that guests of this run are to get, and whose."""

    def __init__(self, seen: Look) -> None:
        self.seen = seen
        self.api = seen.api
        self.host = seen.host
        self.storage = seen.storage
        self.wanted: dict[str, tuple[str, str]] = {}

    @cached_property
    def networks(self) -> dict[str, str]:
        """The networks that a card can be on, by their names."""
        return nics.networks(self.api)

    @cached_property
    def interfaces(self) -> set[str]:
        """The interfaces that a card can be bridged to."""
        return nics.interfaces(self.api)

    @cached_property
    def ostypes(self) -> set[str]:
        """The types of systems that VirtualBox knows."""
        return {str(one.id) for one in self.api.list_of(self.api.box, "guestOSTypes")}
