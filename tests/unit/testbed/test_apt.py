# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Package sources of any suite are derived from the machine's own apt settings."""

from __future__ import annotations

import pytest

from ansible_collections.hostforge.hypervisor.molecule.shared.testbed import apt
from ansible_collections.hostforge.hypervisor.molecule.shared.testbed.errors import TestbedError

OWN = [
    "http://mirror.example/debian/|bookworm|main|Debian|Packages",
    "http://mirror.example/debian/|bookworm-updates|main|Debian|Packages",
    "http://mirror.example/security/|bookworm-security|main|Debian|Packages",
]


def test_the_machines_own_suite_is_taken_as_it_is() -> None:
    sources = apt.sources_for("bookworm", "bookworm", OWN)
    assert "URIs: http://mirror.example/debian/\nSuites: bookworm bookworm-updates\n" in sources
    assert "URIs: http://mirror.example/security/\nSuites: bookworm-security\n" in sources


def test_a_suite_can_have_more_components_and_then_has_no_pockets() -> None:
    sources = apt.with_components(apt.sources_for("sid", "bookworm", OWN), "sid", ("contrib",))
    assert sources.count("Types:") == 1
    assert "Suites: sid\nComponents: main contrib\n" in sources


def test_another_suite_has_its_name_swapped_in_every_pocket() -> None:
    sources = apt.sources_for("trixie", "bookworm", OWN)
    assert "Suites: trixie trixie-updates\n" in sources
    assert "Suites: trixie-security\n" in sources
    assert "bookworm" not in sources


@pytest.mark.parametrize(
    "foreign",
    [
        "http://mirror.example/debian/|bookworm|main|Debian|Translations",
        "http://mirror.example/debian/|bookworm|contrib|Debian|Packages",
        "http://mirror.example/debian/|bookworm-backports|main|Debian|Packages",
        "http://other.example/tools/|bookworm|stable|Other|Packages",
        "http://other.example/tools/|bookworm|main|Other|Packages",
        "http://other.example/tools/|nodistro|main||Packages",
    ],
)
def test_sources_that_are_not_debians_main_are_left_out(foreign: str) -> None:
    assert apt.sources_for("bookworm", "bookworm", [*OWN, foreign]) == apt.sources_for("bookworm", "bookworm", OWN)


def test_targets_named_once_for_each_architecture_make_one_source() -> None:
    assert apt.sources_for("bookworm", "bookworm", [*OWN, *OWN]) == apt.sources_for("bookworm", "bookworm", OWN)


def test_lists_never_downloaded_have_no_origin_and_still_count() -> None:
    target = "http://mirror.example/debian/|bookworm|main||Packages"
    assert "Suites: bookworm\n" in apt.sources_for("bookworm", "bookworm", [target])


def test_a_machine_without_debian_sources_is_told_what_to_set() -> None:
    with pytest.raises(TestbedError, match="HOSTFORGE_MIRROR"):
        apt.sources_for("bookworm", "noble", ["http://mirror.example/ubuntu/|noble|main|Ubuntu|Packages"])


def test_only_settings_that_reach_a_mirror_are_carried_over() -> None:
    dump = [
        'Acquire::http::Proxy "http://127.0.0.1:3142/";',
        'Acquire::Check-Valid-Until "false";',
        'Acquire::Retries "3";',
        'Acquire::httpfoo "x";',
        'Acquire::http "";',
        'APT::Install-Recommends "1";',
        'Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";',
        'DPkg::Post-Invoke:: "anything";',
    ]
    assert apt.carried_options(dump) == tuple(dump[:3])


def test_a_vm_sees_the_machines_loopback_elsewhere() -> None:
    settings = apt.AptSettings(
        "URIs: http://localhost:8080/debian\n", ('Acquire::http::Proxy "http://127.0.0.1:3142/";',)
    )
    seen = settings.seen_from_vm()
    assert seen.sources == "URIs: http://10.0.2.2:8080/debian\n"
    assert seen.options == ('Acquire::http::Proxy "http://10.0.2.2:3142/";',)


def test_a_name_that_only_begins_like_the_loopback_is_left_alone() -> None:
    settings = apt.AptSettings("URIs: http://localhost.example/debian\n", ())
    assert settings.seen_from_vm() == settings
