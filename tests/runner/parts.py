# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All parts of the test run: the table that bin/test reads. Those that may take longest are started first."""

from __future__ import annotations

from . import gates, package, suites
from .part import Part

PARTS = (
    Part("lint", "style and types: ruff, mypy --strict, ansible-lint, yamllint, shellcheck, changelog, module docs",
         gates.lint, packages=("gates",), keep_going=True, quick=True),
    Part("unit", "pytest on tests/unit: the engine, the drivers' data and the rules of the house",
         suites.unit, needs="tests/unit", quick=True),
    Part("sanity", "ansible-test sanity, with every Python version found here",
         gates.sanity, lane="ansible-test", quick=True),
    Part("build", "the archive builds, installs into an empty path without a network, and runs from there",
         package.build, keep_going=True),
    Part("importer", "galaxy-importer accepts the archive without a warning",
         package.importer),
    Part("docs", "antsibull-docs makes the module pages, and every reference in them leads somewhere",
         gates.docs),
    Part("compat", "the oldest ansible-core that is admitted: unit tests, archive and sanity",
         package.compat, lane="ansible-test", keep_going=True, minutes=25),
    Part("integration", "pytest on tests/integration: the drivers against a real daemon of their own",
         suites.integration, needs="tests/integration", packages=("daemon",), lane="daemon", minutes=60),
    *(Part(root.name, suites.shown_in_root(root), suites.rooted(root.name),
           needs=f"tests/roots/{root.name}", packages=("root",), lane="daemon", minutes=30)
      for root in suites.roots()),
    *(Part(f"molecule-{scenario.name}", suites.shown(scenario), suites.molecule(scenario.name),
           needs=f"molecule/{scenario.name}", packages=("vm",), lane="vm", minutes=45, asked=suites.asked(scenario))
      for scenario in suites.scenarios()),
    Part("demo", "command 1, as the README gives it: a throwaway host with guests, then its end",
         suites.demo, needs="bin/demo", packages=("vm",), lane="vm", minutes=30),
    Part("fuzz", "100,000 made-up tasks, nearly right and quite wrong, through options, wishes and plan",
         suites.fuzz, needs="tests/unit", minutes=240, asked=True),
    Part("bench", "the collection compared with its floor and with its peer; a measurement, not a test",
         suites.bench, needs="bench", packages=("daemon",), lane="daemon", minutes=60, asked=True),
)  # fmt: skip
