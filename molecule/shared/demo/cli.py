# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line of the demonstration: run, status, ssh, destroy."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from testbed import record as records
from testbed.errors import TestbedError
from testbed.vms import down

from . import guests
from .access import ssh_config, write_access
from .job import HOST_VM, run_job


def main(words: Sequence[str] | None = None) -> int:
    """Run one command; 0 when it did what it was to do."""
    arguments = _parser().parse_args(words)
    try:
        return int(arguments.command(arguments) or 0)
    except TestbedError as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\ndemo: interrupted; bin/demo goes on where this was, bin/demo destroy removes it", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bin/demo", description=__doc__)
    commands = parser.add_subparsers(metavar="COMMAND")
    run = commands.add_parser("run", help="make the host and its guests what the example says (the default)")
    run.add_argument("ansible", nargs=argparse.REMAINDER, help="more for ansible-playbook, such as --check --diff")
    run.set_defaults(command=_run)
    commands.add_parser("status", help="the table of guests, as of the last run").set_defaults(command=_status)
    ssh = commands.add_parser("ssh", help="log in to the host, or to a guest through it")
    ssh.add_argument("name", nargs="?", default="kvm1", help="kvm1 (the host) or a guest's name")
    ssh.add_argument("words", nargs=argparse.REMAINDER, help="a command to run there")
    ssh.set_defaults(command=_ssh)
    commands.add_parser("destroy", help="remove the throwaway host and its guests").set_defaults(command=_destroy)
    parser.set_defaults(command=_run, ansible=[])
    return parser


def _run(arguments: argparse.Namespace) -> int:
    return run_job(arguments.ansible)


def _status(_arguments: argparse.Namespace) -> None:
    records.existing(HOST_VM)
    print(guests.table(guests.read_reports()))


def _ssh(arguments: argparse.Namespace) -> None:
    write_access(records.existing(HOST_VM), guests.read_reports())
    sys.stdout.flush()
    os.execvp("ssh", ["ssh", "-F", str(ssh_config()), arguments.name, *arguments.words])


def _destroy(_arguments: argparse.Namespace) -> None:
    if not down(HOST_VM):
        print("demo: there is nothing to destroy")
    guests.forget_reports()
