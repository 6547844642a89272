# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules kvm_guest, kvm_guest_info and guest as a user runs them, with ansible-playbook on a real libvirt."""

from __future__ import annotations

import hashlib
import http.server
import os
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import libvirt
import pytest

from ansible_collections.hostforge.hypervisor.tests.integration.daemon import BRIDGE
from ansible_collections.hostforge.hypervisor.tests.integration.playbook import Played, play
from ansible_collections.hostforge.hypervisor.tests.integration.private import run

KVM_GUEST = "hostforge.hypervisor.kvm_guest"
KVM_GUEST_INFO = "hostforge.hypervisor.kvm_guest_info"
GUEST = "hostforge.hypervisor.guest"
HIDDEN = "correct-horse-battery-staple"
IMAGES = Path("/var/lib/libvirt/images")
CACHE = Path("/var/lib/hostforge/images")
SEEDS = Path("/var/lib/hostforge/seeds")


@pytest.fixture
def guests(host: libvirt.virConnect, tmp_path: Path) -> Iterator[Any]:
    """Runs guest tasks; afterwards no guest is left, and no file of one."""

    def task(options: dict[str, Any], *words: str, module: str = KVM_GUEST) -> Played:
        return play(tmp_path, module, options, *words)

    yield task
    for domain in host.listAllDomains(0):
        if domain.isActive():
            domain.destroy()
        domain.undefineFlags(libvirt.VIR_DOMAIN_UNDEFINE_NVRAM)
    for folder in (IMAGES, CACHE, SEEDS):
        for path in folder.glob("*"):
            path.unlink()
    host.storagePoolLookupByName("default").refresh(0)


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """A small image with a file system's worth of nothing in it."""
    path = tmp_path / "base.qcow2"
    run("qemu-img", "create", "-q", "-f", "qcow2", str(path), "64M")
    return path


@pytest.fixture
def web(tmp_path: Path) -> Iterator[str]:
    """A web server on the loopback for the files in tmp_path; gives its URL."""
    handler = partial(Quiet, directory=str(tmp_path))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


class Quiet(http.server.SimpleHTTPRequestHandler):
    """A file server that does not talk."""

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def stored(host: libvirt.virConnect, name: str) -> ET.Element:
    """The definition that virsh would show, not ours."""
    return ET.fromstring(host.lookupByName(name).XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE))


def whole(image: Path, iso: Path) -> dict[str, Any]:
    """Every option of the guest specification at once."""
    return {
        "name": "web1",
        "state": "stopped",
        "restart": "never",
        "description": 'front end <&> "quoted"',
        "vcpus": 2,
        "memory": "192 MiB",
        "firmware": "uefi",
        "secure_boot": False,
        "tpm": True,
        "disks": [
            {"name": "root", "size": "1 GiB", "image": {"source": str(image), "checksum": f"sha256:{sha256(image)}"}},
            {"name": "data", "size": "2 GiB", "pool": "fast"},
        ],
        "cdroms": [{"source": str(iso)}],
        "nics": [
            {"network": "default"},
            {"bridge": BRIDGE, "mac": "52:54:00:12:34:56", "vlan": 20, "model": "virtio"},
        ],
        "cloud_init": {"user_data": {"password": HIDDEN}, "network_config": {"version": 2}},
        "autostart": {"order": 10, "delay": 30},
        "wait_for": "address",
        "kvm": {"cpu_mode": "maximum", "type": "qemu"},
    }


def test_every_option_is_created_and_read_back(
    host: libvirt.virConnect, guests: Any, image: Path, tmp_path: Path
) -> None:
    iso = tmp_path / "tools.iso"
    iso.write_bytes(b"\0" * 4096)
    wish = whole(image, iso)
    predicted = guests(wish, "--check")
    assert host.listAllDomains(0) == []
    made = guests(wish)
    assert made.actions == predicted.actions != []
    assert not guests(wish).result["changed"]

    root = stored(host, "web1")
    assert root.findtext("description") == wish["description"]
    assert (root.findtext("vcpu"), root.findtext("memory")) == ("2", str(192 * 1024))
    assert root.find("os").get("firmware") == "efi"
    assert root.find("devices/tpm") is not None
    media = {one.find("source").get("file") for one in root.findall("devices/disk[@device='cdrom']")}
    assert str(iso) in media
    assert [one.get("id") for one in root.findall("devices/interface/vlan/tag")] == ["20"]
    assert host.lookupByName("web1").autostart() == 0
    noted = root.find("metadata/{urn:hostforge:guest:1}guest/{urn:hostforge:guest:1}autostart")
    assert noted.attrib == {"order": "10", "delay": "30"}

    told = guests({"names": ["web1"]}, module=KVM_GUEST_INFO).result["guests"][0]
    assert told["memory"] == "192 MiB"
    assert told["autostart"] == {"enabled": True, "order": 10, "delay": 30}
    assert [(disk["name"], disk["size"], disk["pool"]) for disk in told["disks"]] == [
        ("root", "1 GiB", "default"),
        ("data", "2 GiB", "fast"),
    ]
    assert guests({"name": "web1", "state": "absent", "delete_disks": True}).result["changed"]
    assert iso.exists()
    assert image.exists()
    assert [path.name for path in IMAGES.iterdir()] == []


def test_the_module_guest_picks_the_hypervisor_and_leaves_out_what_is_not_its_own(
    host: libvirt.virConnect, guests: Any
) -> None:
    wish = {"hypervisor": "kvm", "guests": [{"name": "a", "memory": "64 MiB", "kvm": {"type": "qemu"}}]}
    assert guests(wish, module=GUEST).result["changed"]
    assert not guests(wish, module=GUEST).result["changed"]
    assert [domain.name() for domain in host.listAllDomains(0)] == ["a"]
    refused = guests({**wish, "hypervisor": "zx81"}, module=GUEST).result
    assert refused["failed"]
    assert "'zx81' is none of" in refused["msg"]


def test_an_image_comes_from_the_controller_once(guests: Any, image: Path) -> None:
    disk = {"name": "root", "size": "128 MiB", "image": {"source": str(image), "remote_src": False}}
    wish = {"kvm": {"type": "qemu"}, "guests": [{"name": "a", "disks": [disk]}, {"name": "b", "disks": [disk]}]}
    assert guests(wish, "--check").result["changed"]
    assert not CACHE.exists() or list(CACHE.iterdir()) == []
    assert guests(wish).result["changed"]
    assert [path.name for path in CACHE.iterdir()] == [f"sha256-{sha256(image)}.qcow2"]
    assert not guests(wish).result["changed"]
    chain = run("qemu-img", "info", "--backing-chain", str(IMAGES / "a.root.qcow2"))
    assert str(CACHE / f"sha256-{sha256(image)}.qcow2") in chain


def test_an_image_comes_from_a_url_with_a_checksum_file_beside_it(guests: Any, image: Path, web: str) -> None:
    digest = hashlib.sha512(image.read_bytes()).hexdigest()
    (image.parent / "SHA512SUMS").write_text(f"{'0' * 128}  other.qcow2\n{digest}  {image.name}\n")
    source = {"source": f"{web}/{image.name}", "checksum": f"sha512:{web}/SHA512SUMS", "copy": "full"}
    wish = {"name": "a", "kvm": {"type": "qemu"}, "disks": [{"name": "root", "size": "128 MiB", "image": source}]}
    assert guests(wish).result["changed"]
    info = run("qemu-img", "info", str(IMAGES / "a.root.qcow2"))
    assert "128 MiB" in info
    assert "backing" not in info


def test_an_image_that_is_not_what_its_checksum_says_leaves_nothing(
    host: libvirt.virConnect, guests: Any, image: Path, web: str
) -> None:
    source = {"source": f"{web}/{image.name}", "checksum": f"sha256:{'0' * 64}"}
    wish = {"name": "a", "kvm": {"type": "qemu"}, "disks": [{"name": "root", "size": "128 MiB", "image": source}]}
    failed = guests(wish).result
    assert failed["failed"]
    assert f"not {'0' * 64}" in failed["msg"]
    assert list(CACHE.iterdir()) == []
    assert list(IMAGES.iterdir()) == []
    # The run that has the right one goes on from there.
    source["checksum"] = f"sha256:{sha256(image)}"
    assert guests(wish).result["changed"]
    assert not guests(wish).result["changed"]
    assert len(host.listAllDomains(0)) == 1


def test_user_data_is_seen_nowhere_but_in_the_seed(host: libvirt.virConnect, guests: Any) -> None:
    wish = {
        "guests": [{"name": "a", "kvm": {"type": "qemu"}, "cloud_init": {"user_data": {"password": HIDDEN}}}],
    }
    played = guests(wish, "-vvv", "--diff")
    assert played.result["changed"]
    assert HIDDEN not in played.output
    assert HIDDEN not in str(played.result)
    assert HIDDEN not in host.lookupByName("a").XMLDesc(libvirt.VIR_DOMAIN_XML_SECURE)
    (seed,) = SEEDS.iterdir()
    assert seed.stat().st_mode & 0o777 == 0o600
    assert HIDDEN.encode() in seed.read_bytes()


def test_new_user_data_makes_a_new_seed_and_the_old_one_goes(guests: Any) -> None:
    wish: dict[str, Any] = {"name": "a", "kvm": {"type": "qemu"}, "cloud_init": {"user_data": "#cloud-config\n{}\n"}}
    guests(wish)
    (first,) = SEEDS.iterdir()
    wish["cloud_init"] = {"user_data": "#cloud-config\nhostname: a\n"}
    assert [action["field"] for action in guests(wish).actions] == ["cloud_init"]
    (second,) = SEEDS.iterdir()
    assert first != second
    assert not guests(wish).result["changed"]


def test_an_image_that_refers_to_another_file_is_refused(guests: Any, image: Path) -> None:
    bad = image.parent / "bad.qcow2"
    run("qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", "/etc/hostname", str(bad))
    wish = {"name": "a", "kvm": {"type": "qemu"}, "disks": [{"name": "root", "image": {"source": str(bad)}}]}
    assert "refers to another file" in guests(wish).result["msg"]


@pytest.mark.parametrize("place", [{"network": "default"}, {"bridge": BRIDGE}])
def test_a_tag_with_which_the_guest_would_not_start_is_refused_beforehand(guests: Any, place: dict[str, str]) -> None:
    wish: dict[str, Any] = {"name": "a", "kvm": {"type": "qemu"}, "state": "running", "nics": [{**place, "vlan": 20}]}
    assert "cannot be tagged" in guests(wish, "--check").result["msg"]
    assert "cannot be tagged" in guests(wish).result["msg"]
    wish["nics"] = [dict(place)]
    wish["state"] = "stopped"
    assert guests(wish).result["changed"]
    wish["nics"] = [{**place, "vlan": 20}]
    assert guests(wish).result["changed"]
    assert "cannot be tagged" in guests({**wish, "state": "running", "nics": [{**place, "vlan": 21}]}).result["msg"]


def test_every_error_of_a_task_is_told_at_once_and_nothing_is_touched(host: libvirt.virConnect, guests: Any) -> None:
    wish = {
        "guests": [
            {"name": "good", "memory": "64 MiB"},
            {"name": "../bad", "memory": "64"},
            {"name": "worse", "nics": [{"network": "default", "bridge": "br0"}], "colour": "red"},
        ]
    }
    failed = guests(wish).result
    assert failed["failed"]
    for part in ("../bad", "memory", "nics[0]", "colour"):
        assert part in failed["msg"]
    assert host.listAllDomains(0) == []


def test_the_diff_shows_what_differs_and_nothing_else(host: libvirt.virConnect, guests: Any) -> None:
    wish: dict[str, Any] = {"name": "a", "memory": "64 MiB", "kvm": {"type": "qemu"}, "description": "old"}
    guests(wish)
    host.lookupByName("a").setMemoryFlags(48 * 1024, libvirt.VIR_DOMAIN_AFFECT_CONFIG)
    shown = guests(wish, "--check", "--diff")
    lines = [
        line
        for line in shown.output.splitlines()
        if line.startswith(("-", "+")) and not line.startswith(("---", "+++"))
    ]
    assert lines == ["-  memory: 48 MiB", "+  memory: 64 MiB"]


def test_a_host_without_libvirt_is_told_of_and_in_check_mode_is_empty(guests: Any) -> None:
    wish = {"name": "a", "uri": "qemu+unix:///system?socket=/nowhere"}
    assert guests(wish, "--check").result["changed"]
    assert "libvirt does not answer" in guests(wish).result["msg"]
    assert not os.path.exists("/nowhere")
