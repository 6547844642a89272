# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a part of the test run is: a name, what it shows, and the steps that show it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from .workspace import Workspace


@dataclass(frozen=True)
class Step:
    """One command. `env` is added to the workspace's environment."""

    name: str
    command: tuple[str, ...]
    cwd: Path
    env: Mapping[str, str] = field(default_factory=dict)


# The steps of a part, made one after the other; the strings are arguments of the caller for the part's tool.
Steps = Callable[[Workspace, tuple[str, ...]], Iterator[Step]]


@dataclass(frozen=True)
class Part:
    """One part.

    * `needs`: the path in the checkout without which there is nothing to run, which is a failure.
    * `packages`: the groups of system packages that it needs, from tests/packages.txt.
    * `lane`: parts with the same lane never run at the same time.
    * `keep_going`: the steps do not build on each other, so that a failed one does not end the part.
    * `minutes`: after so long, the part is ended and has failed.
    * `asked`: it runs only when it is named.
    """

    name: str
    shows: str
    steps: Steps
    needs: str = "galaxy.yml"
    packages: tuple[str, ...] = ()
    lane: str = ""
    keep_going: bool = False
    minutes: int = 10
    quick: bool = False
    asked: bool = False
