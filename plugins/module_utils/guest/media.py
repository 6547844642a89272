# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a cdrom drive can hold."""

from __future__ import annotations

from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import PlanError
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.host import Host


def check_medium(host: Host, path: str | None) -> None:
    """Refuse what is no medium, with PlanError; None is an empty drive."""
    found = host.info(path) if path else None
    if path and found is None:
        raise PlanError(f"cdrom: there is no {path} on the host")
    if found is not None and not found.holds_data:
        raise PlanError(f"cdrom: {path} is no medium: a medium is a file or a block device")
