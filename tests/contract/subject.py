# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Subject: what a driver's test module brings along for the contract.

A real driver's test module is a Subject and these lines:

    @pytest.mark.parametrize("case", cases(KvmSubject), ids=str)
    def test_contract(case: Case, subject: KvmSubject) -> None:
        case.run(subject)

where the fixture ``subject`` gives a new KvmSubject on a host without guests, and cleans up after the test.
"""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.driver import Driver
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Guest
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.traits import Traits

# What a subject can do beyond the least; a case that needs what is missing is not made.
START = "start"  # guests can really be started
OBEYS = "obeys"  # some guests shut down when asked: obey(name, True)
IGNORES = "ignores"  # some guests do not: obey(name, False)
UNKNOWN = "unknown"  # add_unknown() and unknown()
FOREIGN = "foreign"  # add_foreign_guest(), attach_foreign_disk(), share_disk(), lose_file()
POWER = "power"  # power() tells one boot from the next


@dataclasses.dataclass(frozen=True)
class Edit:
    """One property's change, as data: the base wish with `before`, then with `after` as well.

    field: the option of the traits that is changed; every change of the plan is about it or one of `also`.
    """

    name: str
    field: str
    after: Mapping[str, Any]
    before: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    also: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.name


class Subject(ABC):
    """A driver on a host of its own, and the wishes to try it with.

    base: a wish that writes every property, with at least one disk, one card and one cdrom drive (see wishes.py).
    unsettable: fields of the traits without an edit, each with the reason; everything else must have one.
    cold_only: names of edits that are not tried on a running guest, each with the reason.
    image: a disk image that thin disks can stand on; empty when there is none.
    given: data of 24 MiB that others made, in the format of the base wish's disks, for a disk to have; empty when there
    is none.
    shutdown_timeout_s: how long a stop waits before it fails or cuts the power.
    """

    traits: ClassVar[Traits]
    features: ClassVar[frozenset[str]] = frozenset()
    base: ClassVar[Guest]
    edits: ClassVar[tuple[Edit, ...]]
    unsettable: ClassVar[Mapping[str, str]] = {}
    cold_only: ClassVar[Mapping[str, str]] = {}
    image: ClassVar[str] = ""
    given: ClassVar[str] = ""
    shutdown_timeout_s: ClassVar[int] = 1

    @abstractmethod
    def make_driver(self) -> Driver:
        """A new driver on the same host, as every run of a module makes one."""

    @abstractmethod
    def dump(self) -> Mapping[str, object]:
        """All that the hypervisor holds, read past the driver: definitions (stored and running), power, disks' files.

        Keys say what it is: ``guest NAME`` for a guest, ``file PATH`` for a disk's data, and others at will. Values
        compare equal when nothing was touched. Guests' clocks and what running guests write are not in it.
        """

    @abstractmethod
    def has_file(self, path: str) -> bool:
        """Whether a disk's data, a medium or an image is there."""

    def facts(self, name: str, running: bool = False) -> Mapping[str, object]:
        """What the stored (or the running) definition says, read past the driver, in the words of Guest.

        As many of Guest's scalar fields and options as can be told, and ``disks``: name to bytes. Fewer make a weaker
        test.
        """
        return {}

    def power(self, name: str) -> object:
        """None for a guest that is off, else something that is another for each boot."""
        raise NotImplementedError

    def obey(self, name: str, obeys: bool) -> None:
        """Make a guest shut down when asked, or ignore it. Called before it starts and while it runs."""
        raise NotImplementedError

    def add_unknown(self, name: str) -> None:
        """Put things into a guest's stored definition that the driver does not know, best also into its parts."""
        raise NotImplementedError

    def unknown(self, name: str) -> Mapping[str, object]:
        """What add_unknown() put there, as it is now: place to thing, None where it is gone; "" is the whole guest.

        Places are the definition's parts (a disk, a card); a part that is not there any more is not in the answer.
        """
        raise NotImplementedError

    def add_foreign_guest(self, name: str) -> None:
        """Make a guest past the driver, with a disk, as another tool would."""
        raise NotImplementedError

    def attach_foreign_disk(self, name: str) -> tuple[str, str]:
        """Add a disk to a guest past the driver, with data that another tool made: the disk's name and path."""
        raise NotImplementedError

    def share_disk(self, path: str) -> None:
        """Make a guest past the driver that uses another guest's disk."""
        raise NotImplementedError

    def lose_file(self, path: str) -> None:
        """Take a disk's data away past the driver."""
        raise NotImplementedError
