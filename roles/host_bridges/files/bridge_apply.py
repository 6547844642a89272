# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Carries out one bridge's plan as a transaction: apply, look, wait for the controller, else put everything back.

Run on the host, detached from the connection that it may cut: ``bridge_apply.py <folder>``. The folder holds
``plan.json`` (see bridge_plan.py, plus ``"timeout"`` in seconds); this writes ``status.json`` there and waits for a
file ``confirm``.
``bridge_apply.py <folder> confirm`` makes that file, waits for the end and prints the status.
The states: applying, waiting (the bridge holds, the controller should say that it reaches the host), committed,
rolled_back.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from typing import Any


class Failed(Exception):
    """The change does not hold; everything is put back."""


class Folder:
    """Where the plan lies and the status is told."""

    def __init__(self, path: str) -> None:
        self.path = path

    def plan(self) -> dict[str, Any]:
        """The plan to carry out."""
        with open(os.path.join(self.path, "plan.json"), encoding="utf-8") as handle:
            found: dict[str, Any] = json.load(handle)
        return found

    def tell(self, state: str, reason: str = "") -> None:
        """Writes the status in one step, so that no reader sees half of it."""
        target = os.path.join(self.path, "status.json")
        with open(target + ".new", "w", encoding="utf-8") as handle:
            json.dump({"state": state, "reason": reason}, handle)
        os.replace(target + ".new", target)

    def status(self) -> dict[str, str]:
        """What was told last."""
        with open(os.path.join(self.path, "status.json"), encoding="utf-8") as handle:
            found: dict[str, str] = json.load(handle)
        return found

    def confirm(self) -> None:
        """Says that the controller reaches the host."""
        with open(os.path.join(self.path, "confirm"), "w", encoding="utf-8"):
            pass

    def confirmed(self) -> bool:
        """Has the controller said that it reaches the host."""
        return os.path.exists(os.path.join(self.path, "confirm"))


def run(argv: list[str], must: bool) -> str:
    """Runs one command; its output. Failed when it fails and must not."""
    done = subprocess.run(argv, capture_output=True, text=True, check=False, env={**os.environ, "LC_ALL": "C"})
    print(argv, done.returncode, done.stdout, done.stderr, flush=True)
    if must and done.returncode != 0:
        raise Failed(f"{' '.join(argv)}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def read_old(paths: list[str]) -> dict[str, str | None]:
    """What the files hold now; None for one that is not there."""
    found: dict[str, str | None] = {}
    for path in paths:
        try:
            with open(path, encoding="utf-8") as handle:
                found[path] = handle.read()
        except FileNotFoundError:
            found[path] = None
    return found


def write_files(files: dict[str, str | None]) -> None:
    """Makes each file what is given, each in one step; None removes it."""
    for path, text in files.items():
        if text is None:
            if os.path.exists(path):
                os.unlink(path)
            continue
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path + ".hostforge-new", "w", encoding="utf-8") as handle:
            handle.write(text)
        os.chmod(path + ".hostforge-new", 0o644)
        os.replace(path + ".hostforge-new", path)


def addresses_of(device: str) -> list[str]:
    """The global IPv4 addresses of a device, with prefix."""
    links = json.loads(
        run(["ip", "-json", "-4", "address", "show", "dev", device, "scope", "global"], must=False) or "[]"
    )
    return [f"{info['local']}/{info['prefixlen']}" for link in links for info in link.get("addr_info", [])]


def reaches(gateway: str) -> bool:
    """Does the gateway answer for its address. Not every gateway answers a ping, but each must answer ARP."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.sendto(b"", (gateway, 9))
        except OSError:
            return False
    time.sleep(1)
    entries = json.loads(run(["ip", "-json", "neighbour", "show", "to", gateway], must=False) or "[]")
    return any("lladdr" in entry and "FAILED" not in entry.get("state", []) for entry in entries)


def lacking(expect: dict[str, Any]) -> str:
    """What does not hold yet; empty when all does."""
    device, port = expect["device"], expect["port"]
    if not os.path.isdir(f"/sys/class/net/{device}/bridge"):
        return f"there is no bridge {device}"
    if port and not os.path.exists(f"/sys/class/net/{device}/brif/{port}"):
        return f"{port} has not joined {device}"
    have = addresses_of(device)
    missing = [address for address in expect["addresses"] if address not in have]
    if missing or (expect["any_address"] and not have):
        return f"{device} has {have or 'no address'}, not {missing or 'any'}"
    if expect["gateway"] and not reaches(expect["gateway"]):
        return f"the gateway {expect['gateway']} does not answer"
    return ""


def wait_until_it_holds(expect: dict[str, Any], deadline: float) -> None:
    """Returns when everything expected holds; Failed at the deadline, naming what does not."""
    problem = lacking(expect)
    while problem:
        if time.monotonic() > deadline:
            raise Failed(problem)
        time.sleep(1)
        problem = lacking(expect)


def carry_out(folder: Folder, plan: dict[str, Any]) -> None:
    """The way forward, up to the controller's word."""
    for argv in plan["before"]:
        run(argv, must=False)
    write_files({file["path"]: file["after"] for file in plan["files"]})
    for argv in plan["after"]:
        run(argv, must=True)
    wait_until_it_holds(plan["expect"], time.monotonic() + plan["timeout"])
    folder.tell("waiting")
    deadline = time.monotonic() + plan["timeout"]
    while not folder.confirmed():
        if time.monotonic() > deadline:
            raise Failed("the bridge was up, but the controller did not come back in time to confirm it")
        time.sleep(0.5)


def put_back(plan: dict[str, Any], old: dict[str, str | None]) -> None:
    """The way back; every step is tried, whatever the one before did."""
    for argv in plan["undo_before"]:
        run(argv, must=False)
    write_files(old)
    for argv in plan["undo_after"]:
        run(argv, must=False)


def confirm(folder: Folder) -> dict[str, str]:
    """Says that the controller is there, and waits for the end; the end comes, as every wait of the other side ends."""
    folder.confirm()
    while folder.status()["state"] not in ("committed", "rolled_back"):
        time.sleep(0.2)
    return folder.status()


def transact(folder: Folder) -> None:
    """One transaction, always ending in committed or rolled_back."""
    plan = folder.plan()
    old = read_old([file["path"] for file in plan["files"]])
    folder.tell("applying")
    try:
        carry_out(folder, plan)
        folder.tell("committed")
    except BaseException as error:  # whatever went wrong, the host must be reachable again
        put_back(plan, old)
        folder.tell("rolled_back", str(error))
        raise SystemExit(1) from error


def main() -> None:
    """The two sides of the program."""
    folder = Folder(sys.argv[1])
    if sys.argv[2:] == ["confirm"]:
        print(json.dumps(confirm(folder)))
    else:
        transact(folder)


if __name__ == "__main__":
    main()
