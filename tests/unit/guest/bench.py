# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bench: runs the module on a fake hypervisor, and keeps what Ansible and the host's log see of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from ansible.module_utils import basic

from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.module import run_guest_module
from ansible_collections.hostforge.hypervisor.tests.contract.fake import FakeDriver
from ansible_collections.hostforge.hypervisor.tests.contract.fake_hypervisor import FakeHypervisor
from ansible_collections.hostforge.hypervisor.tests.unit.guest.bad_input import SECRET

OWN: dict[str, dict[str, Any]] = {"cpu_mode": {"type": "str", "choices": ["host", "plain"]}}
TASK: dict[str, dict[str, Any]] = {
    "uri": {"type": "str", "default": "fake:///"},
    "password": {"type": "str", "no_log": True},
}
SEED = {
    "user_data": {"users": [{"name": "root", "passwd": SECRET}]},
    "meta_data": {"token": SECRET},
    "network_config": {"key": SECRET},
}


try:
    from ansible.module_utils.testing import patch_module_args
except ImportError:  # ansible-core 2.18 has no such helper

    @contextmanager
    def patch_module_args(params: dict[str, Any]) -> Iterator[None]:
        """Give a module its parameters."""
        before = basic._ANSIBLE_ARGS
        basic._ANSIBLE_ARGS = json.dumps({"ANSIBLE_MODULE_ARGS": params}).encode()
        yield
        basic._ANSIBLE_ARGS = before


@dataclass
class Run:
    """What Ansible and the host's log see of one run of the module."""

    result: dict[str, Any]
    seen: str
    logged: list[str]


@dataclass
class Bench:
    """Runs the module on a fake hypervisor."""

    capture: pytest.CaptureFixture[str]
    logged: list[str]
    hypervisor: FakeHypervisor = field(default_factory=FakeHypervisor)
    driver: type[FakeDriver] = FakeDriver

    def run(self, main: Callable[[], None] | None = None, **params: Any) -> Run:
        self.logged.clear()
        with patch_module_args(params), pytest.raises(SystemExit):
            (main or self.main)()
        seen = self.capture.readouterr()
        return Run(json.loads(seen.out), seen.out + seen.err, list(self.logged))

    def main(self) -> None:
        run_guest_module("fake", OWN, TASK, lambda params, host: self.driver(self.hypervisor))
