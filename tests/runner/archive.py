# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks what is in a built archive: everything a user needs, and nothing that only a developer needs."""

from __future__ import annotations

import sys
import tarfile
from collections.abc import Iterable, Iterator

# What may lie at the top of an archive. What must is marked True.
TOP = {
    "CHANGELOG.md": True,
    "FILES.json": True,
    "LICENSE": True,
    "MANIFEST.json": True,
    "README.md": True,
    "bindep.txt": True,
    "changelogs": True,
    "docs": True,
    "meta": True,
    "playbooks": True,
    "plugins": True,
    "requirements.txt": True,
    "roles": True,
}
LARGEST = 200_000


def problems(members: Iterable[tuple[str, int]]) -> Iterator[str]:
    """What is wrong with the files of an archive, given as names and sizes."""
    found = set()
    for name, size in members:
        top = name.removeprefix("./").split("/")[0]
        found.add(top)
        if top not in TOP:
            yield f"{name} is in the archive; galaxy.yml has to leave it out (build_ignore)"
        if name.endswith(".pyc") or size > LARGEST:
            yield f"{name} ({size} bytes) does not look like a source file"
    for name, needed in TOP.items():
        if needed and name not in found:
            yield f"{name} is missing from the archive"


def main(path: str) -> int:
    """Check one archive."""
    with tarfile.open(path) as opened:
        found = list(problems((member.name, member.size) for member in opened if member.isfile()))
    print(*found or [f"{path} holds what it should"], sep="\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
