# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host with VirtualBox: networks, an interface to bridge to, and a folder for what starts by itself."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import pytest

from ansible_collections.hostforge.hypervisor.tests.roots.virtualbox import host
from ansible_collections.hostforge.hypervisor.tests.roots.virtualbox.virtualbox_subject import VirtualBoxSubject


@pytest.fixture(scope="session")
def furnished() -> None:
    """The host, furnished."""
    subprocess.run(["ip", "link", "add", host.BRIDGE, "type", "bridge"], check=True)
    host.furnish()


@pytest.fixture
def subject(furnished: None) -> Iterator[VirtualBoxSubject]:
    """The host, without guests before the test and after it."""
    host.clean()
    yield VirtualBoxSubject()
    host.clean()
