# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options that are in shape become what Ansible's own machinery would make of them."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.network_spec import NETWORK
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.pool_spec import POOL
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.traits import OWN
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.shape import normal, shape_errors
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.spec import GUEST, guest_argument_spec

EVERY: dict[str, Any] = {
    "text": {"type": "str", "default": "x"},
    "untyped": {},
    "number": {"type": "int"},
    "fraction": {"type": "float", "default": 0.5},
    "flag": {"type": "bool", "default": True},
    "path": {"type": "path"},
    "free": {"type": "raw"},
    "open": {"type": "dict"},
    "one": {"type": "dict", "options": {"count": {"type": "int", "default": 3}, "name": {"type": "str"}}},
    "many": {"type": "list", "elements": "dict", "options": {"flag": {"type": "bool"}, "path": {"type": "path"}}},
    "texts": {"type": "list", "elements": "str"},
    "things": {"type": "list"},
}


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"text": 5, "untyped": 1.5, "number": " 7 ", "fraction": 2},
        {"number": -3, "flag": "off", "path": "~/a", "free": {"a": [None, 1]}},
        {"flag": "Yes", "path": "/$HOME/a", "free": "text", "open": {"x": None, "y": {"z": 1}}},
        {"one": {}, "many": [], "texts": [], "things": []},
        {"one": {"count": "4", "name": 12}, "many": [{}, {"flag": "true", "path": "~"}]},
        {"flag": 0, "texts": "a, b,c"},
        {"flag": "1", "texts": ["a", 1, 2.5], "things": [1, "b", {"c": None}]},
    ],
    ids=str,
)
def test_options_become_what_ansible_makes_of_them(given: dict[str, Any]) -> None:
    assert list(shape_errors(EVERY, given)) == []
    theirs = ArgumentSpecValidator(EVERY).validate(given)
    assert theirs.error_messages == []
    assert normal(EVERY, given) == theirs.validated_parameters


# What shape.py knows of a rule; whoever uses another of Ansible's has to teach it there first.
KNOWN = {"type", "default", "choices", "required", "options", "elements", "no_log", "required_together"}


@pytest.mark.parametrize("spec", [guest_argument_spec("kvm", OWN), NETWORK, POOL], ids=["guest", "network", "pool"])
def test_no_option_has_a_rule_that_is_not_looked_at(spec: dict[str, Any]) -> None:
    def rules(options: dict[str, Any]) -> set[str]:
        inner = [rules(rule.get("options") or {}) for rule in options.values()]
        return {word for rule in options.values() for word in rule}.union(*inner)

    assert rules(spec) <= KNOWN


def test_a_guest_becomes_what_ansible_makes_of_it() -> None:
    given = {
        "name": "a",
        "vcpus": "2",
        "tpm": "no",
        "disks": [{"name": "root", "size": "1 GiB", "image": {"source": "/a"}}, {"name": 7}],
        "cdroms": [{"source": "~/a.iso"}, {}],
        "nics": [{"network": "default", "vlan": "5"}],
        "cloud_init": {"user_data": {"a": None}},
        "autostart": {"order": 1},
    }
    assert normal(GUEST, given) == ArgumentSpecValidator(GUEST).validate(given).validated_parameters
