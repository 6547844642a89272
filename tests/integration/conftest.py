# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures of the tests against real daemons."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator

import libvirt
import pytest

from ansible_collections.hostforge.hypervisor.tests.integration import daemon, guest_agent, guest_image, private
from ansible_collections.hostforge.hypervisor.tests.integration.kvm_subject import clean


@pytest.fixture(scope="session")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """This machine, with a libvirt daemon of the session's own."""
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(1))
    # They are made of packages from the network, which the session then has no more.
    guest_image.guest_image()
    guest_agent.agent_disk()
    private.become_private()
    with daemon.running_daemon(tmp_path_factory.mktemp("daemon") / "log"):
        yield


@pytest.fixture(scope="module")
def host(machine: None) -> Iterator[libvirt.virConnect]:
    """A host without guests."""
    connection = daemon.connect()
    yield connection
    connection.close()


@pytest.fixture
def kvm(host: libvirt.virConnect) -> Iterator[libvirt.virConnect]:
    """The host, without guests after the test as before."""
    yield host
    clean(host)
