# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of the documents look at: pages, their headings, links, blocks and commands."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from ansible_collections.hostforge.hypervisor.tests.runner.environment import CHECKOUT

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")


def pages() -> dict[str, str]:
    """The README, every page of docs/ and of a role: path to text."""
    found = [path for pattern in ("README.md", "docs/**/*.md", "roles/*/README.md") for path in CHECKOUT.glob(pattern)]
    return {str(path.relative_to(CHECKOUT)): path.read_text() for path in sorted(found)}


def blocks(text: str, language: str) -> list[str]:
    """The fenced blocks of a language; an empty one is of none."""
    return [body for name, body in FENCE.findall(text) if name == language]


def prose(text: str) -> str:
    """A page without its fenced blocks and comments."""
    return re.sub(r"<!--.*?-->", "", FENCE.sub("", text), flags=re.DOTALL)


def links(text: str) -> list[str]:
    """The targets of links to files and headings, not those to other sites."""
    return [target for target in LINK.findall(prose(text)) if "://" not in target]


def anchors(text: str) -> set[str]:
    """The names that a page's headings can be linked by, as GitHub and GitLab make them."""
    headings = re.findall(r"^#+ (.+)$", prose(text), re.MULTILINE)
    plain = (re.sub(r"[^\w\- ]", "", heading.strip().lower()) for heading in headings)
    return {heading.replace(" ", "-") for heading in plain}


def broken_links(path: str, text: str) -> Iterator[str]:
    """The links of a page that lead nowhere."""
    for target in links(text):
        name, _mark, anchor = target.partition("#")
        file = (CHECKOUT / path).parent / name if name else CHECKOUT / path
        if not file.exists():
            yield f"{path}: {target}: there is no such file"
        elif not file.resolve().is_relative_to(CHECKOUT):
            yield f"{path}: {target} leaves the tree"
        elif anchor and anchor not in anchors(file.read_text()):
            yield f"{path}: {target}: there is no such heading"


def commands(text: str) -> set[str]:
    """Our own commands with their first word, in blocks and within sentences: "bin/test quick"."""
    plain = text.replace("\\\n", " ")
    return {" ".join(match.split()) for match in re.findall(r"(?<![\w/])bin/[a-z]+(?: +-{0,2}[a-z][\w-]*)?", plain)}


def tree_paths(text: str) -> set[str]:
    """The paths of our own tree that a page names in code quotes, other than those with NAME for a hypervisor's."""
    top = "bin|changelogs|docs|molecule|playbooks|plugins|roles|tests|typings"
    return {path for path in re.findall(rf"`((?:{top})/[\w./-]*)`", text) if "NAME" not in path}


def exists(path: str) -> bool:
    """Whether a path of the tree is there."""
    return (CHECKOUT / Path(path)).exists()
