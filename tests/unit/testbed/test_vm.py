# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A VM's command line, name, record and process: what is built is what was asked, and nothing of others is touched."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.hostforge.hypervisor.molecule.shared.testbed import names, process, qemu, record, serial, vms
from ansible_collections.hostforge.hypervisor.molecule.shared.testbed.errors import TestbedError

FOLDER = Path("/cache/vms/one")


def machine(**changes: object) -> qemu.Machine:
    fields: dict[str, object] = {
        "name": "one",
        "folder": FOLDER,
        "accelerator": qemu.EMULATED,
        "cpus": 2,
        "memory_mib": 4096,
        "disks": (FOLDER / "disk0.qcow2",),
        "ssh_port": 4022,
    }
    return qemu.Machine(**{**fields, **changes})  # type: ignore[arg-type]


def after(words: list[str], option: str) -> list[str]:
    return [words[place + 1] for place, word in enumerate(words) if word == option]


def test_an_emulated_machine_can_be_given_another_processor() -> None:
    assert after(qemu.command(machine(processor="EPYC")), "-cpu") == ["EPYC"]
    assert after(qemu.command(machine(processor="EPYC", accelerator=qemu.HARDWARE)), "-cpu") == ["host"]


def test_emulation_has_a_processor_that_can_host_guests() -> None:
    words = qemu.command(machine())
    assert after(words, "-accel") == ["tcg,thread=multi,tb-size=1024"]
    assert after(words, "-cpu") == ["max,la57=off"]


def test_hardware_virtualisation_has_the_machines_own_processor() -> None:
    words = qemu.command(machine(accelerator=qemu.HARDWARE))
    assert (after(words, "-accel"), after(words, "-cpu")) == (["kvm"], ["host"])


def test_the_first_card_is_in_the_slot_that_makes_its_name_and_listens_on_the_loopback_only() -> None:
    words = qemu.command(machine())
    assert after(words, "-netdev") == ["user,id=uplink,hostfwd=tcp:127.0.0.1:4022-:22"]
    assert "virtio-net-pci,netdev=uplink,addr=0x4" in words


def test_a_second_card_has_a_network_of_its_own() -> None:
    words = qemu.command(machine(second_nic=True))
    assert len(after(words, "-netdev")) == 2
    assert "restrict=on" in after(words, "-netdev")[1]


def test_disks_have_slots_of_their_own_and_never_wait_for_the_real_disk() -> None:
    disks = tuple(FOLDER / f"disk{number}.qcow2" for number in range(3))
    words = qemu.command(machine(disks=disks))
    slots = [word.split("addr=")[1] for word in after(words, "-device") if "virtio-blk-pci" in word]
    assert slots == ["0x3", "0x8", "0x9"]
    assert all("cache=unsafe" in word for word in after(words, "-drive"))


def test_a_comma_in_a_path_does_not_end_the_option() -> None:
    words = qemu.command(machine(folder=Path("/a,b"), disks=(Path("/a,b/disk0.qcow2"),)))
    assert "file:/a,,b/serial.log" in words
    assert after(words, "-drive")[0].endswith("file=/a,,b/disk0.qcow2")


def test_direct_boot_tells_the_machine_its_name() -> None:
    words = qemu.command(machine(kernel=Path("/k"), initrd=Path("/i")))
    assert "testbed.hostname=one" in after(words, "-append")[0].split()
    assert after(qemu.command(machine()), "-append") == []


def test_devices_and_words_for_the_kernel_are_handed_on() -> None:
    asked = machine(kernel=Path("/k"), initrd=Path("/i"), devices=("qemu-xhci", "usb-tablet"), arguments=("a=b", "c"))
    words = qemu.command(asked)
    assert after(words, "-device")[1:3] == ["qemu-xhci", "usb-tablet"]
    assert after(words, "-append")[0].endswith(" a=b c")


def test_root_gives_its_rights_up_and_others_have_none() -> None:
    assert after(qemu.command(machine(run_as="nobody")), "-runas") == ["nobody"]
    assert "-runas" not in qemu.command(machine())


@pytest.mark.parametrize(("text", "mib"), [("512M", 512), ("4G", 4096), ("1g", 1024)])
def test_sizes(text: str, mib: int) -> None:
    assert qemu.parse_size_mib(text) == mib


@pytest.mark.parametrize("text", ["", "4", "G", "0G", "-1G", "1.5G", "4 GiB", "4T", "²G"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(TestbedError, match="is not a size"):
        qemu.parse_size_mib(text)


@pytest.mark.parametrize("name", ["a", "kvm-debian-12", "a" * 40])
def test_names(name: str) -> None:
    assert names.checked(name) == name


@pytest.mark.parametrize("name", ["", "-a", "a-", "1a", "A", "a/b", "..", "a b", "a\n", "a" * 41, "ä"])
def test_what_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(TestbedError, match="cannot name a VM"):
        names.checked(name)


def test_names_of_runs_are_the_same_for_a_run_and_differ_between_runs() -> None:
    assert names.unique("one", "/run/a") == names.unique("one", "/run/a")
    assert names.unique("one", "/run/a") != names.unique("one", "/run/b")


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as one:
        yield one
        one.kill()


def test_a_process_is_known_until_it_ends(child: subprocess.Popen[bytes]) -> None:
    known = process.identify(child.pid)
    assert known is not None
    assert process.alive(known)
    child.kill()
    child.wait()
    assert not process.alive(known)


def test_what_remains_of_a_process_is_no_process(child: subprocess.Popen[bytes]) -> None:
    child.kill()
    deadline = time.monotonic() + 10
    while process.identify(child.pid) is not None and time.monotonic() < deadline:
        time.sleep(0.01)
    assert process.identify(child.pid) is None, "a zombie has a number, but is gone"


def fake_proc(folder: Path, start: int, boot: str = "b") -> Path:
    (folder / "42").mkdir(parents=True, exist_ok=True)
    after_command = ["S", *["0"] * 18, str(start), "0"]
    (folder / "42/stat").write_text(f"42 (a ) odd name) {' '.join(after_command)}\n")
    (folder / "sys/kernel/random").mkdir(parents=True, exist_ok=True)
    (folder / "sys/kernel/random/boot_id").write_text(f"{boot}\n")
    return folder


def test_a_number_given_to_another_process_is_not_ours(tmp_path: Path) -> None:
    known = process.identify(42, fake_proc(tmp_path, 100))
    assert known == process.Identity(42, 100, "b")
    assert process.alive(known, tmp_path)
    assert not process.alive(known, fake_proc(tmp_path, 101))
    assert not process.alive(known, fake_proc(tmp_path, 100, "after the next boot"))


def test_a_process_with_our_number_but_not_ours_is_never_ended(child: subprocess.Popen[bytes]) -> None:
    known = process.identify(child.pid)
    assert known is not None
    process.stop(process.Identity(known.pid, known.start - 1, known.boot))
    assert child.poll() is None


def test_ours_is_ended(child: subprocess.Popen[bytes]) -> None:
    known = process.identify(child.pid)
    assert known is not None
    process.stop(known)
    assert child.wait(10) != 0


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOSTFORGE_CACHE", str(tmp_path))
    return tmp_path


def saved(cache: Path, pid: int) -> record.Record:
    (cache / "vms/one").mkdir(parents=True)
    identity = process.identify(pid) or process.Identity(pid, 1, "long ago")
    one = record.Record("one", str(cache / "images/debian-12-0123456789ab"), 4022, identity)
    record.save(one)
    return one


def test_a_record_is_read_as_it_was_written(cache: Path) -> None:
    one = saved(cache, os.getpid())
    assert record.load("one") == one
    assert [each.name for each in record.everyone()] == ["one"]
    assert one.running


def test_a_vm_that_nobody_knows_is_said_to_be_so(cache: Path) -> None:
    with pytest.raises(TestbedError, match="there is no VM 'two'"):
        record.existing("two")
    assert cache.exists()


def test_down_leaves_nothing_of_a_vm_whose_process_is_gone(cache: Path) -> None:
    saved(cache, 2**22 + 1)
    assert vms.down("one")
    assert not (cache / "vms/one").exists()
    assert not vms.down("one")


def test_down_clears_an_interrupted_start_without_ending_a_stranger(
    cache: Path, child: subprocess.Popen[bytes]
) -> None:
    folder = cache / "vms/one"
    folder.mkdir(parents=True)
    (folder / "pid").write_text(f"{child.pid}\n")
    assert vms.down("one")
    assert child.poll() is None, "its command line names no file of this VM"
    assert not folder.exists()


def test_down_ends_the_process_of_an_interrupted_start(cache: Path) -> None:
    folder = cache / "vms/one"
    folder.mkdir(parents=True)
    words = [sys.executable, "-c", "import time; time.sleep(60)", "-pidfile", str(folder / "pid")]
    with subprocess.Popen(words) as ours:
        (folder / "pid").write_text(f"{ours.pid}\n")
        time.sleep(0.2)
        assert vms.down("one")
        assert ours.wait(10) != 0


def test_the_console_is_shown_without_control_sequences(tmp_path: Path) -> None:
    path = tmp_path / "serial.log"
    path.write_bytes(b"\x1b[H\x1b[Jone\r\n\r\n[\x1b[0;32m  OK  \x1b[0m] two\r\n\xff")
    assert serial.tail(path) == "one\n[  OK  ] two"
    assert serial.last_line(path) == "[  OK  ] two"
    assert "no serial console" in serial.tail(tmp_path / "none")
