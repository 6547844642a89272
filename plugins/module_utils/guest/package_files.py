# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The names of files in a package, and the manifest with their digests.

Source: DMTF DSP0243, section 7 (OVF package).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import PlanError
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.images import DIGEST_LENGTHS
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.reader import CONTROL
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.shape import quote

FILE_SAYS = "the name of a file in the package is allowed, of 1 to 200 bytes, without / and \\"
FILE_LARGEST = 200
MANIFEST_LARGEST = 1024 * 1024
ALGORITHMS = ("sha1", "sha256", "sha384", "sha512")
_LINE = re.compile(r"(\w+)\s*\((.+)\)\s*=\s*([0-9a-fA-F]+)", re.ASCII)


def is_file_name(name: str) -> bool:
    """Whether a file in a folder can be called so, on the host and on other systems that read packages."""
    if CONTROL.search(name) or any(one in name for one in "/\\\t\n") or name in ("", ".", ".."):
        return False
    return len(name.encode()) <= FILE_LARGEST and not re.match(r"[A-Za-z][A-Za-z0-9+.-]*:", name, re.ASCII)


def read_manifest(data: bytes) -> dict[str, tuple[str, str]]:
    """The algorithm and the hex digest of each file. PlanError for what is no manifest."""
    found: dict[str, tuple[str, str]] = {}
    try:
        lines = data.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise PlanError(f"a manifest in UTF-8 is allowed: byte {error.start} is none of a character") from error
    for place, line in enumerate(lines, 1):
        match = _LINE.fullmatch(line.strip())
        if line.strip() and not match:
            raise PlanError(f"line {place}: 'SHA256(FILE)= DIGEST' is allowed{quote(line)}")
        if not match:
            continue
        algorithm, name, value = match[1].lower(), match[2], match[3].lower()
        if algorithm not in ALGORITHMS or len(value) != DIGEST_LENGTHS[algorithm]:
            raise PlanError(f"line {place}: a digest of {', '.join(ALGORITHMS)} is allowed{quote(line)}")
        if name in found:
            raise PlanError(f"line {place}: {name!r} is there twice")
        found[name] = algorithm, value
    return found


def write_manifest(digests: Mapping[str, str]) -> bytes:
    """A manifest, from the SHA-256 digests of files in their order."""
    return "".join(f"SHA256({name})= {value}\n" for name, value in digests.items()).encode()


def refuse_gaps(manifest: Mapping[str, tuple[str, str]], names: Iterable[str]) -> None:
    """Refuse a manifest that has other files than those of the package."""
    there = set(names)
    for name in sorted(set(manifest) - there):
        raise PlanError(f"it has a digest of {name!r}, which is not in the package")
    for name in sorted(there - set(manifest)):
        raise PlanError(f"it has no digest of {name!r}; each file of the package needs one")
