# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The test runner does not let a failure pass: a part that fails, hangs or cannot start is counted as failed."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.hostforge.hypervisor.tests.runner import archive, environment, importer, report, suites
from ansible_collections.hostforge.hypervisor.tests.runner.__main__ import chosen, listing
from ansible_collections.hostforge.hypervisor.tests.runner.part import Part, Step, Steps
from ansible_collections.hostforge.hypervisor.tests.runner.parts import PARTS
from ansible_collections.hostforge.hypervisor.tests.runner.schedule import Runner, startable
from ansible_collections.hostforge.hypervisor.tests.runner.workspace import Workspace


def python(*codes: str) -> Steps:
    """A part's steps, each of which runs a bit of Python."""

    def steps(workspace: Workspace, arguments: tuple[str, ...]) -> Iterator[Step]:
        for number, code in enumerate(codes):
            yield Step(f"step {number}", (sys.executable, "-c", code, *arguments), workspace.folder)

    return steps


@pytest.fixture
def runner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Runner:
    """A runner in a workspace of its own."""
    monkeypatch.setenv("HOSTFORGE_CACHE", str(tmp_path))
    return Runner(Workspace(cache=tmp_path, folder=tmp_path), ("argument",))


def test_parts_pass_and_fail_each_for_itself(runner: Runner) -> None:
    bad = Part("bad", "", python("raise SystemExit(3)", "print('never')"))
    good = Part("good", "", python("import sys; print(sys.argv[1])", "print('twice')"))
    results = runner.run([bad, good])
    assert [(result.part.name, result.passed) for result in results] == [("bad", False), ("good", True)]
    assert "FAILED with status 3" in results[0].log.read_text()
    assert "never" not in results[0].log.read_text()
    assert "argument" in results[1].log.read_text()


def test_a_part_may_go_on_after_a_failed_step_and_has_failed_all_the_same(runner: Runner) -> None:
    (result,) = runner.run([Part("x", "", python("raise SystemExit(1)", "print('later')"), keep_going=True)])
    assert not result.passed
    assert " later\n" in result.log.read_text()


def test_a_part_that_cannot_be_prepared_has_failed(runner: Runner) -> None:
    def steps(_workspace: Workspace, _arguments: tuple[str, ...]) -> Iterator[Step]:
        raise FileNotFoundError("no archive was built")

    (result,) = runner.run([Part("x", "", steps)])
    assert not result.passed
    assert "no archive was built" in result.log.read_text()


def test_a_part_without_anything_to_run_has_failed(runner: Runner) -> None:
    (missing, empty) = runner.run([Part("x", "", python("pass"), needs="no/such/folder"), Part("y", "", python())])
    assert not missing.passed
    assert not empty.passed


def test_a_part_that_hangs_is_ended_with_all_that_it_started(runner: Runner) -> None:
    code = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import time; time.sleep(600)'])"
    (result,) = runner.run([Part("x", "", python(code), minutes=0)])
    assert not result.passed
    assert "may take 0 minutes" in result.log.read_text()


def test_two_parts_run_at_once_and_never_two_of_a_lane() -> None:
    parts = [Part(name, "", python(), lane=lane) for name, lane in (("a", "vm"), ("b", "vm"), ("c", ""), ("d", ""))]
    assert [part.name for part in startable(parts, [])] == ["a", "c"]
    assert [part.name for part in startable(parts[1:], [parts[0]])] == ["c"]
    assert startable(parts[2:], parts[:2]) == []


def test_the_table_ends_with_the_count_alone(runner: Runner) -> None:
    results = runner.run([Part("bad", "", python("raise SystemExit(1)")), Part("good", "", python("pass"))])
    lines = report.table(results, environment=61.0, wall=2.0)
    assert lines[-1] == "1 passed, 1 failed"
    assert lines[1].split() == ["environment", "ready", "1:01"]
    assert lines[-3].split() == ["in", "all", "1:03"]


def test_names_of_parts_are_unique_and_quick_has_three() -> None:
    assert len({part.name for part in PARTS}) == len(PARTS)
    assert [part.name for part in PARTS if part.quick] == ["lint", "unit", "sanity"]


def test_each_molecule_scenario_is_a_part_that_says_what_it_shows() -> None:
    shown = {part.name: part.shows for part in PARTS if part.name.startswith("molecule-")}
    folders = {path.parent.name for path in (environment.CHECKOUT / "molecule").glob("*/molecule.yml")}
    assert shown.keys() == {f"molecule-{name}" for name in folders}
    assert not [text for text in shown.values() if len(text) < 20 or text.startswith("SPDX")]


def test_a_scenario_can_say_that_it_is_run_only_when_it_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / "molecule.yml").write_text("platforms:\n  - name: a\n    image: b\n")
    assert not suites.asked(tmp_path)
    (tmp_path / "molecule.yml").write_text("platforms:\n  - name: a\n    asked: true # why\n")
    assert suites.asked(tmp_path)


def test_what_has_to_be_asked_for_runs_only_then() -> None:
    assert "bench" not in [part.name for part in (*chosen([]), *chosen(["quick"]))]
    assert [part.name for part in chosen(["bench"])] == ["bench"]
    assert any(line.startswith("bench ") and "(only when named)" in line for line in listing())


def test_a_complaint_of_the_importer_counts() -> None:
    lines = ["Importing", "WARNING: no changelog", "ERROR: The import failed", "plugins/x.py: WARNING"]
    assert importer.complaints(lines) == lines[1:3]


def test_an_archive_with_a_stranger_or_without_an_inmate_is_found() -> None:
    good = [(f"{name}/file" if "." not in name and name != "LICENSE" else name, 10) for name in archive.TOP]
    assert list(archive.problems(good)) == []
    assert list(archive.problems([*good, ("molecule/kvm/x.yml", 10)]))
    assert list(archive.problems([*good, ("plugins/x.pyc", 10)]))
    assert list(archive.problems([*good, ("docs/disk.img", 10**6)]))
    assert list(archive.problems(good[1:]))


def test_system_packages_come_from_the_groups_that_are_asked_for() -> None:
    text = "# a comment\nbase git\n\nvm qemu-utils\nvm git\ntest shellcheck\n"
    assert environment.wanted(text, ()) == ["git"]
    assert environment.wanted(text, ("vm",)) == ["git", "qemu-utils"]


def test_a_package_that_is_not_installed_is_missing() -> None:
    if shutil.which("dpkg-query"):
        assert environment.missing(["dpkg", "no-such-package-at-all"]) == ["no-such-package-at-all"]
    else:
        assert environment.missing(["dpkg"]) == []


def test_an_ordinary_user_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    environment.install([])
    with pytest.raises(environment.Unavailable, match="apt-get install --no-install-recommends a b"):
        environment.install(["a", "b"])
