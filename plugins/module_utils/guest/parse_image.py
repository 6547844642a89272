# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where images and packages come from: from validated options to value objects."""

from __future__ import annotations

from typing import Any

from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.images import OVA, OVF, checksum_error, is_url
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.reader import LINE, LINE_SAYS, URL, Reader
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Image


def parse_image(read: Reader) -> Image:
    """The image of a disk."""
    return _image(read, "an image", format=read.get("format"), copy=read.get("copy"))


def parse_package(read: Reader) -> Image:
    """The OVF package of a guest: an archive, or a descriptor with files beside it."""
    name: str = read.get("source").lower()
    package = _image(read, "a package", format=OVF if name.endswith(f".{OVF}") else OVA)
    if package.format == OVF and (is_url(package.source) or not package.remote_src):
        read.wrong("source", "a descriptor with files beside it is taken from a path on the host; an OVA from anywhere")
    return package


def _image(read: Reader, what: str, **more: Any) -> Image:
    image = Image(**{key: read.get(key) for key in ("source", "checksum", "remote_src")}, **more)
    read.text("source", LINE, LINE_SAYS)
    if is_url(image.source):
        if not URL.fullmatch(image.source):
            read.wrong("source", "a URL has no spaces, and other letters than those of ASCII are written as %XX")
        if image.checksum is None:
            read.wrong("checksum", f"{what} from a URL needs a checksum, or 'none' if it is to be trusted unseen")
        if not image.remote_src:
            read.wrong("remote_src", "false is for a path on the controller, not for a URL")
    elif image.remote_src and not image.source.startswith("/"):
        read.wrong("source", "a URL (http, https, ftp) or an absolute path on the host is allowed")
    wrong = checksum_error(read.text("checksum", LINE, LINE_SAYS) or "none")
    if wrong:
        read.wrong("checksum", wrong)
    return image
