# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images: fetched once per host, checked, and kept in a cache that disks are made from."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable
from urllib.parse import unquote, urlsplit

from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import (
    HostError,
    MissingImageError,
    PlanError,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.host import Host
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.parts import dead_parts, part_of
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Image

DIGEST_LENGTHS = {"md5": 32, "sha1": 40, "sha224": 56, "sha256": 64, "sha384": 96, "sha512": 128}
# What packages are called where images have their format: an archive, and a descriptor with files beside it.
OVA, OVF = "ova", "ovf"
CHECKSUMS_BYTES = 16 * 1024 * 1024  # no file of checksums is longer
_HEX = re.compile(r"[0-9a-fA-F]{32,128}", re.ASCII)
_GNU = re.compile(r"\\?([0-9a-fA-F]{32,128})\s+[ *]?(.+)", re.ASCII)
_BSD = re.compile(r"(\w+) \((.+)\) = ([0-9a-fA-F]{32,128})", re.ASCII)


def is_url(source: str) -> bool:
    """Whether an image is to be downloaded."""
    return source.startswith(("http://", "https://", "ftp://"))


def check_image(host: Host, image: Image, cache_dir: str) -> None:
    """Raise when the image can not be had on this host. Looks at files, downloads nothing.

    Raises MissingImageError for an image on the controller that the cache does not hold, PlanError for a path
    where nothing is.
    """
    if image.remote_src:
        found = None if is_url(image.source) else host.info(image.source)
        if found is None and not is_url(image.source):
            raise PlanError(f"there is no image {image.source} on the host")
        if found is not None and not found.holds_data:
            raise PlanError(f"{image.source} is no image: an image is a file or a block device")
    elif not _is_exact(image.checksum) or host.info(_cached(image, cache_dir, image.checksum or "")) is None:
        raise MissingImageError(f"the image {image.source} is not on the host yet", image.source)


def find_image(host: Host, image: Image, cache_dir: str) -> str | None:
    """The path of an image that is on the host already, None of one that is yet to be downloaded.

    Looks at files only, and raises as check_image does.
    """
    check_image(host, image, cache_dir)
    if image.remote_src and not is_url(image.source):
        return image.source
    if image.checksum not in (None, "none") and not _is_exact(image.checksum):
        return None
    path = _cached(image, cache_dir, _resolve(host, image, cache_dir))
    return path if host.info(path) is not None else None


def verify_image(host: Host, image: Image, cache_dir: str) -> None:
    """Raise HostError when a file on the host, which stays where it is, is not what its checksum says."""
    _verify(host, image.source, image.source, _resolve(host, image, cache_dir))


def ensure_image(host: Host, image: Image, cache_dir: str, verify: Callable[[str], object]) -> str:
    """Return the path of the cached image, fetched and checked first if it is not there.

    verify: gets the path of what was fetched, and raises HypervisorError when that is no image as it is said to be.
    What is in the cache is whole and verified, and is not looked at again. Raises HostError when it cannot be fetched
    or is not what the checksum says. Whenever something is raised, the cache is as before.
    """
    if not image.remote_src and not _is_exact(image.checksum):
        raise MissingImageError(f"the image {image.source} is not on the host yet", image.source)
    checksum = _resolve(host, image, cache_dir)
    path = _cached(image, cache_dir, checksum)
    if host.info(path) is not None:
        return path
    if not image.remote_src:
        raise MissingImageError(f"the image {image.source} is not on the host yet", image.source)
    part = _new_part(host, path)
    try:
        if is_url(image.source):
            host.fetch(image.source, part)
        else:
            host.copy(image.source, part)
        _verify(host, image.source, part, checksum)
        verify(part)
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
    part = _new_part(host, os.path.join(cache_dir, "checksums"))
    try:
        host.fetch(value, part, CHECKSUMS_BYTES)
        text = host.read_file(part).decode("utf-8", "replace")
    finally:
        host.remove(part)
    name = os.path.basename(unquote(urlsplit(image.source).path) if is_url(image.source) else image.source)
    return f"{algorithm}:{find_digest(text, name, algorithm, value)}"


def _new_part(host: Host, path: str) -> str:
    """Where to make what will be at path; what killed runs left there goes."""
    host.make_dir(os.path.dirname(path))
    for dead in dead_parts(host, os.path.dirname(path)):
        host.remove(dead)
    return part_of(path)


def find_digest(text: str, name: str, algorithm: str, url: str) -> str:
    """Find a file's digest in a checksum file: of sha256sum, of BSD's tools, or nothing but the digest."""
    length = DIGEST_LENGTHS[algorithm]
    for line in text.splitlines():
        gnu, bsd = _GNU.fullmatch(line.strip()), _BSD.fullmatch(line.strip())
        found = (algorithm, gnu[1], gnu[2]) if gnu else (bsd[1].lower(), bsd[3], bsd[2]) if bsd else ("", "", "")
        if found[0] == algorithm and len(found[1]) == length and os.path.basename(found[2]) == name:
            return found[1].lower()
    words = text.split()
    if len(words) in (1, 2) and len(words[0]) == length and words[1:] in ([], ["-"]) and _HEX.fullmatch(words[0]):
        return words[0].lower()
    raise HostError(f"{url} holds no {algorithm} checksum of {name}")


def _cached(image: Image, cache_dir: str, checksum: str) -> str:
    algorithm, _colon, value = checksum.partition(":")
    return os.path.join(cache_dir, f"{algorithm}-{value.lower()}.{image.format}")


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
        _HEX.fullmatch(value) is not None and DIGEST_LENGTHS.get(algorithm) == len(value),
    )
    if any(exact):
        return ""
    return f"a checksum is ALGORITHM:HEX, ALGORITHM:URL or none, with ALGORITHM one of {', '.join(DIGEST_LENGTHS)}"
