# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The job from nothing to the table, step by step, each with a word on what it does and how far it is."""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from runner.environment import CHECKOUT, link_collection

from testbed.images import ensure_image
from testbed.record import Record
from testbed.serve import server
from testbed.vms import Wanted, up

from .access import HOST, folder, ssh_config, write_access, write_connection
from .guests import forget_reports, read_reports, report_folder, table
from .play import play

HOST_VM = "demo"
EXAMPLE = CHECKOUT / "playbooks/inventory/example.yml"
# User-mode networking shows the VM this machine's loopback under this address.
MACHINE = "10.0.2.2"
STEPS = ("images of a host and of a guest", "the throwaway host", "the playbook", "the guests")
MEMORY_MIB = 4096

_begun = time.monotonic() - float(os.environ.get("HOSTFORGE_DEMO_SECONDS", "0"))


def run_job(more: Sequence[str]) -> int:
    """Make everything that is not there yet; more: options for ansible-playbook. Returns its status."""
    _say(1, "built once with mmdebstrap, kept in the cache; some four minutes the first time")
    with ThreadPoolExecutor() as pool:
        host, guest = pool.submit(ensure_image, "debian-12"), pool.submit(ensure_image, "debian-12-guest")
        host.result()
        image = Path(guest.result().disk)
    _say(2, "a Debian 12 machine under QEMU; half a minute under emulation")
    record = up(Wanted(HOST_VM, "debian-12", memory_mib=MEMORY_MIB))
    _say(3, f"site.yml with {EXAMPLE.relative_to(CHECKOUT)}; six to nine minutes under emulation the first time")
    forget_reports()
    with _serving(image) as url:
        inventory = write_connection(record, url, _sha256(image))
        status = play(_command(inventory, more), link_collection().parents[2], folder() / "ansible.log")
    if status:
        print(f"\nThe playbook failed; all of its output is in {folder() / 'ansible.log'}.")
        print("Mend the cause and run bin/demo again: it goes on from where it was.")
        return status
    _say(4, "as the hypervisor says")
    _show(record)
    return 0


def _say(step: int, what: str) -> None:
    minutes, seconds = divmod(int(time.monotonic() - _begun), 60)
    print(f"\n[{step}/{len(STEPS)}] after {minutes} min {seconds:02d} s: {STEPS[step - 1]} ({what})", flush=True)


@contextmanager
def _serving(image: Path) -> Iterator[str]:
    """Serve the guest's image on the loopback while the playbook runs; gives the URL that the host sees."""
    web = server({"debian-12-guest.qcow2": image})
    thread = threading.Thread(target=web.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://{MACHINE}:{web.server_address[1]}/debian-12-guest.qcow2"
    finally:
        web.shutdown()
        web.server_close()


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _command(connection: Path, more: Sequence[str]) -> list[str]:
    inventories = ["--inventory", str(EXAMPLE), "--inventory", str(connection)]
    report = ["--extra-vars", f"demo_report_folder={report_folder()}"]
    return ["ansible-playbook", *inventories, *report, *more, "hostforge.hypervisor.demo"]


def _show(record: Record) -> None:
    rows = read_reports()
    write_access(record, rows)
    print(f"\n{table(rows)}\n")
    reachable = next((row.name for row in rows if row.address), None)
    hints = [("Log in to the host", "bin/demo ssh")]
    if reachable:
        hints.append((f"Log in to {reachable}", f"bin/demo ssh {reachable}"))
    hints += [
        ("The same with ssh", f"ssh -F {ssh_config()} {reachable or HOST}"),
        ("See what a change would do", f"edit {EXAMPLE.relative_to(CHECKOUT)}, then bin/demo run --check --diff"),
        ("Do it", "bin/demo"),
        ("Remove everything", "bin/demo destroy"),
    ]
    width = max(len(what) for what, _how in hints)
    for what, how in hints:
        print(f"{what.ljust(width)}  {how}")
