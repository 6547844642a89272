# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Judging one value: whether state differs from wish, whether a running guest can take it, and whether it may be."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.change import Change, Difference
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Guest
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.traits import Traits

Differences = Iterator[Difference]


@dataclass(frozen=True)
class Judge:
    """What is compared, and by which rules."""

    want: Guest
    have: Guest
    traits: Traits

    def change(self, verb: str, field: str, **more: Any) -> Change:
        """A change of this guest."""
        return Change(self.want.name, verb, field, **more)

    def value(self, change: Change, stored: Any, live: Any, running: bool) -> Differences:
        """Yield the difference, if there is one, between change.after and what was found.

        running: whether live is what a running guest has; else it does not count.
        """
        differs, differs_live = stored != change.after, running and live != change.after
        if not (differs or differs_live):
            return
        hot = differs_live and self.traits.is_hot(change.field, change.after, live, self.have.live)
        change = replace(change, before=stored if differs else live, hot=hot)
        yield Difference(change, differs, differs_live, self._fixed(change) if differs else "")

    def entry(self, change: Change, stored: bool, live: bool, entry: object) -> Difference:
        """An entry of a list that is to be added or removed, in the stored definition, the running guest, or both.

        entry: as it runs, or will run.
        """
        hot = live and self.traits.is_hot(change.field, None, entry)
        refusal = f"{change.field} can only be chosen when the guest is made"
        fixed = stored and self.traits.is_fixed(change.field)
        return Difference(replace(change, hot=hot), stored, live, refusal if fixed else "")

    def _fixed(self, change: Change) -> str:
        if not self.traits.is_fixed(change.field):
            return ""
        what = f"{change.field} of {change.key}" if change.key else change.field
        return f"{what} is fixed when the guest is made: it is {show(change.before)}, not {show(change.after)}"


def show(value: Any) -> str:
    """A value in a message."""
    if value is None:
        return "unset"
    return str(value).lower() if isinstance(value, bool) else str(value)
