# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plays tasks with ansible-playbook on this machine, as a user would, and times the whole process."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from ansible_collections.hostforge.hypervisor.bench.clock import Spent, timed

PLAYBOOK = str(Path(sys.executable).parent / "ansible-playbook")
# Stands for the interpreter, and notes how much memory that took.
WEIGHER = """#!{python}
import os, resource, subprocess, sys
status = subprocess.call(["{python}", *sys.argv[1:]])
with open("{note}", "a") as note:
    note.write(str(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss) + chr(10))
sys.exit(status)
"""


@dataclass(frozen=True)
class Book:
    """A playbook in a file. changes: whether it has to report a change, None when either will do."""

    path: Path
    changes: bool | None

    def play(self, **variables: str) -> Spent:
        """Play it; what that took."""
        expects = "" if self.changes is None else f"changed={int(self.changes)} "
        temporary = {f"ANSIBLE_{place}_TEMP": str(self.path.parent / place) for place in ("LOCAL", "REMOTE")}
        command = [PLAYBOOK, "-i", "localhost,", "-e", json.dumps(variables), str(self.path)]
        return timed(command, self.path.parent, expects, temporary)

    def weigh(self) -> float:
        """Play it; the most memory that the module's process held, in MiB."""
        weigher, note = self.path.with_suffix(".weigher"), self.path.with_suffix(".weight")
        weigher.write_text(WEIGHER.format(python=sys.executable, note=note))
        weigher.chmod(0o755)
        note.unlink(missing_ok=True)
        self.play(ansible_python_interpreter=str(weigher))
        return max(int(line) for line in note.read_text().split()) / 1024


def write(
    folder: Path,
    name: str,
    tasks: list[dict[str, Any]],
    changes: bool | None = False,
    variables: dict[str, Any] | None = None,
) -> Book:
    """A playbook for the local machine, in YAML, as users write it, in a folder of its own.

    tasks: each a module's full name with its options. variables: those of the host, in a file beside the playbook.
    """
    own = folder / name
    (own / "host_vars").mkdir(parents=True, exist_ok=True)
    local = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    (own / "host_vars/localhost.yml").write_text(yaml.safe_dump({**local, **(variables or {})}, sort_keys=False))
    path = own / "book.yml"
    play = {"hosts": "localhost", "gather_facts": False, "tasks": tasks}
    path.write_text(yaml.safe_dump([play], sort_keys=False))
    return Book(path, changes)


def guests(folder: Path, name: str, wishes: list[dict[str, Any]], changes: bool = False) -> Book:
    """A playbook with one task for guests, which are in the host's variables. There is no acceleration."""
    task = {"hostforge.hypervisor.kvm_guest": {"kvm": {"type": "qemu"}, "guests": "{{ hypervisor_guests }}"}}
    return write(folder, name, [task], changes, {"hypervisor_guests": wishes})
