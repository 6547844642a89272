# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the tests of one folder here in the root filesystem that the folder describes; the rest is for pytest."""

from __future__ import annotations

import os
import subprocess
import sys

from ansible_collections.hostforge.hypervisor.tests.roots import build, enter


def main() -> int:
    """Make the root, and run pytest in it, in namespaces that end with it."""
    name, *arguments = sys.argv[1:]
    if name == enter.INSIDE:
        enter.become_root(arguments[0], arguments[1], arguments[2:])
    root = build.ensure_root(build.recipe_of(name))
    command = ["setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "--net", "--pid", "--fork", "--kill-child"]
    inside = [sys.executable, "-m", __package__ or "", enter.INSIDE, name, str(root), *arguments]
    return subprocess.run([*command, *inside], check=False, env=dict(os.environ)).returncode


if __name__ == "__main__":
    sys.exit(main())
