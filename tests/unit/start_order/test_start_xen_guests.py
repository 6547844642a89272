# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The program that starts Xen's guests when the host has started, as it is installed, with a simulated xl."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ansible_collections.hostforge.hypervisor.tests.unit.start_order.simulated_xl import SimulatedXl

ROLES = Path(__file__).resolve().parents[3] / "roles"
SAVED = Path("/var/lib/xen/save")


class Host:
    """A host whose guests are defined in one folder and linked in another, and the program on it."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.xl = SimulatedXl(home)
        self.auto = home / "auto"
        self.program = home / "lib/start_guests.py"
        for folder in ("auto", "etc", "lib", "saved"):
            (home / folder).mkdir()
        shutil.copy(ROLES / "host_start_order/files/start_order.py", home / "lib")
        # The folder of saved guests is xendomains' own setting, which is read where the distribution has it.
        text = (ROLES / "xen_host/files/start_guests.py").read_text()
        text = text.replace(f'"{SAVED}"', f'"{home}/saved"').replace("ANSWERS_S = 60", "ANSWERS_S = 1")
        self.program.write_text(text)

    def guest(self, name: str, link: str | None = None, note: str = "") -> Path:
        """Define a guest and have it start with the host."""
        path = self.home / "etc" / f"{name.replace('/', '_')}.cfg"
        path.write_text(f'# by hand\nname = "{name}"\nmemory = 64\n{note}\n')
        (self.auto / (link or f"{name}.cfg")).symlink_to(path)
        return path

    def command(self, *words: str) -> list[str]:
        return [sys.executable, "-B", str(self.program), f"--folder={self.auto}", f"--stamp={self.home}/stamp", *words]

    @property
    def env(self) -> dict[str, str]:
        return {**os.environ, "PATH": self.xl.path}

    def start(self, *words: str) -> tuple[int, list[str]]:
        """Run the program as its unit does; its status, and what it said."""
        ended = subprocess.run(self.command(*words), check=False, capture_output=True, text=True, env=self.env)
        assert ended.stderr == ""
        return ended.returncode, ended.stdout.splitlines()


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


def delay(seconds: object) -> str:
    return f"# hostforge: {json.dumps({'description': 'words', 'delay': seconds, 'disks': []})}"


def test_guests_are_started_in_the_order_of_their_links_with_their_delays_and_only_once(host: Host) -> None:
    host.guest("b", "0002-b.cfg", delay(1))
    host.guest("a", "0010-a.cfg", delay(60))
    host.guest("c", "0001-c.cfg", delay(1))
    assert host.start("--list") == (0, ["c", "b", "a"])
    assert host.xl.domains == []
    begin = time.monotonic()
    assert host.start() == (0, ["guest c: started", "guest b: started", "guest a: started"])
    assert 2 <= time.monotonic() - begin < 40
    assert host.xl.domains == ["c", "b", "a"]
    host.xl.write(domains=["c", "a"])
    assert host.start() == (0, ["the guests were started already since the host's start"])
    assert host.xl.domains == ["c", "a"], "one that somebody has stopped was started again"


def test_a_new_start_of_the_host_or_of_xendomains_is_a_new_round(host: Host) -> None:
    host.guest("a")
    host.start()
    host.xl.write(domains=[])
    host.xl.begin_xendomains("1")
    assert host.start() == (0, ["guest a: started"])
    host.xl.write(domains=[])
    stamp = host.home / "stamp"
    stamp.write_text(re.sub("^[0-9a-f-]+", "another-boot", stamp.read_text()))
    assert host.start() == (0, ["guest a: started"])


def test_a_guest_that_was_restored_is_passed_over_without_its_delay(host: Host) -> None:
    host.guest("a", "0001-a.cfg", delay(600))
    host.guest("b", "0002-b.cfg")
    host.xl.write(domains=["a"])
    assert host.start() == (0, ["guest a: runs already, or has gone", "guest b: started"])


def test_a_guest_that_was_saved_and_not_restored_is_not_started(host: Host) -> None:
    host.guest("a", "0001-a.cfg")
    host.guest("b", "0002-b.cfg")
    (host.home / "saved/a").write_bytes(b"memory")
    status, said = host.start()
    assert (status, host.xl.domains) == (1, ["b"])
    assert f"its memory is saved in {host.home}/saved/a" in said[0]
    (host.home / "saved/a").unlink()
    host.xl.write(domains=[])
    assert host.start()[0] == 0
    assert host.xl.domains == ["a"], "one that somebody has stopped was started again"


def test_what_fails_does_not_stop_the_rest_and_is_tried_again(host: Host) -> None:
    host.guest("a", "0001-a.cfg")
    host.guest("b", "0002-b.cfg", delay(600))
    host.guest("c", "0003-c.cfg")
    host.xl.write(broken=["b"])
    status, said = host.start()
    assert (status, host.xl.domains) == (1, ["a", "c"])
    assert "guest b cannot be started: xl create ended with status 3: libxl: error" in said[1]
    assert said[-1].startswith("not started: b;")
    host.xl.write(broken=[], domains=["c"])
    assert host.start() == (0, ["guest b: started"])


def test_what_xl_gives_up_on_a_busy_host_is_tried_three_times(host: Host) -> None:
    host.guest("a")
    host.xl.write(busy=2)
    assert host.start() == (0, ["guest a: started"])
    host.xl.write(busy=3, domains=[])
    host.xl.begin_xendomains("1")
    status, said = host.start()
    assert (status, host.xl.domains) == (1, [])
    assert "killing execution of /etc/xen/scripts/block add because of timeout" in said[0]
    assert host.start() == (0, ["guest a: started"])


def test_odd_things_in_the_folder_are_named_and_stop_nothing(host: Host) -> None:
    host.guest("z")
    (host.auto / "dangling.cfg").symlink_to(host.home / "nowhere")
    (host.auto / "folder").mkdir()
    (host.auto / "no guest").write_text("what [ is this")
    (host.auto / ".hidden.cfg").symlink_to(host.guest("hidden").resolve())
    (host.auto / "hidden.cfg").unlink()
    (host.auto / os.fsdecode(b"odd\xff\n")).write_text("nothing")
    host.guest("same name", "0001-first")
    (host.auto / "0002-again").symlink_to(host.auto / "0001-first")
    status, said = host.start()
    assert (status, host.xl.domains) == (1, ["same name", "z"])
    assert said[:2] == ["guest same name: started", "guest same name: runs already, or has gone"]
    told = "\n".join(said)
    assert "guest dangling.cfg cannot be started: xl create ended with status 3: Failed to read config file" in told
    assert "guest folder cannot be started" in told
    assert "guest no guest cannot be started" in told
    assert "hidden" not in told
    assert host.start("--list")[0] == 0


def test_a_guest_called_like_the_word_for_all_is_one_guest(host: Host) -> None:
    host.guest("done", "0001-done")
    host.guest("b", "0002-b")
    host.xl.write(broken=["b"])
    assert host.start()[0] == 1
    host.xl.write(broken=[])
    assert host.start() == (0, ["guest b: started"])


@pytest.mark.parametrize("noted", ['"600"', "-5", "true", "600.5", "[600]", "null", '600, "x": }'])
def test_what_somebody_else_wrote_in_place_of_a_delay_is_none(host: Host, noted: str) -> None:
    host.guest("a", "0001-a", f'# hostforge: {{"delay": {noted}}}')
    host.guest("b", "0002-b", "# hostforge: [1]")
    host.guest("c", "0003-c")
    begin = time.monotonic()
    assert host.start()[0] == 0
    assert time.monotonic() - begin < 40


def test_no_xen_is_told_after_a_while_and_nothing_is_noted(host: Host) -> None:
    host.guest("a")
    host.xl.write(dead=True)
    status, said = host.start()
    assert status == 1
    assert said[0].startswith("Xen does not answer: xl list ended with status 1: xc: error")
    host.xl.write(dead=False)
    assert host.start() == (0, ["guest a: started"])


def test_a_host_without_such_guests_asks_xen_for_nothing(host: Host) -> None:
    host.auto.rmdir()
    assert host.start() == (0, [])
    assert host.xl.log == []


def begun(host: Host) -> subprocess.Popen[str]:
    """The program, so far that it has started the first guest."""
    process = subprocess.Popen(host.command(), stdout=subprocess.PIPE, text=True, env=host.env)
    assert process.stdout is not None
    assert process.stdout.readline() == "guest a: started\n"
    return process


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_run_that_is_ended_in_a_delay_is_taken_up(host: Host, number: signal.Signals) -> None:
    host.guest("a", "0001-a", delay(600))
    host.guest("b", "0002-b")
    with begun(host) as process:
        process.send_signal(number)
        rest = process.communicate()[0]
    assert process.returncode == {signal.SIGKILL: -9, signal.SIGTERM: 1}[number]
    assert ("not started: b;" in rest) == (number == signal.SIGTERM)
    host.xl.write(domains=[])
    assert host.start() == (0, ["guest b: started"])


def test_a_start_is_not_cut_off_when_the_host_goes_down(host: Host) -> None:
    for place, name in enumerate("abc"):
        host.guest(name, f"000{place}-{name}")
    host.xl.write(slow=1)
    with begun(host) as process:
        while len([words for words in host.xl.log if words[0] == "create" and "--dryrun" not in words]) < 2:
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        said = process.communicate()[0].splitlines()
    assert said[0] == "guest b: started"
    assert said[1].startswith("not started: c;")
    assert host.xl.domains == ["a", "b"]


def test_the_journal_is_told_levels(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOURNAL_STREAM", "8:1")
    host.guest("a", "0001-a")
    host.guest("b", "0002-b")
    host.xl.write(broken=["b"])
    status, said = host.start()
    assert (status, [line[:3] for line in said]) == (1, ["<6>", "<3>", "<3>"])
