# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Work that is killed at an exact place: before any one of its steps by which something on the host may change.

The steps are found by watching what every Python program has to call for that: libvirt, commands, and the functions
that change files. What is watched is therefore not chosen by the code that is tested.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import ModuleType
from typing import Any

import libvirtmod

# What libvirt is only asked; everything else may change something.
ASKS = re.compile(
    r".*(Get|List|Lookup|Is[A-Z]|Has|Num|Info|State|Free|Open|Close|Stats|Leases|XMLDesc|Register|Event|Error|Alive)"
)
FILES: dict[ModuleType, Sequence[str]] = {
    os: ("replace", "unlink", "mkdir", "rmdir", "chmod", "fchmod"),
}
# Files that a definition names.
FILE = re.compile(r"[\w./-]+\.(?:qcow2|raw|iso)")
LOOKS = (["qemu-img", "info"], ["qemu-img", "check"])


def steps_of_libvirt() -> list[str]:
    """The functions of the bindings that may change something."""
    return [name for name in dir(libvirtmod) if name.startswith("vir") and not ASKS.match(name)]


def is_step(name: str, arguments: Sequence[Any]) -> bool:
    """Whether a call may change something."""
    return name != "run" or list(arguments[0][:2]) not in LOOKS


def watch(before_step: Callable[[str], None], files: Mapping[ModuleType, Sequence[str]] | None = None) -> None:
    """Have a function called before every step, with what it is about, for the rest of this process."""
    for place, names in ({libvirtmod: steps_of_libvirt(), subprocess: ("run",)} | {**(files or FILES)}).items():
        for name in names:
            setattr(place, name, _watched(name, getattr(place, name), before_step))


def _watched(name: str, real: Callable[..., Any], before_step: Callable[[str], None]) -> Callable[..., Any]:
    def call(*arguments: Any, **options: Any) -> Any:
        if is_step(name, arguments):
            before_step(" ".join([name, *_files_of(name, arguments)]))
        return real(*arguments, **options)

    return call


def _files_of(name: str, arguments: Sequence[Any]) -> list[str]:
    """What a call is about, as far as it has a name in the file system."""
    if name.startswith("f"):
        return [os.readlink(f"/proc/self/fd/{arguments[0]}")]
    words = arguments[0] if name == "run" else [word for word in arguments if isinstance(word, str)]
    return [found for word in words for found in (FILE.findall(word) if "<" in word else [word])]


def aside(work: Callable[[Callable[[str], None]], object]) -> tuple[int, str]:
    """Do work in a process of its own; how that ended, and what the work said. It must open its own connection."""
    reader, writer = os.pipe()
    process = os.fork()
    if process == 0:
        _work(work, lambda text: os.write(writer, text.encode()))
    os.close(writer)
    with os.fdopen(reader) as pipe:
        said = pipe.read()
    return os.waitpid(process, 0)[1], said


def _work(work: Callable[[Callable[[str], None]], object], say: Callable[[str], object]) -> None:
    """What the process does, that never returns."""
    status = 1
    try:
        work(say)
        status = 0
    except Exception:  # noqa: BLE001 - whatever it is, the process that waits is to tell of it
        say(traceback.format_exc())
    finally:
        os._exit(status)


def killed_before(step: int, work: Callable[[], object]) -> str:
    """Do work in a process of its own, that is killed with SIGKILL before its step of that number, from 0.

    Returns which step that was; empty when the work has no such step, and so was done.
    """
    left = step

    def working(say: Callable[[str], None]) -> None:
        def count(name: str) -> None:
            nonlocal left
            if left == 0:
                say(name)
                os.kill(os.getpid(), signal.SIGKILL)
            left -= 1

        watch(count)
        work()

    status, said = aside(working)
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL:
        return said
    assert status == 0, f"the work failed: {said}"
    return ""


def steps_of(work: Callable[[], object], *more: str) -> list[list[str]]:
    """The steps of work, each as the name of a call and the files that it is about. more: calls of os to watch, too."""

    def working(say: Callable[[str], None]) -> None:
        watch(lambda step: say(f"{step}\n"), {**FILES, os: (*FILES[os], *more)})
        work()

    status, said = aside(working)
    assert status == 0, f"the work failed: {said}"
    return [line.split() for line in said.splitlines()]


def every_kill(prepare: Callable[[], object], work: Callable[[], object]) -> Iterator[str]:
    """Kill the same work before its first step, its second, and so on until it has none; prepare is done before each.

    Yields before which step it was killed.
    """
    step = 0
    prepare()
    while said := killed_before(step, work):
        yield said
        step += 1
        prepare()
