# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What users may write of a guest, what is refused, and how they are told."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import SpecError
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.resource import Wish
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.spec import parse_wishes
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import (
    Autostart,
    Cdrom,
    Disk,
    Guest,
    Image,
    Nic,
    Policy,
)
from ansible_collections.hostforge.hypervisor.tests.contract.wishes import UUID
from ansible_collections.hostforge.hypervisor.tests.unit.guest.bad_input import BAD, NAMES, SECRET, SIZES

OWN: dict[str, dict[str, Any]] = {
    "type": {"type": "str", "choices": ["fast", "slow"]},
    "tags": {"type": "list", "elements": "str"},
    "level": {"type": "int"},
    "disks.tier": {"type": "str", "choices": ["gold", "iron"]},
    "nics.queues": {"type": "int"},
}
GIB = 1024**3


def parse(*entries: Any, **defaults: Any) -> list[Wish[Guest]]:
    return parse_wishes({**defaults, "guests": list(entries)}, "fake", OWN)


def errors(*entries: Any, **defaults: Any) -> list[str]:
    with pytest.raises(SpecError) as caught:
        parse(*entries, **defaults)
    return list(caught.value.errors)


def test_a_name_is_enough() -> None:
    (wish,) = parse({"name": "web1"})
    assert wish == Wish(Guest("web1"), Policy())


def test_everything_at_once() -> None:
    (wish,) = parse(
        {
            "name": "web1",
            "state": "running",
            "description": "  front end\n",
            "vcpus": "2",
            "vcpus_max": 4,
            "memory": "1.5 GiB",
            "memory_max": "4 GiB",
            "firmware": "uefi",
            "secure_boot": "yes",
            "tpm": False,
            "boot_order": ["network", "disk"],
            "disks": [
                {
                    "name": "root",
                    "size": "20 GiB",
                    "image": {
                        "source": "https://example.org/a.qcow2",
                        "checksum": f"sha256:{'A' * 64}",
                        "copy": "full",
                    },
                },
                {"name": "data", "size": None, "pool": "fast", "bus": "scsi", "format": "raw"},
            ],
            "cdroms": [{"source": "/srv/iso/tools.iso"}, {}, {"source": None}, {"source": ""}],
            "nics": [
                {"network": "default"},
                {"bridge": "br0", "mac": "52-54-00-AB-CD-EF", "vlan": 20, "model": "e1000", "link": "down"},
            ],
            "autostart": {"order": 10, "delay": 30},
            "restart": "graceful",
            "delete_disks": True,
            "wait_for": "address",
            "wait_timeout": 10,
            "shutdown_timeout": 20,
            "fake": {"type": "slow", "level": 3, "tags": ["a"]},
        }
    )
    assert wish.policy == Policy("graceful", True, "address", 10, 20)
    assert wish.item == Guest(
        "web1",
        "running",
        "front end",
        2,
        4,
        1536,
        4096,
        "uefi",
        True,
        False,
        ("network", "disk"),
        (
            Disk("root", 20 * GIB, image=Image("https://example.org/a.qcow2", f"sha256:{'A' * 64}", copy="full")),
            Disk("data", None, "fast", None, "raw", "scsi"),
        ),
        (Cdrom("/srv/iso/tools.iso"), Cdrom(), Cdrom(), Cdrom()),
        (Nic("default"), Nic(None, "br0", "52:54:00:ab:cd:ef", 20, "e1000", "down")),
        None,
        Autostart(True, 10, 30),
        (("level", 3), ("tags", ["a"]), ("type", "slow")),
    )


@pytest.mark.parametrize(
    ("value", "wished"),
    [(True, Autostart(True)), ("no", Autostart(False)), ({}, Autostart(True)), ({"order": None}, Autostart(True))],
)
def test_autostart_in_its_forms(value: Any, wished: Autostart) -> None:
    assert parse({"name": "a", "autostart": value})[0].item.autostart == wished


def test_the_tasks_own_options_are_the_defaults_of_each_guest() -> None:
    first, second = parse({"name": "a"}, {"name": "b", "vcpus": 4, "nics": []}, vcpus=2, nics=[{"network": "n"}])
    assert (first.item.vcpus, second.item.vcpus) == (2, 4)
    assert (first.item.nics, second.item.nics) == ((Nic("n"),), ())


def test_a_task_without_a_list_is_one_guest() -> None:
    assert [wish.item.name for wish in parse_wishes({"name": "a", "uri": "x", "guests": None}, "fake", OWN)] == ["a"]


def test_a_value_may_be_its_maximum() -> None:
    (wish,) = parse({"name": "a", "vcpus": 2, "vcpus_max": 2, "memory": "1 GiB", "memory_max": "1024 MiB"})
    assert (wish.item.vcpus_max, wish.item.memory_max_mib) == (2, 1024)


@pytest.mark.parametrize("written", [UUID, UUID.upper(), UUID.replace("-", ""), f" {UUID} "])
def test_a_uuid_in_its_forms(written: str) -> None:
    assert parse({"name": "a", "uuid": written})[0].item.uuid == UUID


def test_a_list_of_words_may_be_one_text() -> None:
    assert parse({"name": "a", "boot_order": "network,disk"})[0].item.boot_order == ("network", "disk")


def test_a_uuid_is_one_guests_only() -> None:
    written = ({"name": "a", "uuid": UUID}, {"name": "b", "uuid": UUID.upper()})
    assert errors(*written) == [f"guest b: uuid: {UUID} is a's"]
    assert len(parse(written[0], {**written[1], "state": "absent"})) == 2


def test_an_empty_list_is_no_guest() -> None:
    assert parse() == []


@pytest.mark.parametrize("case", BAD, ids=lambda case: case[0])
def test_what_cannot_be_is_refused_where_it_stands(case: tuple[str, dict[str, Any], str, str]) -> None:
    _about, options, where, says = case
    (message,) = errors({"name": "web1", **options})
    assert message.startswith(f"guest web1: {where}: "), message
    assert says in message


@pytest.mark.parametrize("name", NAMES)
def test_hostile_names_of_guests(name: Any) -> None:
    (message,) = errors({"name": name})
    assert message.startswith("guest number 1: name: ")
    assert "\n" not in message
    assert "\x00" not in message
    assert len(message) < 300
    message.encode()


@pytest.mark.parametrize("name", [*NAMES, "a.b", "x" * 33])
def test_hostile_names_of_disks(name: Any) -> None:
    (message,) = errors({"name": "web1", "disks": [{"name": "root"}, {"name": name}]})
    assert message.startswith("guest web1: disks[1].name: ")


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("key", ["memory", "memory_max", "disks[0].size"])
def test_hostile_sizes(size: Any, key: str) -> None:
    written = {"disks": [{"name": "root", "size": size}]} if "disks" in key else {key: size}
    (message,) = errors({"name": "web1", **written})
    assert message.startswith(f"guest web1: {key}: ")
    first_line = size.partition("\n")[0] if isinstance(size, str) else size
    assert repr(first_line)[:20].strip("'\"") in message


@pytest.mark.parametrize("entry", [None, "web1", 5, True, ["web1"], 1.5, "name=web1"])
def test_an_entry_that_is_no_mapping(entry: Any) -> None:
    messages = errors({"name": "a"}, entry, {"name": "b", "vcpus": 0})
    assert [message.partition(": ")[0] for message in messages] == ["guest number 2", "guest b"]


def test_a_guest_without_a_name() -> None:
    assert errors({"vcpus": 1}, {"name": None}) == [
        "guest number 1: name: is needed",
        "guest number 2: name: is needed",
    ]


def test_all_errors_are_told_at_once() -> None:
    messages = errors(
        {"name": "a", "vcpus": 0, "memory": "2", "vcpu": 1, "disks": [{"size": "x"}, {"name": "/", "size": "-1 GiB"}]},
        {"name": "b", "state": "on", "nics": [{}, {"network": "n", "bridge": "b"}], "fake": {"type": "quick"}},
        {"name": "a"},
    )
    assert [": ".join(message.split(": ")[:2]) for message in messages] == [
        "guest a: vcpu",
        "guest a: disks[0].name",
        "guest a: vcpus",
        "guest a: memory",
        "guest b: state",
        "guest b: fake.type",
        "guest b: nics[0]",
        "guest b: nics[1]",
        "guest a: is listed more than once; each name may be there once",
    ]


def test_one_path_of_two_disks() -> None:
    disk, same = {"name": "x", "path": "/dev/vg/x"}, {"name": "y", "path": "//dev/./vg//x"}
    assert errors({"name": "a", "disks": [disk, same]}) == ["guest a: disks: path /dev/vg/x is there more than once"]
    assert errors({"name": "a", "disks": [disk]}, {"name": "b", "disks": [same]}) == [
        "guest b: disks: path /dev/vg/x is a's"
    ]
    assert len(parse({"name": "a", "disks": [disk], "state": "absent"}, {"name": "b", "disks": [same]})) == 2
    wrong = {**disk, "path": "dev/x", "pool": "p", "image": {"source": "/i"}}
    assert [error.partition(" (")[0] for error in errors({"name": "a", "disks": [wrong]})] == [
        "guest a: disks[0].image: not allowed beside path, which says where data is that is there already",
        "guest a: disks[0].pool: not allowed beside path, which says where data is that is there already",
        "guest a: disks[0].path: an absolute path on the host is allowed",
    ]


def test_a_medium_is_no_disk() -> None:
    disk, drive = {"name": "d", "path": "//srv/x.iso"}, {"source": "/srv/x.iso"}
    (said,) = errors({"name": "a", "disks": [disk], "cdroms": [drive]})
    assert said == "guest a: disks: path /srv/x.iso is the source of a cdrom drive, too"


def test_one_address_on_two_guests() -> None:
    card = {"network": "n", "mac": "52:54:00:00:00:01"}
    loud = {"network": "n", "mac": "52-54-00-00-00-01"}
    assert errors({"name": "a", "nics": [card]}, {"name": "b", "nics": [loud]}) == [
        "guest b: nics: mac 52:54:00:00:00:01 is a's"
    ]
    assert len(parse({"name": "a", "nics": [card], "state": "absent"}, {"name": "b", "nics": [loud]})) == 2


def test_a_likely_typing_error_is_named() -> None:
    assert "is memory meant?" in errors({"name": "a", "memry": "1 GiB"})[0]


@pytest.mark.parametrize(
    "cloud_init",
    [
        {"user_data": [SECRET]},
        {"user_data": 5, "password": SECRET},
        {"user_data": {"chpasswd": SECRET, 5: 6, None: 7, "x": object}},
        {"user_data": f"{SECRET}\ud800"},
        {"meta_data": SECRET},
        {"meta_data": [SECRET]},
        {"network_config": [SECRET]},
        {SECRET: 1},
        [SECRET],
        SECRET,
        f"user_data={SECRET} x={SECRET}",
    ],
)
def test_no_message_holds_a_secret(cloud_init: Any) -> None:
    for message in errors({"name": "a", "cloud_init": cloud_init, "vcpus": 0}):
        assert SECRET not in message


def test_a_seed_shows_nothing_of_what_it_holds() -> None:
    (wish,) = parse({"name": "a", "cloud_init": {"user_data": {"password": SECRET}, "meta_data": {"x": SECRET}}})
    assert wish.item.cloud_init is not None
    assert SECRET in wish.item.cloud_init.files["user-data"]
    assert SECRET not in repr(wish)
    assert SECRET not in str(wish.item)


def test_what_only_one_hypervisor_has_of_an_entry_stands_in_the_entry() -> None:
    disk = {"name": "root", "fake": {"tier": "gold"}}
    (wish,) = parse({"name": "a", "disks": [disk], "nics": [{"network": "n", "fake": {"queues": "4"}}]})
    assert wish.item.disks == (Disk("root", options=(("tier", "gold"),)),)
    assert wish.item.nics == (Nic("n", options=(("queues", 4),)),)
    wrong = {"name": "a", "disks": [{"name": "root", "fake": {"tier": "lead", "teir": "gold"}}]}
    assert errors(wrong) == [
        "guest a: disks[0].fake.teir: there is no such option; is tier meant?",
        "guest a: disks[0].fake.tier: gold, iron are allowed (given: 'lead')",
    ]
