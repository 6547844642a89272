# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Machines as administrators have them: snapshots, linked clones, broken files, on the real VirtualBox."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.virtualbox.connection import connect
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Guest
from ansible_collections.hostforge.hypervisor.tests.contract.look import again, predicted, refused, run, state, there
from ansible_collections.hostforge.hypervisor.tests.roots.virtualbox import host
from ansible_collections.hostforge.hypervisor.tests.roots.virtualbox.virtualbox_subject import VirtualBoxSubject


def snapshot(name: str) -> None:
    """Take a snapshot, as an administrator would."""
    api = connect()
    with api.session(api.find(name)) as session:
        progress, _uuid = session.machine.takeSnapshot("before", "", True)
        api.wait(progress, "snapshot")


def test_what_snapshots_stand_on_stays(subject: VirtualBoxSubject) -> None:
    run(subject, subject.base)
    snapshot(subject.base.name)
    (root,) = there(subject).disks or ()
    assert (root.name, root.owned) == ("root", False)
    again(subject, subject.base)
    for want in (replace(subject.base, disks=()), Guest(subject.base.name, state="absent")):
        assert "snapshots" in refused(subject, want, "force", delete_disks=True).error
    larger = replace((subject.base.disks or ())[0], size_bytes=131 * host.MIB)
    assert "snapshots" in refused(subject, replace(subject.base, disks=(larger,))).error
    predicted(subject, replace(subject.base, description="with a snapshot"))
    assert os.path.exists(root.path or "")


def test_a_machine_that_cannot_be_read_stands_in_nobodys_way(subject: VirtualBoxSubject) -> None:
    run(subject, subject.base)
    api = connect()
    machine = api.find(subject.base.name)
    path = Path(machine.settingsFilePath)
    kept = path.read_text()
    path.write_text("<not a machine")
    # VirtualBox looks at a file anew when it has no good copy of it: as after it was started again.
    assert machine.accessible in (True, False)
    run(subject, Guest("other"))
    path.write_text(kept)


def test_a_settings_file_of_others_is_not_replaced(subject: VirtualBoxSubject) -> None:
    folder = Path(host.MACHINES) / "lost"
    folder.mkdir()
    (folder / "lost.vbox").write_text("<VirtualBox/>")
    assert "lost.vbox" in refused(subject, Guest("lost")).error
    assert state(subject, "lost") is None


def test_what_a_killed_run_left_before_it_registered_is_made_anew(subject: VirtualBoxSubject) -> None:
    run(subject, subject.base)
    api = connect()
    path = Path(api.find(subject.base.name).settingsFilePath)
    kept = path.read_text()
    run(subject, Guest(subject.base.name, state="absent"), delete_disks=True)
    path.parent.mkdir(parents=True)
    path.write_text(kept)
    predicted(subject, subject.base)
    again(subject, subject.base)
