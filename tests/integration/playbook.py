# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs one task with ansible-playbook, as a user would, against this machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# The distribution's Python, which has the bindings of libvirt as a host has them.
HOST_PYTHON = "/usr/bin/python3"


@dataclass(frozen=True)
class Played:
    """What a task answered, and all that Ansible printed."""

    result: dict[str, Any]
    output: str

    @property
    def actions(self) -> list[dict[str, Any]]:
        """The actions of all guests."""
        return [action for guest in self.result["guests"] for action in guest["actions"]]


def play(folder: Path, module: str, options: dict[str, Any], *words: str) -> Played:
    """Run a module, by its full name, with options. words: of ansible-playbook's, such as --check."""
    answer = folder / "answer.json"
    answer.unlink(missing_ok=True)
    task = {module: options, "register": "answer", "ignore_errors": True}
    copy = {"content": "{{ answer | to_json }}", "dest": str(answer), "mode": "0600"}
    keep = {"ansible.builtin.copy": copy, "check_mode": False, "diff": False, "no_log": True}
    host = {"hosts": "localhost", "connection": "local", "gather_facts": False, "tasks": [task, keep]}
    book = folder / "book.json"
    book.write_text(json.dumps([{**host, "vars": {"ansible_python_interpreter": HOST_PYTHON}}]))
    environment = os.environ | {
        "ANSIBLE_LOCAL_TEMP": str(folder / "local"),
        "ANSIBLE_REMOTE_TEMP": str(folder / "remote"),
    }
    command = [str(Path(sys.executable).parent / "ansible-playbook"), *words, str(book)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=environment, cwd=folder)
    if done.returncode or not answer.exists():
        raise RuntimeError(done.stdout + done.stderr)
    return Played(json.loads(answer.read_text()), done.stdout + done.stderr)
