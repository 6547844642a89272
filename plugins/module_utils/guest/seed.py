# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The NoCloud seed: a small ISO image from which cloud-init takes its data at a guest's first boot."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from typing import Any

from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import doing
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.host import Host
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.parts import dead_parts, part_of
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import CloudInit

# Long enough that two seeds never share a name, short enough for a file name beside a long guest name.
DIGEST_DIGITS = 24


def make_cloud_init(
    guest_name: str, user_data: Any, meta_data: Mapping[str, Any] | None, network_config: Any
) -> CloudInit:
    """Turn what the user wrote into the files of a seed.

    user_data and network_config are taken as they are when they are text; mappings are written as JSON, which is
    YAML. The instance-id is the guest's name unless meta_data says otherwise: new user data therefore does not make
    cloud-init run its once-per-instance steps again. Source: cloud-init's NoCloud documentation.

    Raises TypeError or ValueError for what cannot be written as JSON and UTF-8.
    """
    meta = {"instance-id": guest_name, "local-hostname": guest_name, **(meta_data or {})}
    files: dict[str, str] = {"meta-data": _text(meta), "user-data": _text(user_data, "#cloud-config\n")}
    if network_config is not None:
        files["network-config"] = _text(network_config)
    for text in files.values():
        text.encode()
    digest = hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()
    return CloudInit(digest[:DIGEST_DIGITS], files)


def _text(value: Any, header: str = "") -> str:
    if isinstance(value, str):
        return value
    return header + json.dumps(value if value is not None else {}, sort_keys=True, indent=1) + "\n"


def write_seed(host: Host, cloud_init: CloudInit, path: str) -> None:
    """Make the seed image at path, readable by root and the hypervisor only.

    xorriso is the maintained writer of ISO 9660; the label cidata is how cloud-init knows a seed.
    """
    with doing(f"{path} cannot be made"):
        _write_seed(host, cloud_init, path)


def _write_seed(host: Host, cloud_init: CloudInit, path: str) -> None:
    folder = part_of(path)
    image = os.path.join(folder, "seed.iso")
    host.make_dir(os.path.dirname(path), 0o711)
    clear_dead_seeds(host, os.path.dirname(path))
    host.make_dir(folder, 0o700)
    try:
        files = {os.path.join(folder, name): content for name, content in sorted(cloud_init.files.items())}
        for file, content in files.items():
            host.write_file(file, content.encode())
        host.run(["xorrisofs", "-quiet", "-output", image, "-volid", "cidata", "-joliet", "-rock", *files])
        host.run(["chmod", "0600", "--", image])
        host.rename(image, path)
    finally:
        _clear(host, folder)


def clear_dead_seeds(host: Host, folder: str) -> None:
    """Delete what killed runs left of seeds in a folder: user data that nobody looks after must not lie around."""
    for dead in dead_parts(host, folder):
        _clear(host, dead)


def _clear(host: Host, folder: str) -> None:
    """Delete a part with all that is in it."""
    for name in host.list_dir(folder):
        host.remove(os.path.join(folder, name))
    host.run(["rmdir", "--", folder])
