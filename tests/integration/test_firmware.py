# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Firmware, secure boot and TPM: made, started, read back, and their state kept or deleted with the disks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import libvirt
import pytest

from ansible_collections.hostforge.hypervisor.tests.integration.runs import (
    actions,
    guest,
    live,
    mend,
    module,
    refused,
    stored,
)

NVRAM = Path("/var/lib/libvirt/qemu/nvram")
TPM = Path("/var/lib/libvirt/swtpm")
WISH: dict[str, Any] = {"name": "win", "memory": "128 MiB"}
FORCE = {"restart": "force", "shutdown_timeout": 0}


def told() -> dict[str, Any]:
    """What kvm_guest_info says."""
    (found,) = module("kvm_guest_info", names=["win"])["guests"]
    return {key: found[key] for key in ("firmware", "secure_boot", "tpm")}


@pytest.mark.parametrize(
    ("wish", "loader"),
    [
        ({}, None),
        ({"firmware": "bios"}, None),
        ({"firmware": "uefi"}, "no"),
        ({"firmware": "uefi", "secure_boot": False}, "no"),
        ({"firmware": "uefi", "secure_boot": True}, "yes"),
        ({"secure_boot": True}, "yes"),
    ],
    ids=str,
)
def test_firmware_is_what_was_wished_and_starts(kvm: libvirt.virConnect, wish: dict[str, Any], loader: str) -> None:
    guest(**WISH, **wish)
    assert mend(**WISH, **wish, state="running") == ["start state"]
    found = live("win").find("os/loader")
    if loader is None:
        assert found is None
    else:
        assert found is not None
        assert (found.get("type"), found.get("secure", "no")) == ("pflash", loader)
    assert told() == {"firmware": "bios" if loader is None else "uefi", "secure_boot": loader == "yes", "tpm": False}
    # What is stored has not been bound to the files that were found for it at the start, nor is anything pending.
    assert not guest(**WISH, **wish)["restart_required"]


def test_firmware_is_fixed_when_the_guest_is_made(kvm: libvirt.virConnect) -> None:
    guest(**WISH)
    assert "firmware is fixed when the guest is made: it is bios, not uefi" in refused(**WISH, firmware="uefi")
    assert "secure_boot needs firmware uefi" in refused(**WISH, secure_boot=True)


def test_firmware_state_stays_until_disks_are_deleted(kvm: libvirt.virConnect) -> None:
    wish = {**WISH, "firmware": "uefi", "tpm": True, "state": "running"}
    guest(**wish)
    assert live("win").find("devices/tpm") is not None
    uuid = stored("win").findtext("uuid", "")
    assert [path.name for path in NVRAM.iterdir()] == ["win_VARS.fd"]
    assert (TPM / uuid).is_dir()
    guest(name="win", state="absent", **FORCE)
    assert [path.name for path in NVRAM.iterdir()] == ["win_VARS.fd"]
    assert (TPM / uuid).is_dir()
    guest(**wish)
    again = stored("win").findtext("uuid", "")
    guest(name="win", state="absent", delete_disks=True, **FORCE)
    assert list(NVRAM.iterdir()) == []
    assert not (TPM / again).exists()


def test_a_tpm_comes_and_goes_with_a_restart(kvm: libvirt.virConnect) -> None:
    wish = {**WISH, "firmware": "uefi", "state": "running"}
    guest(**wish)
    pending = guest(**wish, tpm=True)
    assert actions(pending) == ["set tpm"]
    assert pending["restart_required"]
    assert mend(**wish, tpm=True, **FORCE) == ["restart state"]
    assert live("win").find("devices/tpm") is not None
    assert mend(**wish, tpm=False, **FORCE) == ["set tpm", "restart state"]
    assert live("win").find("devices/tpm") is None
