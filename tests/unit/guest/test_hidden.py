# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a task's options is hidden from messages and from what a task was called with."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.hidden import (
    HIDDEN,
    is_seed,
    scrub,
    shown,
    without_secrets,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.spec import guest_argument_spec
from ansible_collections.hostforge.hypervisor.tests.unit.guest.bad_input import SECRET

SPEC = {**guest_argument_spec("fake", {"tags": {"type": "list", "elements": "str"}}), "key": {"no_log": True}}


@pytest.mark.parametrize("name", ["cloud_init", "user_data", "userdata", "user-data", "Cloud_Init", "cloudinit"])
def test_a_seed_is_known_however_it_is_spelt(name: str) -> None:
    assert is_seed(name)


@pytest.mark.parametrize("name", [*SPEC["nics"]["options"], *SPEC["disks"]["options"], "guests", 5, None, "network"])
def test_an_option_is_no_seed(name: object) -> None:
    assert not is_seed(name)


@pytest.mark.parametrize(
    "params",
    [
        {"cloud_init": {"user_data": {"a": [SECRET]}}},
        {"guests": [{"name": "a", "cloudinit": SECRET}]},
        {"guests": [{"name": "a", "nics": [{"user_data": f"{SECRET}"}]}]},
        {"key": SECRET},
        {"disks": [{"image": {"source": f"https://me:{SECRET}@example.org/a"}}]},
        {"disks": [{"image": {"source": f"https://example.org/a?token={SECRET}"}}]},
    ],
)
def test_no_message_holds_a_secret(params: dict[str, Any]) -> None:
    said = scrub(f"xorriso says: 'token={SECRET}' is no file; token={SECRET}", params, SPEC)
    assert SECRET not in said
    assert said.startswith("xorriso says: ")


def test_a_number_may_be_a_password() -> None:
    options = {"cloud_init": {"user_data": {"password": 12345678}}}
    assert scrub("12345678 is short", options, SPEC) == "******** is short"


def test_what_is_no_secret_elsewhere_stays() -> None:
    """A guest's name is in most user data."""
    user_data = {"hostname": "web-front-1", "x": "web-front"}
    params = {"guests": [{"name": "web-front-1", "cloud_init": {"user_data": user_data}}]}
    assert scrub("guest web-front-1: no", params, SPEC) == "guest web-front-1: no"


@pytest.mark.parametrize(
    ("url", "left"),
    [
        ("https://me:pw@example.org/a", "https://me:********@example.org/a"),
        ("sha256:https://example.org/SUMS?sig=x", "sha256:https://example.org/SUMS?********"),
        ("https://example.org/a", "https://example.org/a"),
        ("/srv/a?b", "/srv/a?b"),
        ("https://[half/a", "********"),
    ],
)
def test_what_lets_somebody_in_is_cut_out_of_urls(url: str, left: str) -> None:
    assert without_secrets(url) == left


@pytest.mark.parametrize(
    "odd",
    [
        {"description": {"user_data": SECRET}},
        {"memory": [SECRET, {"a": SECRET}]},
        {"disks": SECRET},
        {"disks": [SECRET]},
        {"disks": [{"name": "root", "image": SECRET}]},
        {"disks": [{"name": "root", "size": {"user_data": SECRET}}]},
        {"autostart": {"order": 1, "user_data": SECRET}},
        {"autostart": [{"a": SECRET}]},
        {"fake": SECRET},
        {"fake": {"tags": {"a": SECRET}}},
        {"fake": {"tags": [{"a": SECRET}]}},
        {"guests": SECRET},
        {"guests": [SECRET]},
        {"guests": {"password": SECRET}},
        {"guests": [[{"password": SECRET}]]},
        {"cloud_init": SECRET},
        {"usr_data": SECRET},
        {"key": SECRET},
    ],
)
def test_what_stands_in_a_wrong_place_is_not_shown(odd: dict[str, Any]) -> None:
    assert SECRET not in repr(shown(odd, SPEC, "guests"))
    assert SECRET not in repr(shown({"guests": [odd]}, SPEC, "guests"))


def test_what_is_as_it_should_be_is_shown() -> None:
    entry = {
        "name": "a",
        "description": "two\nlines",
        "disks": [{"name": "root", "image": {"source": "/a"}}],
        "nics": [{"vlan": 5}],
        "autostart": {"order": 1, "delay": None},
        "fake": {"tags": ["x"]},
    }
    assert shown({**entry, "guests": [entry], "cloud_init": None}, SPEC, "guests") == {
        **entry,
        "guests": [entry],
        "cloud_init": None,
    }
    assert shown({"cloud_init": {"a": 1}}, SPEC, "guests") == {"cloud_init": HIDDEN}
