# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What lies where a disk belongs is only looked into, and deleted when it holds nothing, if it is a short file."""

from __future__ import annotations

import pytest

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.storage import Storage
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import HypervisorError
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.host import FileInfo
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Disk
from ansible_collections.hostforge.hypervisor.tests.unit.guest.fake_host import FakeHost

PATH = "/pool/web.root.qcow2"


class OddHost(FakeHost):
    """A host with something at the path that has no length, and that nobody should read or delete."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind
        self.touched: list[str] = []

    def info(self, path: str) -> FileInfo | None:
        return FileInfo(path, 0, 0, 1, self.kind)

    def run(self, argv: object, stdin: str = "", timeout_s: float | None = None) -> str:
        raise HypervisorError("a command was run")

    def read_file(self, path: str) -> bytes:
        self.touched.append(f"read {path}")
        return b""

    def remove(self, path: str) -> None:
        self.touched.append(f"remove {path}")


@pytest.mark.parametrize("kind", ["device", "folder", "other"])
def test_what_is_no_file_is_never_taken_for_a_blank_disk(kind: str) -> None:
    host = OddHost(kind)
    storage = Storage(None, host, "/cache")  # type: ignore[arg-type]
    with pytest.raises(HypervisorError, match="a command was run"):
        storage.make(Disk("root", 2**30, pool="default", format="qcow2", path=PATH), new=False)
    if kind == "device":
        with pytest.raises(HypervisorError, match="a command was run"):
            storage.files.size(PATH, "qcow2")
    else:
        assert storage.files.size(PATH, "qcow2") is None
    assert host.touched == []
