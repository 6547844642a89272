# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line of the test bed."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from . import record as records
from .apt import AptSettings
from .assemble import assemble
from .errors import TestbedError
from .images import ensure_image
from .logs import collect, summary
from .qemu import parse_size_mib
from .recipe import RECIPES, recipe_named
from .remote import ssh_command
from .vms import Wanted, down, up


def main(words: Sequence[str] | None = None) -> int:
    arguments = _parser().parse_args(words)
    try:
        arguments.command(arguments)
    except TestbedError as error:
        print(f"testbed: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python3 -m testbed", description="Debian images and throwaway VMs.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    image = commands.add_parser("image", help="build an image unless the cache has it; print its disk's path")
    image.add_argument("image", choices=RECIPES)
    image.set_defaults(command=_image)

    start = commands.add_parser("up", help="start a VM, wait for ssh; print how to reach it as JSON")
    start.add_argument("name")
    start.add_argument("--image", default="debian-12", choices=[r.name for r in RECIPES.values() if r.kind == "host"])
    start.add_argument("--memory", default="4G", help="such as 4G or 512M (default %(default)s)")
    start.add_argument("--cpus", type=int, default=Wanted.cpus, help="(default %(default)s)")
    start.add_argument("--disk", action="append", default=[], metavar="SIZE", help="an extra empty disk; repeatable")
    start.add_argument("--second-nic", action="store_true", help="a second card, on a network of its own")
    start.add_argument(
        "--device", action="append", default=[], help="a device more, in the words of QEMU's; repeatable"
    )
    start.add_argument(
        "--kernel-argument", action="append", default=[], metavar="WORD", help="for its kernel; repeatable"
    )
    start.add_argument("--processor", help="a model of QEMU's for it, where it is emulated")
    start.set_defaults(command=_up)

    for name, function, words in (
        ("down", _down, "power a VM off and remove it"),
        ("logs", _logs, "keep a VM's serial console and journal, and show their ends"),
        ("ssh", _ssh, "log into a VM, or run a command there"),
    ):
        one = commands.add_parser(name, help=words)
        one.add_argument("name")
        one.set_defaults(command=function)
        if name == "ssh":
            one.add_argument("words", nargs=argparse.REMAINDER)
    commands.add_parser("list", help="all VMs as JSON").set_defaults(command=_list)

    inner = commands.add_parser("assemble-image", help="a step of `image`, run in a namespace of its own")
    inner.add_argument("folder", type=Path)
    inner.set_defaults(command=_assemble)
    return parser


def _image(arguments: argparse.Namespace) -> None:
    print(ensure_image(arguments.image).disk)


def _up(arguments: argparse.Namespace) -> None:
    wanted = Wanted(
        arguments.name,
        arguments.image,
        parse_size_mib(arguments.memory),
        arguments.cpus,
        tuple(map(parse_size_mib, arguments.disk)),
        arguments.second_nic,
        tuple(arguments.device),
        tuple(arguments.kernel_argument),
        arguments.processor,
    )
    print(json.dumps(up(wanted).public(), indent=2))


def _down(arguments: argparse.Namespace) -> None:
    down(arguments.name)


def _list(_arguments: argparse.Namespace) -> None:
    print(json.dumps([record.public() for record in records.everyone()], indent=2))


def _logs(arguments: argparse.Namespace) -> None:
    print(summary(collect(records.existing(arguments.name))))


def _ssh(arguments: argparse.Namespace) -> None:
    command = ssh_command(records.existing(arguments.name), *arguments.words)
    sys.stdout.flush()
    os.execv(command[0], command)


def _assemble(arguments: argparse.Namespace) -> None:
    order = json.load(sys.stdin)
    apt = AptSettings(order["sources"], tuple(order["options"]))
    assemble(recipe_named(order["recipe"]), apt, order["key"], arguments.folder)
