# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A SIMULATOR of xl for the program that starts guests: a command in a folder of its own, with its domains in a file.

It knows create, with and without --dryrun, domid and list, with the words and statuses that were captured of xl 4.17.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

COMMAND = r"""#!@PYTHON@
import json, re, sys, time
from pathlib import Path
home = Path("@HOME@")
state = json.loads((home / "state").read_text())
words = sys.argv[1:]
with (home / "log").open("a") as log:
    log.write(json.dumps(words) + "\n")
def end(status, says):
    print(says, file=sys.stderr)
    sys.exit(status)
if state["dead"]:
    end(1, "xc: error: Could not obtain handle on privileged command interface: No such file or directory")
if words == ["list"]:
    print("Name ID Mem VCPUs State Time(s)")
elif words[:2] == ["domid", "--"]:
    if words[2] not in state["domains"]:
        end(1, f"Can't get domid of domain name '{words[2]}', maybe this domain does not exist.")
    print(state["domains"].index(words[2]) + 1)
elif words[0] == "create" and words[1] == "--quiet" and words[-2] == "--defconfig":
    path = Path(words[-1])
    if not path.is_file():
        end(3, f"Failed to read config file: {path}: No such file or directory")
    name = re.search(r"^name *= *[\"'](.*)[\"']$", path.read_bytes().decode("utf-8", "replace"), re.MULTILINE)
    if name is None:
        end(1, "Failed to parse config: Invalid argument")
    if "--dryrun" in words:
        print(json.dumps({"c_info": {"type": "pv", "name": name[1]}}))
        sys.exit(0)
    if name[1] in state["domains"]:
        end(3, f'libxl: error: libxl_domain.c: Domain with name "{name[1]}" already exists.')
    if name[1] in state["broken"]:
        end(3, "libxl: error: libxl_create.c: cannot make domain: -3")
    if state["busy"]:
        (home / "state").write_text(json.dumps({**state, "busy": state["busy"] - 1}))
        killed = "async_exec_timeout: killing execution of /etc/xen/scripts/block add because of timeout\n"
        end(3, f"libxl: error: libxl_aoutils.c:539:{killed}" + "libxl: error: Destruction of domain failed\n" * 30)
    time.sleep(state["slow"])
    state["domains"].append(name[1])
    (home / "state").write_text(json.dumps(state))
else:
    end(2, f"words that are not known: {words}")
"""
SYSTEMCTL = """#!/bin/sh
cat '@HOME@/invocation'
"""


class SimulatedXl:
    """xl in a folder that comes first in PATH, and of systemctl what tells when xendomains was started."""

    def __init__(self, home: Path) -> None:
        self._home = home
        (home / "bin").mkdir()
        for name, text in (("xl", COMMAND), ("systemctl", SYSTEMCTL)):
            path = home / "bin" / name
            path.write_text(text.replace("@PYTHON@", sys.executable).replace("@HOME@", str(home)))
            path.chmod(0o755)
        (home / "log").touch()
        (home / "state").write_text(json.dumps({"domains": [], "broken": [], "busy": 0, "slow": 0, "dead": False}))
        self.begin_xendomains("0")

    def write(self, **state: object) -> None:
        """Set the names of domains, of guests that never start, how many starts fail, their seconds, or a dead Xen."""
        old = json.loads((self._home / "state").read_text())
        (self._home / "state").write_text(json.dumps({**old, **state}))

    def begin_xendomains(self, invocation: str) -> None:
        """xendomains was started once more."""
        (self._home / "invocation").write_text(f"{invocation}\n")

    @property
    def domains(self) -> list[str]:
        """The names of what runs, in the order of their starts."""
        found: list[str] = json.loads((self._home / "state").read_text())["domains"]
        return found

    @property
    def log(self) -> list[list[str]]:
        """What it was asked."""
        return [json.loads(line) for line in (self._home / "log").read_text().splitlines()]

    @property
    def path(self) -> str:
        """PATH with it."""
        return f"{self._home}/bin{os.pathsep}{os.environ['PATH']}"
