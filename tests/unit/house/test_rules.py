# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each rule of the house bites: what breaks it is found, what keeps it is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.hostforge.hypervisor.tests.unit.house import machine, rules


@pytest.mark.parametrize(
    "source",
    [
        "assert True",
        "def f(x: int) -> int:\n    assert x\n    return x\n",
        "import importlib",
        "import importlib.util as loader",
        "from importlib import import_module",
        "def f() -> None:\n    import os, importlib\n",
        "__import__('os')",
    ],
)
def test_forbidden_statements_are_found(source: str) -> None:
    assert list(rules.forbidden(source))


@pytest.mark.parametrize("source", ["import os", "'assert that importlib is not used'", "self.assertion = 1  # assert"])
def test_other_statements_are_not(source: str) -> None:
    assert not list(rules.forbidden(source))


def test_check_mode_is_seen_where_it_is_read_from_somebody() -> None:
    assert rules.looks_at_check_mode("if module.check_mode:\n    pass\n")
    assert rules.looks_at_check_mode("dry = self._task.check_mode")
    assert not rules.looks_at_check_mode("def converge(check_mode: bool) -> None:\n    apply(check_mode=check_mode)\n")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("# as KVM does", "KVM"),
        ("import libvirt", "libvirt"),
        ("kvm_guest", "kvm"),
        ("'xen'", "xen"),
        ("Hyperv", "Hyperv"),
    ],
)
def test_a_hypervisor_in_the_core_is_found(text: str, name: str) -> None:
    assert list(rules.named_hypervisors(f"ours\n{text}\n")) == [f"line 2: {name}"]


@pytest.mark.parametrize("text", ["the hypervisor's own name", "axen", "boxen are many", "guest.state"])
def test_other_words_in_the_core_are_not(text: str) -> None:
    assert not list(rules.named_hypervisors(text))


def test_a_file_without_its_licence_is_found() -> None:
    assert rules.lacks_licence("plugins/modules/x.py", '"""A module."""\n')
    assert rules.lacks_licence("plugins/modules/x.py", "\n" * 20 + "# SPDX-License-Identifier: GPL-3.0-or-later\n")
    assert rules.lacks_licence("docs/changelog.md", "# SPDX-License-Identifier: MIT\n")


def test_a_file_with_its_licence_or_without_need_of_one_is_not() -> None:
    assert not rules.lacks_licence("x.py", "#!/usr/bin/python\n# SPDX-License-Identifier: GPL-3.0-or-later\n")
    assert not rules.lacks_licence("plugins/module_utils/__init__.py", "")
    assert not rules.lacks_licence("LICENSE", "GNU GENERAL PUBLIC LICENSE\n")
    assert not rules.lacks_licence("tests/requirements-2.18.txt", "ansible-core==2.18.0\n")


def test_a_sanity_ignore_file_is_found() -> None:
    paths = ["tests/sanity/ignore-2.19.txt", "tests/sanity/ignore.txt", "tests/config.yml", "docs/ignore-2.19.txt"]
    assert rules.sanity_ignores(paths) == paths[:2]


def test_a_module_that_no_test_names_is_found() -> None:
    modules = ["guest", "kvm_guest", "kvm_guest_info"]
    assert rules.untested(modules, ["hostforge.hypervisor.kvm_guest_info:", "the guest is not a module here"]) == [
        "guest",
        "kvm_guest",
    ]
    assert not rules.untested(
        modules, ["plugins.modules.guest, plugins/modules/kvm_guest.py", "hostforge.hypervisor.kvm_guest_info"]
    )


def test_a_package_host_is_found_and_its_neighbours_are_not() -> None:
    files = {
        "a": "one\nsee https://mirror.example.net/x\n",
        "b": "https://my-mirror.example.net mirror.example.network",
    }
    assert list(rules.mentions(files, machine.host_patterns(["mirror.example.net"]))) == ["a:2: mirror.example.net"]


def test_everybodys_package_hosts_are_known() -> None:
    patterns = machine.host_patterns(machine.package_hosts())
    assert all(list(rules.mentions({"a": f"http://{host}/simple"}, patterns)) for host in machine.WELL_KNOWN)


def test_hosts_are_read_from_settings_without_passwords_and_ports() -> None:
    text = "deb https://user:secret@apt.example.net:8443/debian x\nindex-url = 'http://127.0.0.1:3141/'\nURIs: http://B.example.net/"
    assert machine.hosts_in(text) == {"apt.example.net", "b.example.net"}


@pytest.mark.parametrize("text", ["/data/src/hypervisor/plugins", "/home/me/notes", "cd /data/other"])
def test_a_path_of_the_machine_is_found(text: str) -> None:
    patterns = machine.path_patterns(Path("/data/src/hypervisor"), Path("/home/me"))
    assert list(rules.mentions({"a": text}, patterns))


@pytest.mark.parametrize("text", ["/home/meadow", "/var/lib/data/images", "~/notes", "/home/me/.ssh", "/etc/hosts"])
def test_other_paths_are_not(text: str) -> None:
    patterns = machine.path_patterns(Path("/data/src/hypervisor"), Path("/home/me"))
    assert not list(rules.mentions({"a": text}, patterns))
