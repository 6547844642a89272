# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the action plugins for guests share: images that lie on the controller are brought to the host when needed."""

from __future__ import annotations

import hashlib
import os
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.collector import without_collector
from ansible_collections.hostforge.hypervisor.plugins.plugin_utils.options import controller_images, plain

CHUNK_BYTES = 1024 * 1024
COLLECTION = "hostforge.hypervisor"


class GuestAction(ActionBase):
    """Runs a <hypervisor>_guest module.

    The module tells, before it touches anything, which image it lacks. Then first its checksum is told to the
    module, for the host may have it from another time or another name, and only then is the image brought. A run
    that makes no disk brings and reads nothing.
    """

    TRANSFERS_FILES = True
    _supports_async = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Begin.

        With its result a task's options go from process to process. For a thousand guests, to pack and unpack what is
        noted of each of their values takes longer than all the rest of the run, so the notes are dropped.
        """
        result: dict[str, Any] = super().run(tmp, task_vars)
        self._task.args = plain(self._task.args)
        return result

    def run_guest_module(self, module: str, args: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Run the module, as often as it lacks an image. args: the task's own, which are left as they are."""
        args = plain(args)
        images = controller_images(args)
        local = {image["source"]: self._find(image["source"]) for image in images}
        result = self._once(module, args, task_vars)
        for _attempt in range(2 * len(local)):
            source = result.get("missing_image")
            if source not in local:
                break
            self._supply([image for image in images if image["source"] == source], local[source])
            result = self._once(module, args, task_vars)
        return result

    def _once(self, module: str, args: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        wrap = bool(self._task.async_val)
        # Before Ansible sends a module, it makes syntax trees of all files that go with it: half of that is collecting.
        with without_collector():
            return self._execute_module(module_name=module, module_args=args, task_vars=task_vars, wrap_async=wrap)

    def _find(self, source: str) -> str:
        """The image's path on the controller, looked for as ansible.builtin.copy does."""
        path: str = self._find_needle("files", source)
        if not os.path.isfile(path):
            raise AnsibleActionFail(f"the image {source} on the controller is not a file")
        return path

    def _supply(self, images: list[dict[str, Any]], path: str) -> None:
        unnamed = [image for image in images if image.get("checksum") in (None, "none")]
        if unnamed:
            digest = _sha256(path)
            for image in unnamed:
                image["checksum"] = f"sha256:{digest}"
            return
        folder = self._connection._shell.tmpdir or self._make_tmp_path()
        target = self._connection._shell.join_path(folder, f"image-{_name(path)}")
        self._transfer_file(path, target)
        self._fixup_perms2((folder, target))
        for image in images:
            image.update(source=target, remote_src=True)


def _name(path: str) -> str:
    return hashlib.sha256(path.encode()).hexdigest()[:16]


def _sha256(path: str) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for chunk in iter(lambda: file.read(CHUNK_BYTES), b""):
            digest.update(chunk)
    return digest.hexdigest()
