# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Starts the guests in /etc/xen/auto in the order of the names there, in place of xendomains, and pauses between them.

What is in the folder is started, whoever has put it there. The pause stands in the comment that xen_guest writes into
a guest's own file. Saved guests are xendomains' to restore, and it comes before: what it has restored runs already.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from start_order import StartError, Turn, boot_id, parser, run

AUTO = Path("/etc/xen/auto")
SETTINGS = (Path("/etc/default/xendomains"), Path("/etc/sysconfig/xendomains"))
SAVED = "/var/lib/xen/save"
RESTORER = "xendomains.service"
# The same lines as the driver reads.
NOTES = re.compile(r"^# hostforge: (\{.*\})[ \t]*$", re.MULTILINE)
SAVE_DIR = re.compile(r"""^\s*XENDOMAINS_SAVE=["']?([^"'\s]*)""", re.MULTILINE)
ANSWERS_S = 60
# What xl says of a script of Xen's that it has killed because the host was busy, and how often in all a guest is tried.
LOST_PATIENCE = "because of timeout"
TRIES = 3
SHOWN = 500


def ask(words: Sequence[str]) -> str:
    """Run a command and return what it says. Raises StartError."""
    env = dict(os.environ, LC_ALL="C")
    try:
        done = subprocess.run(words, check=False, capture_output=True, stdin=subprocess.DEVNULL, env=env)
    except OSError as error:
        raise StartError(f"{words[0]}: {error.strerror}") from error
    if done.returncode:
        said = " ".join((done.stderr or done.stdout).decode("utf-8", "replace").split())
        if len(said) > 2 * SHOWN:
            said = f"{said[:SHOWN]} … {said[-SHOWN:]}"
        raise StartError(f"{' '.join(words[:2])} ended with status {done.returncode}: {said}")
    return done.stdout.decode("utf-8", "replace")


def wait_for_xen() -> None:
    """Wait until Xen answers: what asks about a guest means something from then on."""
    end = time.monotonic() + ANSWERS_S
    while True:
        try:
            ask(["xl", "list"])
        except StartError as error:
            if time.monotonic() >= end:
                raise StartError(f"Xen does not answer: {error}") from error
            time.sleep(1)
        else:
            return


def era() -> str:
    """This start of the host, and of xendomains: stopped, that ends all guests, and started again it begins anew."""
    try:
        begun = ask(["systemctl", "show", "--property=InvocationID", "--value", RESTORER]).strip()
    except StartError:
        begun = ""
    return f"{boot_id()} {begun}".strip()


def turns(folder: Path) -> list[Turn]:
    """What is in the folder, in the order of the names. What cannot be read has its turn, too, and fails at it."""
    if not folder.is_dir():
        return []
    wait_for_xen()
    # What begins with a dot is nothing for xendomains either.
    return [turn(path) for path in sorted(folder.iterdir()) if not path.name.startswith(".")]


def turn(path: Path) -> Turn:
    """The turn of one link. A guest is known by its name, by which a second link to it is found out."""
    shown = path.name.encode("utf-8", "replace").decode("utf-8")
    try:
        name = name_in(path)
    except StartError as error:
        return Turn(shown, f"link {shown!r}", 0, partial(fail, error))
    return Turn(name, f"guest {name!r}", delay_in(path), partial(start, path, name))


def name_in(path: Path) -> str:
    """The guest's name as xl reads it, which makes nothing."""
    said = ask(["xl", "create", "--quiet", "--dryrun", "--defconfig", str(path)])
    try:
        return str(json.loads(said)["c_info"]["name"])
    except (ValueError, TypeError, KeyError) as error:
        raise StartError(f"xl does not tell the name of the guest in {path}") from error


def delay_in(path: Path) -> int:
    """How many seconds are noted in a guest's file; what cannot be read notes none."""
    try:
        text = path.read_bytes().decode("utf-8", "replace")
        match = NOTES.search(text)
        noted: Any = json.loads(match[1]) if match else {}
        delay = noted.get("delay")
    except (OSError, ValueError, AttributeError):
        return 0
    return delay if isinstance(delay, int) and not isinstance(delay, bool) and delay > 0 else 0


def fail(error: StartError) -> bool:
    """What could not be read cannot be started."""
    raise error


def start(path: Path, name: str) -> bool:
    """Start a guest, unless it is there already. One whose memory is saved would lose it."""
    if is_there(name):
        return False
    saved = Path(save_dir()) / name
    if saved.exists():
        raise StartError(f"its memory is saved in {saved}: restore it (xl restore FILE), or move the file away")
    for left in reversed(range(TRIES)):
        try:
            ask(["xl", "create", "--quiet", "--defconfig", str(path)])
        except StartError as error:
            if not left or LOST_PATIENCE not in str(error):
                raise
        else:
            break
    return True


def is_there(name: str) -> bool:
    """Whether Xen has a guest of that name."""
    try:
        ask(["xl", "domid", "--", name])
    except StartError:
        return False
    return True


def save_dir() -> str:
    """Where xendomains saves guests."""
    texts = [path.read_text(encoding="utf-8", errors="replace") for path in SETTINGS if path.is_file()]
    found = [match[1] for text in texts for match in SAVE_DIR.finditer(text)]
    return found[-1] if found and found[-1] else SAVED


def main() -> int:
    """Start what is to be started; 1 when something of it failed."""
    options = parser("Xen")
    options.add_argument("--folder", type=Path, default=AUTO, help="the folder of links to guests' files")
    chosen = options.parse_args()
    return run(chosen, era(), partial(turns, chosen.folder))


if __name__ == "__main__":
    sys.exit(main())
