# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What XML, a shell or Jinja would take for something arrives as it was written, wherever a text is free."""

from __future__ import annotations

import hashlib
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import libvirt
import pytest

from ansible_collections.hostforge.hypervisor.tests.integration.private import run
from ansible_collections.hostforge.hypervisor.tests.integration.runs import guest, mend, module, paths, stored, virsh

ODD = (
    "a 'b' \"c\" <d> &amp; & ; | $(touch /run/bad) `touch /run/bad` $HOME %s %n \\ ]]> <!-- \u00e9\u4e16\U0001f600 "
    "*?[x] {1,2} ~ # !"
)
# A name of a file or of a network: as ODD, without a slash.
NAME = 'o\'d "d" <&> ; | $(id) `id` $HOME %s \\ ]]> \u00e9 *?[x]'
FOLDER = Path("/var/lib/hostforge")


@pytest.fixture
def odd_pool(kvm: libvirt.virConnect) -> Iterator[str]:
    """A pool of an odd name in a folder of an odd name."""
    folder = FOLDER / f"pool {NAME}"
    folder.mkdir(parents=True)
    root = ET.Element("pool", type="dir")
    ET.SubElement(root, "name").text = f"p {NAME}"
    ET.SubElement(ET.SubElement(root, "target"), "path").text = str(folder)
    pool = kvm.storagePoolDefineXML(ET.tostring(root, encoding="unicode"))
    pool.create()
    yield f"p {NAME}"
    pool.destroy()
    pool.undefine()
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()


@pytest.fixture
def odd_network(kvm: libvirt.virConnect) -> Iterator[str]:
    """A network of an odd name."""
    root = ET.Element("network")
    ET.SubElement(root, "name").text = f"n {NAME}"
    ET.SubElement(root, "bridge", name="virbr9")
    network = kvm.networkDefineXML(ET.tostring(root, encoding="unicode"))
    yield f"n {NAME}"
    network.undefine()


def assert_nothing_was_run() -> None:
    assert not Path("/run/bad").exists()
    assert virsh("list", "--name") == ""


@pytest.mark.parametrize(
    "text", [ODD, f"{ODD}\n\tsecond line\n\nfourth", "{{ 1 + 1 }} {% raw %}", "--", "</description>"]
)
def test_a_description(kvm: libvirt.virConnect, text: str) -> None:
    wish = {"name": "a", "description": text}
    guest(**wish)
    assert stored("a").findtext("description") == text
    assert not guest(**wish)["changed"]
    assert mend(**{**wish, "description": f"{text}."}) == ["set description"]
    assert stored("a").findtext("description") == f"{text}."
    assert_nothing_was_run()


def test_paths_pools_and_networks(kvm: libvirt.virConnect, odd_pool: str, odd_network: str) -> None:
    image, full, iso = (FOLDER / f"{kind} {NAME}" for kind in ("image", "full", "iso"))
    for path in (image, full):
        run("qemu-img", "create", "-q", "-f", "qcow2", "--", str(path), "1M")
        run("qemu-io", "-f", "qcow2", "-c", "write -q -P 0x5a 0 64k", str(path))
    iso.write_bytes(b"\0" * 2048)
    before = [hashlib.sha256(path.read_bytes()).hexdigest() for path in (image, full, iso)]
    wish: dict[str, Any] = {
        "name": "a",
        "disks": [
            {"name": "thin", "size": "2 MiB", "pool": odd_pool, "image": {"source": str(image)}},
            {"name": "full", "size": "2 MiB", "pool": odd_pool, "image": {"source": str(full), "copy": "full"}},
            {"name": "empty", "size": "1 MiB", "pool": odd_pool},
        ],
        "cdroms": [{"source": str(iso)}],
        "nics": [{"network": odd_network}],
    }
    made = guest(**wish)
    assert not guest(**wish)["changed"]
    folder = FOLDER / f"pool {NAME}"
    assert paths(stored("a")) == [str(folder / f"a.{name}.qcow2") for name in ("thin", "full", "empty")]
    assert paths(stored("a"), "cdrom") == [str(iso)]
    source = stored("a").find("devices/interface/source")
    assert source is not None
    assert source.get("network") == odd_network
    run("qemu-io", "-f", "qcow2", "-c", "read -q -P 0x5a 0 64k", str(folder / "a.full.qcow2"))
    wish["disks"][2]["size"] = "3 MiB"
    assert mend(**wish) == ["grow disks.size empty"]
    assert made["guests"][0]["guest"]["disks"][0]["pool"] == odd_pool
    guest(name="a", state="absent", delete_disks=True)
    assert list(folder.iterdir()) == []
    assert [hashlib.sha256(path.read_bytes()).hexdigest() for path in (image, full, iso)] == before
    assert_nothing_was_run()
    for path in (image, full, iso):
        path.unlink()


def test_data_for_cloud_init(kvm: libvirt.virConnect, tmp_path: Path) -> None:
    texts = {
        "user_data": f"#cloud-config\n# {ODD}\r\n\n  trailing  \n{{{{ jinja }}}}\n",
        "network_config": f"# {ODD}\nversion: 2\n",
    }
    guest(name="a", cloud_init={**texts, "meta_data": {"odd": ODD}})
    (seed,) = (FOLDER / "seeds").glob("a-*.iso")
    osirrox = ["xorriso", "-osirrox", "on", "-indev", str(seed), "-extract", "/", str(tmp_path / "seed")]
    run(*osirrox)
    for name, text in (("user-data", texts["user_data"]), ("network-config", texts["network_config"])):
        assert (tmp_path / "seed" / name).read_bytes() == text.encode()
    assert_nothing_was_run()


def test_a_pool_s_folder_and_source(kvm: libvirt.virConnect) -> None:
    # Ansible fills in environment variables in what it takes for a path.
    folder = FOLDER / f"folder {NAME}".replace("$HOME", "$ HOME")
    made = module("kvm_pool", name="odd", path=str(folder))
    assert not made.get("failed"), made["msg"]
    try:
        assert folder.is_dir()
        assert not module("kvm_pool", name="odd", path=str(folder))["changed"]
    finally:
        module("kvm_pool", name="odd", state="absent")
        folder.rmdir()
    assert_nothing_was_run()
