# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How Ansible and ssh reach the throwaway host, and its guests through it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from testbed.contents import USER
from testbed.keys import private_key, public_key
from testbed.paths import cache_root, write_atomically
from testbed.record import ADDRESS, Record

from .guests import Row

HOST = "kvm1"  # its name in the example inventory
GUEST_USER = "debian"
# The host is made anew again and again, with the same address and another key.
ANY_KEY = ("StrictHostKeyChecking no", "UserKnownHostsFile /dev/null", "LogLevel ERROR", "IdentitiesOnly yes")


def folder() -> Path:
    """The demonstration's own folder in the cache."""
    path = cache_root() / "demo"
    path.mkdir(parents=True, exist_ok=True)
    return path


def ssh_config() -> Path:
    """The file for ssh -F."""
    return folder() / "ssh_config"


def write_access(record: Record, guests: Iterable[Row]) -> None:
    """Write ssh's configuration: the host, and every guest that has an address, by name."""
    blocks = [_block(HOST, ADDRESS, USER, f"Port {record.port}")]
    blocks += [_block(row.name, row.address, GUEST_USER, f"ProxyJump {HOST}") for row in guests if row.address]
    write_atomically(ssh_config(), "\n".join(blocks))


def _block(name: str, address: str, user: str, more: str) -> str:
    options = [f"HostName {address}", f"User {user}", f"IdentityFile {private_key()}", more, *ANY_KEY]
    return "\n".join([f"Host {name}", *(f"    {option}" for option in options), ""])


def write_connection(record: Record, image_url: str, image_sha256: str) -> Path:
    """Write the inventory that puts the throwaway host, and an image that is at hand, in place of the example's.

    It is given to Ansible after the example, and so has the last word.
    """
    host = {
        "ansible_host": ADDRESS,
        "ansible_port": record.port,
        "ansible_user": USER,
        "ansible_ssh_private_key_file": str(private_key()),
        "ansible_ssh_common_args": "-F /dev/null " + " ".join(f"-o {option.replace(' ', '=')}" for option in ANY_KEY),
        "ansible_python_interpreter": "/usr/bin/python3",
    }
    image = {"source": image_url, "checksum": f"sha256:{image_sha256}"}
    inventory = {"all": {"hosts": {HOST: host}, "vars": {"debian_image": image, "login_key": public_key()}}}
    path = folder() / "connection.json"
    write_atomically(path, json.dumps(inventory, indent=2))
    return path
