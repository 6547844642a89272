# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tree keeps the rules of the house."""

from __future__ import annotations

import os
import pwd
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path

from ansible_collections.hostforge.hypervisor.tests.runner.environment import CHECKOUT
from ansible_collections.hostforge.hypervisor.tests.runner.workspace import tree_files
from ansible_collections.hostforge.hypervisor.tests.unit.house import machine, rules


@cache
def tree() -> dict[str, str]:
    """Every text file that is or will be committed: its path in the tree, and its text."""
    files = {name: (CHECKOUT / name).read_bytes() for name in tree_files(CHECKOUT)}
    return {name: data.decode(errors="replace") for name, data in files.items() if b"\0" not in data}


def below(*folders: str, suffix: str = "") -> dict[str, str]:
    """The files below some folders."""
    return {name: text for name, text in tree().items() if name.startswith(folders) and name.endswith(suffix)}


def judged(files: Mapping[str, str], rule: Callable[[str], Iterable[str]]) -> dict[str, list[str]]:
    """What a rule finds in which files."""
    return {name: found for name, text in files.items() if (found := list(rule(text)))}


def test_the_tree_is_there() -> None:
    assert {"galaxy.yml", "LICENSE", "README.md", "plugins/module_utils/guest/plan.py"} <= set(tree())


def test_no_plugin_asserts_or_imports_by_name() -> None:
    plugins = below("plugins/", suffix=".py")
    assert judged(plugins, rules.forbidden) == {}


def test_check_mode_is_looked_at_in_one_place() -> None:
    files = [name for name, text in below("plugins/", suffix=".py").items() if rules.looks_at_check_mode(text)]
    assert len(files) == 1, files


def test_the_core_names_no_hypervisor() -> None:
    core = below("plugins/module_utils/guest/")
    assert core
    assert judged(core, rules.named_hypervisors) == {}


def test_every_file_has_its_licence() -> None:
    without = [name for name, text in tree().items() if rules.lacks_licence(name, text)]
    assert without == []


def test_commands_are_python_to_ansible_test() -> None:
    commands = below("bin/")
    assert commands
    for name, text in commands.items():
        compile(text, name, "exec")


def test_nothing_asks_ansible_test_to_look_away() -> None:
    assert rules.sanity_ignores(tree()) == []


def test_every_module_is_named_by_a_test() -> None:
    modules = [Path(name).stem for name in below("plugins/modules/", suffix=".py")]
    tests = [text for name, text in below("tests/", "molecule/").items() if not name.startswith("tests/unit/house/")]
    assert modules
    assert rules.untested([name for name in modules if name != "__init__"], tests) == []


def test_nothing_names_a_package_host() -> None:
    found = list(rules.mentions(tree(), machine.host_patterns(machine.package_hosts())))
    assert found == []


def test_nothing_names_a_path_of_this_machine() -> None:
    home = Path(pwd.getpwuid(os.getuid()).pw_dir)
    found = list(rules.mentions(tree(), machine.path_patterns(CHECKOUT, home)))
    assert found == []
