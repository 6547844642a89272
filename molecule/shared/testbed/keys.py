# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The test bed's ssh key: made once, kept in the cache, written into every image."""

from __future__ import annotations

from pathlib import Path

from .paths import cache_root, locked
from .tools import run


def private_key() -> Path:
    """The private key's file; its public half is beside it with the ending .pub."""
    folder = cache_root() / "key"
    key = folder / "id_ed25519"
    with locked(cache_root() / "key.lock", "the ssh key"):
        if not key.with_suffix(".pub").exists():
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            key.unlink(missing_ok=True)
            run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "testbed", "-f", key])
    return key


def public_key() -> str:
    return private_key().with_suffix(".pub").read_text().strip()
