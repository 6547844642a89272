# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images: fetched once per host, checked, and kept in a cache that disks are made from."""

from __future__ import annotations

import hashlib
import os
import re

from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import (
    HostError,
    MissingImageError,
    PlanError,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.host import Host
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Image

DIGEST_LENGTHS = {"md5": 32, "sha1": 40, "sha224": 56, "sha256": 64, "sha384": 96, "sha512": 128}
_LINE = re.compile(r"^\\?([0-9a-fA-F]{32,128})\s+[ *]?(.+)$|^\w+ \((.+)\) = ([0-9a-fA-F]{32,128})$")


def is_url(source: str) -> bool:
    """Whether an image is to be downloaded."""
    return source.startswith(("http://", "https://", "ftp://"))


def check_image(host: Host, image: Image, cache_dir: str) -> None:
    """Raise when the image can not be had on this host. Looks at files, downloads nothing.

    Raises MissingImageError for an image on the controller that the cache does not hold, PlanError for a path
    where nothing is.
    """
    if image.remote_src:
        if not is_url(image.source) and host.info(image.source) is None:
            raise PlanError(f"there is no image {image.source} on the host")
    elif not _is_exact(image.checksum) or host.info(_cached(image, cache_dir, image.checksum or "")) is None:
        raise MissingImageError(f"the image {image.source} is not on the host yet", image.source)


def ensure_image(host: Host, image: Image, cache_dir: str) -> str:
    """Return the path of the cached image, fetched and checked first if it is not there.

    Raises HostError when it cannot be fetched or is not what the checksum says; then the cache is as before.
    """
    checksum = _resolve(host, image, cache_dir)
    path = _cached(image, cache_dir, checksum)
    if host.info(path) is not None:
        return path
    if not image.remote_src:
        raise MissingImageError(f"the image {image.source} is not on the host yet", image.source)
    host.make_dir(cache_dir)
    _sweep(host, path)
    part = f"{path}.part-{os.getpid()}"
    try:
        if is_url(image.source):
            host.fetch(image.source, part)
        else:
            host.copy(image.source, part)
        _verify(host, image.source, part, checksum)
        host.run(["chmod", "0644", "--", part])
        host.rename(part, path)
    finally:
        host.remove(part)
    return path


def _is_exact(checksum: object) -> bool:
    return isinstance(checksum, str) and ":" in checksum and not is_url(checksum.partition(":")[2])


def _resolve(host: Host, image: Image, cache_dir: str) -> str:
    """Turn the checksum into algorithm:hex; without one, into a name for this source as it is now."""
    if image.checksum in (None, "none"):
        mark = image.source
        if not is_url(image.source):
            found = host.info(image.source)
            if found is None:
                raise HostError(f"there is no image {image.source} on the host")
            mark = f"{found.path} {found.size_bytes} {found.changed} {found.inode}"
        return f"source:{hashlib.sha256(mark.encode()).hexdigest()}"
    algorithm, _colon, value = str(image.checksum).partition(":")
    if not is_url(value):
        return f"{algorithm}:{value.lower()}"
    host.make_dir(cache_dir)
    part = os.path.join(cache_dir, f"checksums.part-{os.getpid()}")
    try:
        host.fetch(value, part)
        text = host.read_file(part).decode("utf-8", "replace")
    finally:
        host.remove(part)
    return f"{algorithm}:{find_digest(text, os.path.basename(image.source), algorithm, value)}"


def find_digest(text: str, name: str, algorithm: str, url: str) -> str:
    """Find a file's digest in a checksum file, in the form of sha256sum or of BSD's tools."""
    for line in text.splitlines():
        match = _LINE.match(line.strip())
        if match:
            digest, file = (match.group(1), match.group(2)) if match.group(1) else (match.group(4), match.group(3))
            if os.path.basename(file) == name and len(digest) == DIGEST_LENGTHS[algorithm]:
                return digest.lower()
    raise HostError(f"{url} holds no {algorithm} checksum of {name}")


def _cached(image: Image, cache_dir: str, checksum: str) -> str:
    algorithm, _colon, value = checksum.partition(":")
    return os.path.join(cache_dir, f"{algorithm}-{value.lower()}.{image.format}")


def _sweep(host: Host, path: str) -> None:
    """Delete what killed runs left of this same download; those of runs that are alive stay."""
    folder, prefix = os.path.dirname(path), os.path.basename(path) + ".part-"
    for name in host.list_dir(folder):
        if name.startswith(prefix) and not _is_alive(host, name[len(prefix) :]):
            host.remove(os.path.join(folder, name))


def _is_alive(host: Host, pid: str) -> bool:
    return not pid.isdigit() or host.info(f"/proc/{pid}") is not None


def _verify(host: Host, source: str, path: str, checksum: str) -> None:
    algorithm, _colon, wanted = checksum.partition(":")
    if algorithm == "source":
        return
    found = host.digest(path, algorithm)
    if found != wanted:
        raise HostError(f"{source} has the {algorithm} checksum {found}, not {wanted}; nothing of it was kept")


def checksum_error(checksum: str) -> str:
    """Say what is wrong with a checksum as written; empty when nothing is."""
    algorithm, _colon, value = checksum.partition(":")
    exact: tuple[bool, ...] = (
        checksum == "none",
        algorithm in DIGEST_LENGTHS and is_url(value),
        re.fullmatch(r"[0-9a-fA-F]+", value) is not None and DIGEST_LENGTHS.get(algorithm) == len(value),
    )
    if any(exact):
        return ""
    return f"a checksum is ALGORITHM:HEX, ALGORITHM:URL or none, with ALGORITHM one of {', '.join(DIGEST_LENGTHS)}"
