# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A task's options on the controller, before the module has them. Knows nothing of Ansible."""

from __future__ import annotations

from typing import Any


def plain(value: Any) -> Any:
    """The same value without what Ansible notes of each part of it, such as the line it was written in."""
    if isinstance(value, dict):
        return {plain(key): plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    # Called by their classes, these give the bare text or number; of everything else there is too little to matter.
    if isinstance(value, str):
        return str.__str__(value)
    return int.__int__(value) if isinstance(value, int) and not isinstance(value, bool) else value


def controller_images(args: dict[str, Any]) -> list[dict[str, Any]]:
    """The images and packages that lie on the controller, as they stand in a task's options; not what is malformed."""
    entries = [entry for entry in (args, *_list(args.get("guests"))) if isinstance(entry, dict)]
    disks = [disk for entry in entries for disk in _list(entry.get("disks"))]
    images = [disk.get("image") for disk in disks if isinstance(disk, dict)]
    images += [entry.get("package") for entry in entries]
    return [image for image in images if isinstance(image, dict) and _is_local(image)]


def _is_local(image: dict[str, Any]) -> bool:
    source = image.get("source")
    # What can be no path is for the module to refuse, with all else that is wrong.
    is_path = isinstance(source, str) and source != "" and source.isprintable()
    return is_path and str(image.get("remote_src", True)).lower() in ("false", "no", "off", "0")


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
