# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Parts of the definition that users write as XML, on a real libvirt: made once, shown, kept, mended and refused."""

from __future__ import annotations

from typing import Any

import libvirt
import pytest

from ansible_collections.hostforge.hypervisor.tests.integration.rows import own
from ansible_collections.hostforge.hypervisor.tests.integration.runs import (
    attempt,
    define,
    guest,
    live,
    mend,
    refused,
    stored,
)

HYPERV = "<hyperv mode='custom'><relaxed state='on'/><vapic state='on'/></hyperv>"
FORCE = {"restart": "force", "shutdown_timeout": 0}
QEMU = "{http://libvirt.org/schemas/domain/qemu/1.0}"


def written(path: str, element: str) -> dict[str, Any]:
    """Options with one fragment."""
    return own(xml=[{"path": path, "element": element}])


MADE = {
    "a feature": ("features/hyperv", HYPERV),
    "a size in another unit": ("memtune/hard_limit", "<hard_limit unit='GiB'>2</hard_limit>"),
    "a device": ("devices/hub", "<hub type='usb'/>"),
    "a named element": ("clock/timer[@name='hpet']", "<timer name='hpet' present='no'/>"),
    "a named element in its parent": ("clock", "<clock><timer name='rtc' tickpolicy='catchup'/></clock>"),
    "arguments": (
        "qemu:commandline",
        "<qemu:commandline><qemu:arg value='-msg'/><qemu:arg value='timestamp=on'/></qemu:commandline>",
    ),
    "text": ("title", "<title>a &lt;b&gt; &amp; 'c' \"d\"</title>"),
    "nothing": ("devices/rng", ""),
}


@pytest.mark.parametrize(("path", "element"), MADE.values(), ids=MADE)
def test_a_fragment_is_made_once(kvm: libvirt.virConnect, path: str, element: str) -> None:
    wish = written(path, element)
    assert mend(name="new1", **wish) == ["create guest"]
    guest(name="raw1")
    before = stored("raw1")
    assert mend(name="raw1", **wish) == [f"set xml {path}"]
    # Taken back by hand, it is drift that is seen and mended.
    define(before)
    assert mend(name="raw1", **wish) == [f"set xml {path}"]


def test_a_diff_shows_what_differs_and_nothing_else(kvm: libvirt.virConnect) -> None:
    guest(
        name="raw1",
        **written("features/hyperv", "<hyperv><relaxed state='on'/><spinlocks state='on' retries='4096'/></hyperv>"),
    )
    result = guest(check=True, name="raw1", **written("features/hyperv", "<hyperv><relaxed state='off'/></hyperv>"))
    assert result["diff"]["before"] == (
        'raw1:\n  xml[features/hyperv]:\n    - "<hyperv>"\n    - "  <relaxed state=\'on\'/>"\n    - "</hyperv>"\n'
    )
    assert result["diff"]["after"] == result["diff"]["before"].replace("'on'", "'off'")


def test_what_else_is_there_stays(kvm: libvirt.virConnect) -> None:
    guest(name="raw1", **written("features/hyperv", HYPERV))
    guest(name="raw1", **written("features/hyperv", "<hyperv><vapic state='off'/></hyperv>"))
    found = stored("raw1").find("features/hyperv")
    assert found is not None
    assert [(one.tag, one.get("state")) for one in found] == [("relaxed", "on"), ("vapic", "off")]
    assert not guest(name="raw1", **own(xml=[]))["changed"]


def test_a_running_guest_gets_it_with_a_restart(kvm: libvirt.virConnect) -> None:
    guest(name="raw1", state="running")
    wish = {"name": "raw1", "state": "running", **written("features/hyperv", HYPERV)}
    assert guest(**wish)["restart_required"]
    assert guest(**wish)["restart_required"]
    assert live("raw1").find("features/hyperv") is None
    assert mend(**wish, **FORCE) == ["restart state"]
    assert live("raw1").find("features/hyperv/relaxed") is not None
    gone = {"name": "raw1", "state": "running", **written("features/hyperv", "")}
    assert mend(**gone, **FORCE) == ["set xml features/hyperv", "restart state"]
    assert live("raw1").find("features/hyperv") is None


def test_it_goes_with_other_options(kvm: libvirt.virConnect) -> None:
    wish: dict[str, Any] = {"name": "raw1", "description": "x", "vcpus": 2}
    fragments = [
        {"path": "features/hyperv", "element": HYPERV},
        {"path": "devices/video", "element": "<video><model type='vga'/></video>"},
    ]
    guest(name="raw1")
    done = mend(**wish, **own(xml=fragments, graphics="vnc", watchdog={"action": "pause"}))
    assert done[-2:] == ["set xml features/hyperv", "set xml devices/video"]


@pytest.mark.parametrize(
    ("path", "element", "says"),
    [
        ("devices/hub", "<hub type='no such'/>", "libvirt says"),
        ("on_poweroff", "<on_poweroff>explode</on_poweroff>", "libvirt says"),
        ("devices/controller", "<controller ports='4'/>", "narrow the path"),
        ("devices/controller", "", "narrow the path"),
    ],
)
def test_what_libvirt_refuses_is_refused_before_anything_is_touched(
    kvm: libvirt.virConnect, path: str, element: str, says: str
) -> None:
    guest(name="raw1")
    before = stored("raw1")
    said = refused(name="raw1", description="x", **written(path, element))
    assert path in said
    assert says in said
    assert [one.text for one in stored("raw1").iter()] == [one.text for one in before.iter()]
    if "libvirt" in says:
        assert path in refused(name="new1", **written(path, element))
        assert [domain.name() for domain in kvm.listAllDomains()] == ["raw1"]


def test_what_libvirt_does_not_know_it_does_not_keep(kvm: libvirt.virConnect) -> None:
    guest(name="raw1")
    result = attempt(name="raw1", **written("nosuch", "<nosuch state='on'/>"))
    assert result["failed"]
    assert "the host did not keep what was set: set xml nosuch: found (), wished" in result["msg"]
    assert stored("raw1").find("nosuch") is None
