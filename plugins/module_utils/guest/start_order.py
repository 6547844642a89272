# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The unit by which a host starts its guests in their order: how it is known, and what is said without it."""

from __future__ import annotations

UNIT = "hostforge-guests.service"
# How systemd notes that the unit starts with the host; the role host_start_order enables it.
STARTER = f"/etc/systemd/system/multi-user.target.wants/{UNIT}"


def is_not_kept(hypervisor: str, options: str, otherwise: str) -> str:
    """What to say where it is not there. options: which take the unit; otherwise: what to write without it."""
    return (
        f"autostart: {options} the unit {UNIT}, which is not enabled on this host: run the role {hypervisor}_host with "
        f"{hypervisor}_host_ordered_autostart: true, or {otherwise}"
    )
