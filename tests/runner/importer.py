# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs galaxy-importer on an archive, with every check that needs neither a container nor a network, and no mercy.

Left out is only run_ansible_test, which starts a container; bin/test sanity runs the same tests.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

SETTINGS = """\
[galaxy-importer]
ansible_local_tmp = {folder}/tmp
check_changelog = True
check_required_tags = True
offline_ansible_lint = True
run_ansible_doc = True
run_ansible_lint = True
run_ansible_test = False
run_flake8 = True
"""


def complaints(lines: Iterable[str]) -> list[str]:
    """The lines with which the importer complains; it calls an import with complaints a success."""
    return [line for line in lines if line.startswith(("WARNING:", "ERROR:", "CRITICAL:"))]


def main(archive: str) -> int:
    """Import one archive, in the current folder."""
    settings = Path("galaxy-importer.cfg").resolve()
    settings.write_text(SETTINGS.format(folder=settings.parent))
    run = subprocess.run(
        [sys.executable, "-m", "galaxy_importer.main", archive],
        env=os.environ | {"GALAXY_IMPORTER_CONFIG": str(settings)},
        check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    print(run.stdout)
    return 1 if run.returncode or complaints(run.stdout.splitlines()) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
