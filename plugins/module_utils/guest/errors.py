# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The errors that the core and the drivers raise; only module.py turns them into a failed task."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager


class HypervisorError(Exception):
    """Anything that stops one guest, pool or network, said so that the user knows what to do about it."""


class SpecError(HypervisorError):
    """What the user wrote cannot be right. Holds every error that was found, not only the first."""

    def __init__(self, errors: Iterable[str]) -> None:
        self.errors: tuple[str, ...] = tuple(errors)
        super().__init__("\n".join(self.errors))


class PlanError(HypervisorError):
    """The wish is well formed, but cannot or must not be carried out on what the host has."""


class HostError(HypervisorError):
    """The host did not do what it was asked: a command, a file, a download.

    status: that of a command that ended with another than 0.
    """

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


class LiveError(HypervisorError):
    """The stored definition holds a change, but the running guest did not take it. What comes after can go on."""


class AbsentError(HypervisorError):
    """The hypervisor is not installed or does not answer. In check mode this means: nothing is there yet."""


class MissingImageError(PlanError):
    """An image lies on the controller and the host has no copy yet; the action plugin brings it and tries again."""

    def __init__(self, message: str, source: str) -> None:
        super().__init__(message)
        self.source = source


class StillOnError(HypervisorError):
    """A guest that was asked to shut down has not, and its power may not be cut. says: what it did instead."""

    def __init__(self, says: str) -> None:
        super().__init__(
            f"{says}, and its power was not cut: look at its console, give it a longer shutdown_timeout, or set "
            "restart to force"
        )


@contextmanager
def doing(what: str) -> Iterator[None]:
    """Say what was being done when the host failed: a command's own words may name neither file nor folder."""
    try:
        yield
    except HostError as error:
        raise HostError(f"{what}: {error}") from error
