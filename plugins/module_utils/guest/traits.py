# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A driver's data sheet: what a hypervisor has, and when a change of it takes effect."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

HOT = "hot"
HOT_GROW = "hot, growing only"
RESTART = "restart"
CREATION = "creation"


@dataclass(frozen=True)
class Field:
    """When a change of one option takes effect.

    when: HOT (at once), HOT_GROW (at once, but only to a greater value), RESTART (stored, at the next boot) or
    CREATION (fixed when the guest is made). limit: the live field that a hot value must not exceed.
    only: attributes of a list's entry, and the values of them, for which hot is true (others need a restart). None
    among them says that what the driver chooses itself, where nothing is written, is hot too.
    note: a remark for the documentation.
    """

    when: str
    limit: str = ""
    only: Mapping[str, frozenset[str | None]] = field(default_factory=dict)
    note: str = ""


@dataclass(frozen=True)
class FromPackages:
    """How the words of OVF packages, the keys (guest.appliance), are said on a hypervisor.

    bus, model: of disks and cards of which no table tells. networks: those that are called otherwise in packages.
    """

    buses: Mapping[str, str] = field(default_factory=dict)
    models: Mapping[str, str] = field(default_factory=dict)
    networks: Mapping[str, str] = field(default_factory=dict)
    bus: str = "sata"
    model: str = "e1000"


@dataclass(frozen=True)
class Traits:
    """A driver's data sheet.

    fields: option to Field; an option that is not in it does not exist on this hypervisor. Options of a list's
    entry are written as C(disks.size_bytes); the list itself (C(disks)) stands for adding and removing entries.
    stores_pending: the hypervisor can hold a change for the next boot while the guest runs. formats: those that the
    data of disks can have. packages: of a hypervisor whose guests can be made from OVF packages.
    """

    hypervisor: str
    fields: Mapping[str, Field]
    stores_pending: bool = True
    formats: tuple[str, ...] = ("qcow2", "raw")
    packages: FromPackages = FromPackages()

    def is_fixed(self, name: str) -> bool:
        """Whether the option can only be chosen when the guest is made."""
        return self.fields[name].when == CREATION

    def is_hot(self, name: str, want: Any, live: Any, guest: object | None = None) -> bool:
        """Whether a running guest can take the value want in place of live at once.

        guest: the live guest that Field.limit is looked up in.
        """
        rule = self.fields[name]
        if rule.when not in (HOT, HOT_GROW):
            return False
        if rule.when == HOT_GROW and not (live is None or want > live):
            return False
        if rule.limit:
            limit = getattr(guest, rule.limit, None)
            return limit is None or want <= limit
        entry = want if want is not None else live
        return all(getattr(entry, attribute, None) in values for attribute, values in rule.only.items())
