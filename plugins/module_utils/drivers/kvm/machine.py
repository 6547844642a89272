# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kinds of machine that QEMU makes: families, and the versions of each. Pure."""

from __future__ import annotations

import re

# q35 is the alias of pc-q35-7.2 or whatever version is the newest on a host, pc that of pc-i440fx-7.2.
ALIASES = {"pc-q35": "q35", "pc-i440fx": "pc"}
VERSION = re.compile(r"-(?:rhel)?[0-9][0-9a-z.]*(?:-.*)?$", re.ASCII)
# Their devices are on PCI Express, so they have ports, and a disk or card is added to a free one.
EXPRESS = ("q35", "virt")


def family(machine: str) -> str:
    """What all versions of a machine have in common; an alias is a family's name."""
    # Distributions name versions of their own by words, such as pc-q35-jammy.
    known = next((alias for prefix, alias in ALIASES.items() if f"{machine}-".startswith(f"{prefix}-")), None)
    return known or VERSION.sub("", machine)


def satisfies(found: str | None, wished: str) -> bool:
    """Whether a machine is as wished: the very version, or any version of a family."""
    return found is not None and (found == wished or (wished == family(wished) and family(found) == wished))


def is_express(machine: str) -> bool:
    """Whether the machine has PCI Express ports."""
    return family(machine) in EXPRESS
