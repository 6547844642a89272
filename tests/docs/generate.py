# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the tables of docs/guest-specification.md anew: python3 tests/docs/generate.py."""

from __future__ import annotations

import os
import sys
from pathlib import Path

sys.dont_write_bytecode = True
TESTS = Path(__file__).resolve().parents[1]
MODULE = "ansible_collections.hostforge.hypervisor.tests.docs.specification"


def main() -> None:
    """Become the generator, in the environment of the tests."""
    sys.path.insert(0, str(TESTS))
    from runner import environment

    lock, groups = environment.COMMANDS["test"]
    with environment.explained():
        python = environment.ensure(groups, lock) / "bin/python"
    os.environ["PYTHONPATH"] = str(environment.link_collection().parents[2])
    os.execv(python, [str(python), "-B", "-m", MODULE])


if __name__ == "__main__":
    main()
