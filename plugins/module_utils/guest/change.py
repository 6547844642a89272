# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One step from state to wish, and one place where the two differ."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any


@dataclass(frozen=True)
class Change:
    """One step from state to wish.

    name: the guest (pool, network) that it is about.
    verb: create | set | add | remove | grow | delete | start | stop | restart. Only whole guests are created.
    field: what it is about, as the value object names it; key: which entry of a list (disk name, MAC, medium).
    before, after: value objects or scalars; None for "not there".
    hot: the running guest gets it at once, too, not only its stored definition.
    force: power may be cut when the guest does not shut down within timeout_s seconds.
    delete: the data goes as well; only ever set when the user named the option that says so.
    """

    name: str
    verb: str
    field: str = ""
    key: str = ""
    before: Any = None
    after: Any = None
    hot: bool = False
    force: bool = False
    delete: bool = False
    timeout_s: int = 0

    def by_key(self) -> Iterator[Change]:
        """One change for each key that differs, of one whose before and after are pairs of key and value."""
        for (key, before), (_key, after) in zip(self.before, self.after):
            if before != after:
                yield replace(self, key=key, before=before, after=after)


@dataclass(frozen=True)
class Difference:
    """A place where state is not the wish, with the change that mends it.

    stored: the definition for the next boot differs. live: the running guest differs.
    refusal: why the change must not be made, empty when it may.
    """

    change: Change
    stored: bool
    live: bool
    refusal: str = ""

    @property
    def pending(self) -> bool:
        """The running guest differs, and only a restart brings it in line."""
        return self.live and not self.change.hot
