# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the collection's modules as a user's task would, and looks at the host with other people's tools."""

from __future__ import annotations

import json
import subprocess
import sys
import xml.etree.ElementTree as ET
from typing import Any

from ansible_collections.hostforge.hypervisor.tests.integration.private import run

PREFIX = "ansible_collections.hostforge.hypervisor.plugins.modules"
EMULATED = {"type": "qemu"}
Result = dict[str, Any]


def command(name: str) -> list[str]:
    """What runs a module as a process, which takes its arguments from standard input."""
    return [sys.executable, "-m", f"{PREFIX}.{name}"]


def arguments(check: bool = False, /, **options: Any) -> bytes:
    """A module's standard input."""
    modes = {"_ansible_check_mode": check, "_ansible_diff": True}
    return json.dumps({"ANSIBLE_MODULE_ARGS": {**options, **modes}}).encode()


def start(module_name: str, check: bool = False, /, **options: Any) -> subprocess.Popen[bytes]:
    """Begin to run a module, in a process group of its own."""
    process = subprocess.Popen(
        command(module_name),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    assert process.stdin is not None
    process.stdin.write(arguments(check, **options))
    process.stdin.close()
    process.stdin = None
    return process


def ended(process: subprocess.Popen[bytes]) -> Result:
    """The result of a module that was started, failed or not."""
    said = process.communicate()[0]
    try:
        result: Result = json.loads(said)
    except ValueError as error:
        raise AssertionError(f"{process.args!r} printed no result: {said.decode(errors='replace')[-3000:]}") from error
    return result


def module(module_name: str, check: bool = False, /, **options: Any) -> Result:
    """Run a module; its result, failed or not."""
    return ended(start(module_name, check, **options))


def guest(check: bool = False, **options: Any) -> Result:
    """Run kvm_guest for a guest without acceleration; it must not fail."""
    result = attempt(check, **options)
    assert not result.get("failed"), result["msg"]
    return result


def attempt(check: bool = False, **options: Any) -> Result:
    """Run kvm_guest for a guest without acceleration, whatever comes of it."""
    return module("kvm_guest", check, **{"kvm": EMULATED, **options})


def refused(**options: Any) -> str:
    """Run kvm_guest, which must fail before it changes anything, in check mode too; its message."""
    said = [attempt(check, **options) for check in (True, False)]
    assert [result.get("failed") for result in said] == [True, True], said
    assert not any(result.get("changed") for result in said)
    assert said[0]["msg"] == said[1]["msg"]
    return str(said[1]["msg"])


def mend(**options: Any) -> list[str]:
    """What a check run tells and the run then does, which a third run finds done; the changes in short."""
    told, done, after = guest(check=True, **options), guest(**options), guest(**options)
    assert actions(told) == actions(done)
    assert told["diff"] == done["diff"]
    assert not after["changed"], after["guests"]
    return actions(done)


def actions(result: Result) -> list[str]:
    """The changes of all guests, in short: verb, field, key, and whether a running guest gets it at once."""
    found = [action for entry in result["guests"] for action in entry["actions"]]
    return [" ".join([one["verb"], one["field"], *filter(None, [one.get("key")])]) for one in found]


def hot(result: Result) -> list[bool]:
    """Which changes a running guest gets at once."""
    return [action.get("hot", False) for entry in result["guests"] for action in entry["actions"]]


def virsh(*words: str) -> str:
    """Ask or tell libvirt with its own tool."""
    return run("virsh", "--quiet", *words).strip()


def stored(name: str) -> ET.Element:
    """A guest's definition for its next boot."""
    return ET.fromstring(virsh("dumpxml", "--inactive", "--security-info", name))


def live(name: str) -> ET.Element:
    """What a guest runs with."""
    return ET.fromstring(virsh("dumpxml", name))


def define(root: ET.Element) -> None:
    """Store a definition, as virsh edit does."""
    run("virsh", "--quiet", "define", "/dev/stdin", stdin=ET.tostring(root, encoding="unicode"))


def paths(root: ET.Element, device: str = "disk") -> list[str]:
    """The files of a definition's disks or cdroms."""
    return [one.get("file", "") for one in root.findall(f"devices/disk[@device='{device}']/source")]
