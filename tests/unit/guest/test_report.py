# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What users see of a run: the diff is YAML that shows what differs, actions speak the words of the specification."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.change import Change
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.module import report
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.report import (
    action,
    describe,
    diff,
    kept_disks,
    to_yaml,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.resource import Outcome, Wish
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.seed import make_cloud_init
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import (
    Autostart,
    Cdrom,
    Disk,
    Guest,
    Image,
    Nic,
)
from ansible_collections.hostforge.hypervisor.tests.unit.guest.bad_input import SECRET

MIB = 1024**2
SEED = make_cloud_init("web1", {"password": SECRET}, {"token": SECRET}, {"key": SECRET})


def outcome(*changes: Change, **more: Any) -> Outcome[Guest]:
    return Outcome(Wish(Guest("web1")), changes, **more)


def sides(*changes: Change) -> tuple[Any, Any]:
    """What the diff says of the guest, read by a YAML library."""
    found = diff([outcome(*changes)])
    return yaml.safe_load(found["before"])["web1"], yaml.safe_load(found["after"])["web1"]


def change(verb: str, field: str, before: Any = None, after: Any = None, **more: Any) -> Change:
    return Change("web1", verb, field, before=before, after=after, **more)


def power(verb: str, before: str, after: str) -> Change:
    return change(verb, "state", before, after)


CASES: list[tuple[str, list[Change], Any, Any]] = [
    ("a scalar", [change("set", "vcpus", 2, 4)], {"vcpus": 2}, {"vcpus": 4}),
    ("a size in MiB", [change("set", "memory_mib", 1024, 1536)], {"memory": "1 GiB"}, {"memory": "1536 MiB"}),
    (
        "growth",
        [change("grow", "disks.size_bytes", 64 * MIB, 128 * MIB, key="root")],
        {"disks[root].size": "64 MiB"},
        {"disks[root].size": "128 MiB"},
    ),
    (
        "a text as it is",
        [change("set", "description", "", "it's: {a} #1\n- two \u2028\x9b\U0001f600")],
        {"description": ""},
        {"description": "it's: {a} #1\n- two \u2028\x9b\U0001f600"},
    ),
    (
        "words that YAML takes for others",
        [change("set", "cpu_mode", "no", "1e3")],
        {"cpu_mode": "no"},
        {"cpu_mode": "1e3"},
    ),
    (
        "a list's new entry",
        [change("add", "disks", None, Disk("data", 64 * MIB, image=Image("/a", "none")), key="data")],
        {},
        {"disks[data]": {"name": "data", "size": "64 MiB", "image": {"source": "/a"}}},
    ),
    ("an ejected medium", [change("set", "cdroms.source", "/a", None, key="sda")], {"cdroms[sda].source": "/a"}, {}),
    (
        "a card that moves",
        [change("set", "nics.source", ("default", None), (None, "br0"), key="52:54:00:00:00:01")],
        {"nics[52:54:00:00:00:01].source": {"network": "default"}},
        {"nics[52:54:00:00:00:01].source": {"bridge": "br0"}},
    ),
    (
        "two new cards on one network",
        [
            change("add", "nics", None, Nic("default"), key="default"),
            change("add", "nics", None, Nic("default"), key="default"),
        ],
        {},
        {"nics[default]": {"network": "default"}, "nics[default] 2": {"network": "default"}},
    ),
    ("a card of which nothing is known", [change("remove", "nics", Nic(), None)], {"nics": {}}, {}),
    ("a start", [power("start", "stopped", "running")], {"state": "stopped"}, {"state": "running"}),
    (
        "a power cycle",
        [power("stop", "running", "stopped"), change("set", "tpm", False, True), power("start", "stopped", "running")],
        {"tpm": False, "state": "running"},
        {"tpm": True, "state": "running, restarted"},
    ),
    ("a restart", [power("restart", "running", "running")], {"state": "running"}, {"state": "running, restarted"}),
    (
        "a new guest",
        [
            change("create", "guest", None, Guest("web1", vcpus=1, nics=(Nic("a"),))),
            power("start", "stopped", "running"),
        ],
        "absent",
        {"state": "running", "vcpus": 1, "nics": [{"network": "a"}]},
    ),
    (
        "a guest that goes",
        [
            power("stop", "running", "stopped"),
            change("delete", "disks", Disk("root", 64 * MIB), None, key="root", delete=True),
            change("remove", "guest", Guest("web1", "running", disks=(Disk("root", 64 * MIB),)), None),
        ],
        {"state": "running", "disks": [{"name": "root", "size": "64 MiB"}]},
        "absent",
    ),
    (
        "a seed",
        [change("set", "cloud_init", None, SEED)],
        {},
        {"cloud_init": f"seed {SEED.digest}"},
    ),
    (
        "autostart",
        [change("set", "autostart", Autostart(False), Autostart(True, 5, 10))],
        {"autostart": False},
        {"autostart": {"enabled": True, "order": 5, "delay": 10}},
    ),
]


@pytest.mark.parametrize(("_about", "changes", "before", "after"), CASES, ids=[case[0] for case in CASES])
def test_the_diff_shows_what_differs(_about: str, changes: list[Change], before: Any, after: Any) -> None:
    assert sides(*changes) == (before, after)


def test_what_stays_is_not_in_the_diff() -> None:
    changed, same = outcome(change("set", "vcpus", 1, 2)), Outcome(Wish(Guest("web2")))
    found = diff([changed, same])
    assert found == {"before": "web1:\n  vcpus: 1\n", "after": "web1:\n  vcpus: 2\n"}
    assert diff([same]) == {"before": "", "after": ""}


def test_the_diff_is_for_people() -> None:
    disk = Disk("data", 64 * MIB, "fast", path="/pools/fast/web1.data.qcow2")
    found = diff(
        [outcome(change("add", "disks", None, disk, key="data"), change("set", "description", "", "front end"))]
    )
    assert found["after"].splitlines() == [
        "web1:",
        "  disks[data]:",
        "    name: data",
        "    size: 64 MiB",
        "    pool: fast",
        "    path: /pools/fast/web1.data.qcow2",
        "  description: front end",
    ]


plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(st.characters(codec="utf-8"))
    | st.sampled_from(
        [
            "- iB",
            "1 GiB",
            "null",
            "Null",
            "~",
            "on",
            "0o7",
            "1_0",
            "1:30",
            "2001-01-01",
            "=",
            "<<",
            "a: b",
            "a #b",
            ".inf",
        ]
    ),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=20), inner, max_size=3)
    ),
    max_leaves=10,
)


@given(st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=20), plain, min_size=1, max_size=4))
def test_yaml_is_read_back_as_it_was(value: dict[str, Any]) -> None:
    text = to_yaml(value)
    assert yaml.safe_load(text) == value
    assert all(letter.isprintable() or letter == "\n" for letter in text)


@pytest.mark.parametrize(
    ("made", "shown"),
    [
        (
            change("grow", "disks.size_bytes", MIB, 2 * MIB, key="root", hot=True),
            {"verb": "grow", "field": "disks.size", "key": "root", "before": "1 MiB", "after": "2 MiB", "hot": True},
        ),
        (
            change("remove", "cdroms", Cdrom("/a", "sda"), None, key="sda"),
            {
                "verb": "remove",
                "field": "cdroms",
                "key": "sda",
                "before": {"source": "/a", "drive": "sda"},
                "after": None,
                "hot": False,
            },
        ),
        (change("create", "guest", None, Guest("web1")), {"verb": "create", "field": "guest"}),
        (
            change("remove", "guest", Guest("web1"), None, delete=True),
            {"verb": "remove", "field": "guest", "hot": False, "delete": True},
        ),
        (
            power("start", "stopped", "running"),
            {"verb": "start", "field": "state", "before": "stopped", "after": "running"},
        ),
    ],
)
def test_an_action(made: Change, shown: dict[str, Any]) -> None:
    assert action(made) == shown


def test_a_found_guest_is_described_in_the_words_of_the_specification() -> None:
    guest = Guest(
        "web1",
        "running",
        memory_mib=2048,
        disks=(Disk("root", 64 * MIB, path="/a", owned=True),),
        cdroms=(Cdrom(None, "sda"),),
        nics=(Nic("default", mac="52:54:00:00:00:01", vlan=0),),
        cloud_init=SEED,
        autostart=Autostart(True),
        options=(("cpu_mode", "host"), ("tags", None)),
        uuid="0",
        addresses=("192.0.2.1",),
        live=Guest("web1"),
    )
    assert describe(guest) == {
        "name": "web1",
        "state": "running",
        "memory": "2 GiB",
        "disks": [{"name": "root", "size": "64 MiB", "path": "/a", "owned": True}],
        "cdroms": [{"drive": "sda"}],
        "nics": [{"network": "default", "mac": "52:54:00:00:00:01", "vlan": 0}],
        "cloud_init": f"seed {SEED.digest}",
        "autostart": True,
        "cpu_mode": "host",
        "uuid": "0",
        "addresses": ["192.0.2.1"],
    }


def test_disks_that_stay_are_named() -> None:
    disks = tuple(Disk(name, MIB, path=f"/{name}") for name in ("root", "data", "logs"))
    gone = outcome(
        change("delete", "disks", disks[0], None, key="root", delete=True),
        change("remove", "guest", Guest("web1", disks=disks), None),
    )
    assert kept_disks(gone) == ["/data", "/logs"]
    detached = outcome(
        change("remove", "disks", disks[1], None, key="data"),
        change("remove", "disks", disks[2], None, key="logs", delete=True),
    )
    assert kept_disks(detached) == ["/data"]
    others = outcome(
        change("add", "disks", None, disks[0], key="root"), change("remove", "nics", Nic("a"), None, key="a")
    )
    assert kept_disks(others) == []
    late = outcome(
        change("remove", "disks", disks[1], None, key="data"),
        power("restart", "running", "running"),
        change("delete", "disks", disks[1], None, key="data", delete=True),
    )
    assert kept_disks(late) == []


def test_a_report_of_a_run() -> None:
    found = Guest("web1", "running", uuid="0")
    done = outcome(change("set", "vcpus", 1, 2), before=found, after=found, pending=True)
    failed = Outcome(Wish(Guest("web2")), error="no")
    gone = Outcome(Wish(Guest("web3", "absent")), (change("remove", "guest", Guest("web3"), None),), Guest("web3"))
    result = report("guests", [done, failed, gone])
    assert (result["changed"], result["restart_required"]) == (True, True)
    assert [entry["changed"] for entry in result["guests"]] == [True, False, True]
    assert result["guests"][0]["guest"] == {"name": "web1", "state": "running", "uuid": "0", "addresses": []}
    assert result["guests"][1] == {
        "name": "web2",
        "changed": False,
        "actions": [],
        "restart_required": False,
        "guest": {"name": "web2", "state": "absent"},
        "error": "no",
    }
    assert result["guests"][2]["guest"] == {"name": "web3", "state": "absent"}


def test_nothing_of_a_seed_is_reported() -> None:
    guest = Guest("web1", cloud_init=SEED, uuid="0", live=Guest("web1", cloud_init=SEED))
    changes = (change("create", "guest", None, guest), change("set", "cloud_init", SEED, SEED))
    assert SECRET not in str(report("guests", [outcome(*changes, before=guest, after=guest)]))
    assert SECRET not in str([action(one) for one in changes])
    assert SECRET not in repr(changes)
