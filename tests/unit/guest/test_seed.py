# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The seed: its digest tells contents apart, and its making leaves nothing of them behind."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import HostError
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.parts import part_of
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.seed import (
    DIGEST_DIGITS,
    make_cloud_init,
    write_seed,
)
from ansible_collections.hostforge.hypervisor.tests.unit.guest.bad_input import SECRET
from ansible_collections.hostforge.hypervisor.tests.unit.guest.fake_host import FakeHost

SEEDS = "/seeds"
PATH = f"{SEEDS}/web1-0.iso"
SEED = make_cloud_init("web1", {"password": SECRET}, None, {"version": 2})


def test_files_of_a_seed() -> None:
    assert sorted(SEED.files) == ["meta-data", "network-config", "user-data"]
    assert yaml.safe_load(SEED.files["meta-data"]) == {"instance-id": "web1", "local-hostname": "web1"}
    assert SEED.files["user-data"].startswith("#cloud-config\n")
    assert yaml.safe_load(SEED.files["user-data"]) == {"password": SECRET}
    assert yaml.safe_load(SEED.files["network-config"]) == {"version": 2}


def test_text_is_taken_as_it_is() -> None:
    seed = make_cloud_init("web1", "#!/bin/sh\necho hello\n", {"instance-id": "i-1"}, "version: 2")
    assert seed.files["user-data"] == "#!/bin/sh\necho hello\n"
    assert seed.files["network-config"] == "version: 2"
    assert yaml.safe_load(seed.files["meta-data"]) == {"instance-id": "i-1", "local-hostname": "web1"}


def test_a_seed_of_nothing() -> None:
    seed = make_cloud_init("web1", None, None, None)
    assert sorted(seed.files) == ["meta-data", "user-data"]
    assert seed.files["user-data"].startswith("#cloud-config\n")


@pytest.mark.parametrize(
    "other",
    [
        make_cloud_init("web2", {"password": SECRET}, None, {"version": 2}),
        make_cloud_init("web1", {"password": SECRET + "x"}, None, {"version": 2}),
        make_cloud_init("web1", {"password": SECRET}, {"a": 1}, {"version": 2}),
        make_cloud_init("web1", {"password": SECRET}, None, {"version": 1}),
        make_cloud_init("web1", {"password": SECRET}, None, None),
        make_cloud_init("web1", None, None, {"password": SECRET}),
    ],
)
def test_another_content_is_another_digest(other: Any) -> None:
    assert other != SEED
    assert other.digest != SEED.digest


def test_the_digest_is_the_same_on_every_host_and_every_day() -> None:
    assert SEED.digest == "bae8caad766f18e74719a61f"
    assert len(SEED.digest) == DIGEST_DIGITS
    assert make_cloud_init("web1", {"b": 1, "a": 2}, None, None) == make_cloud_init(
        "web1", {"a": 2, "b": 1}, None, None
    )


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(codec="utf-8")),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(data=st.dictionaries(st.text(st.characters(codec="utf-8"), min_size=1), values, max_size=3))
def test_what_the_user_wrote_arrives(data: dict[str, Any]) -> None:
    text = make_cloud_init("web1", data, None, None).files["user-data"]
    assert json.loads(text.partition("\n")[2]) == data


@pytest.mark.parametrize("data", [{1: 2, "a": 3}, {"a": object()}, "\ud800", {"a": b"x"}])
def test_what_cannot_be_written_is_told(data: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        make_cloud_init("web1", data, None, None)


def test_a_seed_shows_nothing() -> None:
    assert SECRET not in repr(SEED)
    assert SECRET not in str(SEED)


def test_an_image_for_root_only_in_one_step() -> None:
    host = FakeHost()
    write_seed(host, SEED, PATH)
    assert host.files.keys() == {PATH}
    assert SECRET.encode() in host.files[PATH]
    assert host.modes[PATH] == 0o600
    assert host.folders == {"/proc": 0o555, SEEDS: 0o711}
    assert host.did("rename") == [(f"{part_of(PATH)}/seed.iso", PATH)]


def test_no_content_is_in_a_command() -> None:
    host = FakeHost()
    write_seed(host, SEED, PATH)
    assert SECRET not in str(host.log)
    (command,) = host.did("xorrisofs")
    assert command[command.index("-volid") + 1] == "cidata"


def test_parts_are_for_root_only_from_the_start() -> None:
    host = FakeHost(broken={"xorrisofs"})
    modes: dict[str, int] = {}
    run = host.run

    def look(argv: Any, stdin: str = "", timeout_s: float | None = None) -> str:
        modes.update(host.folders)
        modes.update(host.modes)
        return run(argv, stdin, timeout_s)

    host.run = look
    with pytest.raises(HostError):
        write_seed(host, SEED, PATH)
    part = part_of(PATH)
    assert modes[part] == 0o700
    assert modes[f"{part}/user-data"] == 0o600


@pytest.mark.parametrize("step", ["write", "xorrisofs", "chmod", "rename"])
def test_a_step_that_fails_leaves_nothing(step: str) -> None:
    host = FakeHost({PATH: b"old"}, broken={step})
    with pytest.raises(HostError, match=f"{step} is broken"):
        write_seed(host, SEED, PATH)
    assert host.files == {PATH: b"old"}
    assert set(host.folders) == {"/proc", SEEDS}


def test_what_killed_runs_left_is_swept_and_what_others_make_is_not() -> None:
    dead, alive = f"{SEEDS}/.hostforge.web2-1.iso.part-99", f"{SEEDS}/.hostforge.web3-2.iso.part-77"
    host = FakeHost({f"{dead}/user-data": b"secret", f"{dead}/seed.iso": b"x", f"{alive}/user-data": b"theirs"})
    host.folders.update({dead: 0o700, alive: 0o700, "/proc/77": 0o555, SEEDS: 0o711})
    write_seed(host, SEED, PATH)
    assert host.files.keys() == {PATH, f"{alive}/user-data"}
    assert dead not in host.folders
    assert alive in host.folders
