# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets are in the seed and nowhere else: whatever is done with them, wherever they are written, whoever looks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import libvirt
import pytest

from ansible_collections.hostforge.hypervisor.tests.integration import foreign
from ansible_collections.hostforge.hypervisor.tests.integration.playbook import HOST_PYTHON, play
from ansible_collections.hostforge.hypervisor.tests.integration.runs import define, stored
from ansible_collections.hostforge.hypervisor.tests.integration.watch import Watched, watching

CANARY = "s3cr3t-canary"
SEEDS = Path("/var/lib/hostforge/seeds")
KVM = "hostforge.hypervisor.kvm_guest"
ANY = "hostforge.hypervisor.guest"
INFO = "hostforge.hypervisor.kvm_guest_info"
ROLE = "hostforge.hypervisor.guests"
EMULATED = {"type": "qemu"}
# Everything that a run may have written to, other than the watcher's notes and the playbook.
WRITTEN = ("/run", "/var/lib/libvirt", "/var/lib/hostforge", "/var/log", "/var/cache/libvirt", "/etc/libvirt")


def seed(mark: str, as_text: bool = False) -> dict[str, Any]:
    """Data for cloud-init with a secret in each part."""
    secret = f"{CANARY}-{mark}"
    user_data: Any = {"chpasswd": {"users": [{"name": "root", "password": f"{secret}-user"}]}, "hostname": "one"}
    if as_text:
        user_data = f"#cloud-config\npassword: {secret}-text\nssh_pwauth: true\n"
    network = {"version": 2, "wifis": {"w": {"access-points": {"x": {"password": f"{secret}-net"}}}}}
    return {"user_data": user_data, "meta_data": {"token": f"{secret}-meta"}, "network_config": network}


def one(name: str, **options: Any) -> dict[str, Any]:
    return {"name": name, "memory": "64 MiB", "kvm": EMULATED, **options}


def good() -> list[dict[str, Any]]:
    """Tasks that succeed: made, made again, changed, in check mode before each, by each module and the role."""
    entries = [one("one", cloud_init=seed("entry")), one("two", cloud_init=seed("entry-two", as_text=True))]
    changed = [one("one", cloud_init=seed("changed")), one("two", cloud_init=seed("changed-two", as_text=True))]
    task = one("three", cloud_init=seed("task"))
    role = [one("four", cloud_init=seed("role"))]
    found = [{KVM: {"guests": entries}}, {KVM: {"guests": changed}}, {KVM: task}]
    found += [{ANY: {"hypervisor": "kvm", "guests": [one("five", cloud_init=seed("any"))]}}]
    found += [{ANY: {"hypervisor": "kvm", **one("six", cloud_init=seed("any-task"))}}]
    found += [{KVM: {"guests": [one("one", vcpus=2, cloud_init=seed("changed"))], "state": "running"}}]
    found += [{KVM: {**one("one", cloud_init=seed("again")), "restart": "force", "shutdown_timeout": 1}}]
    played = [{**each, "check_mode": check} for each in found for check in (True, False)]
    include = {"ansible.builtin.include_role": {"name": ROLE}}
    played.append({**include, "vars": {"hypervisor": "kvm", "hypervisor_guests": role}})
    return [*played, {INFO: {}}, {INFO: {"names": ["one"]}}]


def bad() -> list[dict[str, Any]]:
    """Options that fail, with a secret where it should be and where it should not."""
    secret = f"{CANARY}-bad"
    url = f"https://user:{secret}-url@127.0.0.1:9/a.qcow2?token={secret}-token"
    disks = [{"name": "root", "size": "1 GiB", "image": {"source": url, "checksum": "none"}}]
    return [
        one("bad", vcpus=0, cloud_init=seed("wrong")),
        one("bad", memory="8000 TiB", nics=[{"network": "nowhere"}], cloud_init=seed("refused")),
        one("bad", cloud_init={"user_data": [f"{secret}-list"]}),
        one("bad", cloud_init=f"{secret}-text"),
        one("bad", cloud_init=[f"{secret}-in-list"]),
        one("bad", cloudinit=seed("spelt")),
        one("bad", user_data=seed("flat")["user_data"]),
        one("bad", nics=[{"network": "default", "user_data": f"{secret}-nic"}]),
        one("bad", nics=[{"network": {"user_data": f"{secret}-network"}}]),
        one("bad", disks=[{"name": "root", "cloud_init": seed("disk")}]),
        one("bad", disks=f"#cloud-config\n{secret}-disks"),
        one("bad", autostart={"order": 1, "user_data": f"{secret}-autostart"}),
        one("bad", kvm={**EMULATED, "cloud_init": seed("kvm")}),
        {**one("bad", cloud_init=seed("memory")), "memory": {"user_data": f"{secret}-memory"}},
        one("bad", description={"password": f"{secret}-description"}),
        one("bad", disks=disks, cloud_init=seed("fetch")),
    ]


def tasks() -> list[dict[str, Any]]:
    found = good()
    for options in bad():
        found.append({KVM: {"guests": [options]}})
        found.append({KVM: options})
    found.append({KVM: {"guests": [f"#cloud-config\npassword: {CANARY}-bad-entry"]}})
    found.append({KVM: {"guests": f"#cloud-config\npassword: {CANARY}-bad-guests"}})
    found.append({ANY: {"hypervisor": "kvm", "guests": bad()}})
    found.append({ANY: {"hypervisor": {"user_data": f"{CANARY}-hypervisor"}, "name": "bad"}})
    found.append({ANY: {"hypervisor": f"{CANARY}-hypervisor-text", "name": "bad"}})
    include = {"ansible.builtin.include_role": {"name": ROLE}}
    for guests in (bad(), f"{CANARY}-role", [f"{CANARY}-role-entry"], {"user_data": f"{CANARY}-role-mapping"}):
        block = [{**include, "vars": {"hypervisor": "kvm", "hypervisor_guests": guests}}]
        found.append({"block": block, "rescue": [{"ansible.builtin.meta": "noop"}]})
    return [{**task, "ignore_errors": True} if "block" not in task else task for task in found]


@dataclass
class Played:
    """All that Ansible printed and kept, and what was seen from outside."""

    output: str
    folder: Path
    watched: Watched


@pytest.fixture(scope="module")
def played(host: libvirt.virConnect, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    """One play with all of it, as a user who wants to see everything would run it."""
    folder = tmp_path_factory.mktemp("play")
    aside = tmp_path_factory.mktemp("aside")
    play = {"hosts": "localhost", "connection": "local", "gather_facts": True, "tasks": tasks()}
    (aside / "book.json").write_text(json.dumps([{**play, "vars": {"ansible_python_interpreter": HOST_PYTHON}}]))
    with watching(tmp_path_factory.mktemp("watch")) as watched:
        settings = {
            "PATH": watched.path,
            "HOME": str(folder),
            "ANSIBLE_LOCAL_TEMP": str(folder / "local"),
            "ANSIBLE_REMOTE_TEMP": str(folder / "remote"),
            "ANSIBLE_LOG_PATH": str(folder / "ansible.log"),
            "ANSIBLE_CACHE_PLUGIN": "jsonfile",
            "ANSIBLE_CACHE_PLUGIN_CONNECTION": str(folder / "facts"),
            "ANSIBLE_RETRY_FILES_ENABLED": "1",
            "ANSIBLE_RETRY_FILES_SAVE_PATH": str(folder / "retry"),
        }
        playbook = str(Path(sys.executable).parent / "ansible-playbook")
        done = subprocess.run(
            watched.inside([playbook, "-vvvv", "--diff", str(aside / "book.json")]),
            check=False,
            capture_output=True,
            text=True,
            env=os.environ | settings,
            cwd=folder,
        )
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
    yield Played(done.stdout + done.stderr, folder, watched)
    for path in SEEDS.glob("*"):
        path.unlink()


def leaks(text: str) -> list[str]:
    """The lines, cut to what is around a secret."""
    places = [at for at in range(len(text)) if text.startswith(CANARY, at)]
    return [text[max(0, at - 120) : at + 60] for at in places]


def holding(folder: str | Path) -> list[Path]:
    """The files in a folder that hold a secret."""
    files = [Path(top) / name for top, _folders, names in os.walk(folder) for name in names]
    plain = [path for path in files if path.is_file() and not path.is_symlink()]
    return [path for path in plain if CANARY.encode() in path.read_bytes()]


def test_the_play_did_what_it_should(played: Played) -> None:
    assert "failed=0" in played.output.rpartition("PLAY RECAP")[2]
    assert "chpasswd" not in played.output
    assert sorted(path.name.rpartition("-")[0] for path in SEEDS.iterdir()) == [
        "five", "four", "one", "six", "three", "two"
    ]  # fmt: skip


def test_nothing_is_printed(played: Played) -> None:
    assert leaks(played.output) == []


def test_nothing_is_in_the_system_s_log(played: Played) -> None:
    assert any("Invoked with" in line for line in played.watched.log), "nothing was logged, so nothing was shown"
    assert leaks("\n".join(played.watched.log)) == []


def test_nothing_is_on_a_command_line_or_in_an_environment(played: Played) -> None:
    assert "xorrisofs" in played.watched.arguments
    assert any("ansible-playbook" in line for line in played.watched.lines)
    assert leaks("\n".join([*played.watched.lines, played.watched.arguments])) == []


def test_nothing_is_kept_by_ansible(played: Played) -> None:
    assert (played.folder / "ansible.log").stat().st_size > 1000
    assert list((played.folder / "facts").iterdir())
    assert holding(played.folder) == []
    assert list((played.folder / "remote").glob("*/*")) == []


def test_only_seeds_hold_secrets_and_only_root_reads_them(played: Played) -> None:
    found = [path for folder in WRITTEN for path in holding(folder)]
    assert {path.parent for path in found} == {SEEDS}
    assert {path.stat().st_mode & 0o777 for path in found} == {0o600}
    assert not SEEDS.stat().st_mode & 0o066, "others may pass through, and not look around"


def test_nobody_reads_a_seed_while_it_is_made(played: Played) -> None:
    parts = [(mode, path) for mode, path in played.watched.modes if "/.hostforge." in path]
    assert any(path.endswith("/user-data") for _mode, path in parts)
    # What is in a folder that only root can enter is as safe as the folder.
    folders = {path: mode for mode, path in parts if os.path.basename(path).startswith(".hostforge.")}
    open_ones = [path for mode, path in parts if mode & 0o077 and folders.get(os.path.dirname(path)) != 0o700]
    assert open_ones == []


def test_a_screen_s_password_survives_and_is_not_shown(kvm: libvirt.virConnect, played: Played) -> None:
    disk = foreign.make_disk("/var/lib/hostforge/screen.qcow2", "qcow2")
    root = ET.fromstring(foreign.GUEST.format(name="screen", path=disk, format="qcow2"))
    devices = root.find("devices")
    assert devices is not None
    password = CANARY[:8]
    ET.SubElement(devices, "graphics", {"type": "vnc", "port": "-1", "passwd": password})
    define(root)
    shown = ""
    for options in ({"description": "new"}, {"vcpus": 1}, {"tpm": True}, {"cloud_init": {"user_data": {}}}):
        wish = {"name": "screen", **options}
        shown += play(played.folder, KVM, wish, "-vvvv", "--diff", "--check").output
        done = play(played.folder, KVM, wish, "-vvvv", "--diff")
        assert done.result["changed"], done.result
        shown += done.output + json.dumps(done.result)
    shown += play(played.folder, INFO, {"names": ["screen"]}, "-vvvv").output
    assert password not in shown
    graphics = stored("screen").find("devices/graphics")
    assert graphics is not None
    assert graphics.get("passwd") == password
