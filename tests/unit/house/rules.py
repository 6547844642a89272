# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules of the house that no other tool knows: each takes what it judges and yields what is wrong with it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping

# What stands in the core stands for every hypervisor.
HYPERVISORS = ("kvm", "libvirt", "xen", "virtualbox", "openvz", "esxi", "hyperv", "smartos", "lguest", "xvisor")
LICENCE = "SPDX-License-Identifier: GPL-3.0-or-later"
# The licence stands behind a "#!" line and, in a module, nothing else.
LICENCE_WITHIN = 8
# Files that tools write, that cannot hold a comment, or that are the licence.
WITHOUT_LICENCE = re.compile(
    r"LICENSE|CHANGELOG\.md|changelogs/changelog\.yaml|tests/requirements[^/]*\.txt|.*\.json|.*/\.keep"
)
SANITY_IGNORE = re.compile(r"(.*/)?tests/sanity/ignore[^/]*")


def forbidden(source: str) -> Iterator[str]:
    """Statements that a plugin may not hold: Python leaves out `assert` with -O, and Ansible ships what it can read."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Assert):
            yield f"line {node.lineno}: assert"
        elif isinstance(node, ast.Import | ast.ImportFrom) and "importlib" in imported(node):
            yield f"line {node.lineno}: importlib"
        elif isinstance(node, ast.Name) and node.id == "__import__":
            yield f"line {node.lineno}: __import__"


def imported(node: ast.Import | ast.ImportFrom) -> set[str]:
    """The top packages that a statement imports."""
    if isinstance(node, ast.Import):
        return {name.name.split(".")[0] for name in node.names}
    return {(node.module or "").split(".")[0]}


def looks_at_check_mode(source: str) -> bool:
    """Whether Python code reads somebody's check_mode attribute; to be handed the answer as a parameter is fine."""
    nodes = ast.walk(ast.parse(source))
    return any(isinstance(node, ast.Attribute) and node.attr == "check_mode" for node in nodes)


def named_hypervisors(text: str) -> Iterator[str]:
    """The hypervisors that a text of the core names, code or comment."""
    pattern = rf"\b({'|'.join(HYPERVISORS)})(?=\b|_)"
    for number, line in enumerate(text.splitlines(), 1):
        for found in re.findall(pattern, line, re.IGNORECASE):
            yield f"line {number}: {found}"


def lacks_licence(path: str, text: str) -> bool:
    """Whether a file should open with its licence line and does not."""
    if not text or WITHOUT_LICENCE.fullmatch(path):
        return False
    return not any(LICENCE in line for line in text.splitlines()[:LICENCE_WITHIN])


def sanity_ignores(paths: Iterable[str]) -> list[str]:
    """The files by which a collection asks ansible-test to look away."""
    return [path for path in paths if SANITY_IGNORE.fullmatch(path)]


def untested(modules: Iterable[str], tests: Iterable[str]) -> list[str]:
    """The modules that none of the texts names, by full name or by path; a bare word is not enough."""
    everything = "\n".join(tests)
    prefix = r"(hostforge\.hypervisor\.|plugins[./]modules[./])"
    return [name for name in modules if not re.search(rf"{prefix}{re.escape(name)}(?!\w)", everything)]


def mentions(files: Mapping[str, str], patterns: Iterable[str]) -> Iterator[str]:
    """Where one of the patterns stands in the files, given as path to text."""
    wanted = re.compile("|".join(f"(?:{pattern})" for pattern in patterns))
    for path, text in files.items():
        for number, line in enumerate(text.splitlines(), 1):
            found = wanted.search(line)
            if found:
                yield f"{path}:{number}: {found[0]}"
