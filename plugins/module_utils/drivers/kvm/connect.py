# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The connection to libvirt, and libvirt's errors in the collection's terms."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import AbsentError, HypervisorError

__all__ = ["connect", "libvirt", "libvirt_says", "steadily"]

if TYPE_CHECKING:
    import libvirt
else:
    # On a bare host, in check mode, the collection is imported before the role has installed the bindings.
    try:
        import libvirt
    except ImportError:
        libvirt = None

T = TypeVar("T")
# virErrorNumber: no such domain, network or pool; operation not valid in this state.
MOVED = (42, 43, 49, 55)
PAUSES_S = (0.05, 0.2, 0.5)


def connect(uri: str) -> libvirt.virConnect:
    """Open a connection to libvirt.

    uri: as in C(virsh -c). Raises AbsentError when the bindings are missing or no daemon answers.
    """
    if libvirt is None:
        raise AbsentError(
            "the Python bindings of libvirt are missing on the host for this Python interpreter; the role "
            "hostforge.hypervisor.kvm_host installs them (package python3-libvirt)"
        )
    # Without a handler of our own the bindings write every error to stderr, beside raising it.
    libvirt.registerErrorHandler(lambda _context, _error: None, None)
    try:
        return libvirt.open(uri)
    except libvirt.libvirtError as error:
        raise AbsentError(f"libvirt does not answer at {uri}: {error.get_error_message()}") from error


@contextmanager
def libvirt_says(doing: str = "") -> Iterator[None]:
    """Turn libvirt's errors into HypervisorError; doing: what was being done, unless the caller says that."""
    # Without the bindings none of their errors can come, and what does come says what is missing.
    errors = getattr(libvirt, "libvirtError", ())
    try:
        yield
    except errors as error:
        said = f"libvirt says: {error.get_error_message() or error}"
        raise HypervisorError(f"{doing}: {said}" if doing else said) from error


def steadily(look: Callable[[], T]) -> T:
    """Look again when what is looked at was removed, stopped or started by somebody else just then."""
    errors = getattr(libvirt, "libvirtError", ())
    for pause_s in PAUSES_S:
        try:
            return look()
        except errors as error:
            if error.get_error_code() not in MOVED:
                raise
        time.sleep(pause_s)
    return look()
