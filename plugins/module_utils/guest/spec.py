# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of a guest: the argument spec, and from what the user wrote to wishes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Callable

from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import SpecError
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.parse import parse_guest, parse_policy
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.reader import NAME, Reader
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.resource import Item, Wish
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.shape import normal, quote, shape_errors
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Guest

Spec = dict[str, dict[str, Any]]
# From what is written to normal form; ValueError says what is allowed.
Forms = Mapping[str, Callable[[Any], Any]]

IMAGE: Spec = {
    "source": {"type": "str", "required": True},
    "checksum": {"type": "str"},
    "format": {"type": "str", "choices": ["qcow2", "raw"], "default": "qcow2"},
    "copy": {"type": "str", "choices": ["thin", "full"], "default": "thin"},
    "remote_src": {"type": "bool", "default": True},
}
PACKAGE: Spec = {key: IMAGE[key] for key in ("source", "checksum", "remote_src")}
DISK: Spec = {
    "name": {"type": "str", "required": True},
    "size": {"type": "str"},
    "pool": {"type": "str"},
    "path": {"type": "path"},
    "format": {"type": "str"},
    "bus": {"type": "str", "choices": ["virtio", "scsi", "sata", "nvme"]},
    "image": {"type": "dict", "options": IMAGE},
}
NIC: Spec = {
    "network": {"type": "str"},
    "bridge": {"type": "str"},
    "mac": {"type": "str"},
    "vlan": {"type": "int"},
    "model": {"type": "str"},
    "link": {"type": "str", "choices": ["up", "down"]},
}
CLOUD_INIT: Spec = {
    "user_data": {"type": "raw"},
    "meta_data": {"type": "dict"},
    "network_config": {"type": "raw"},
}
GUEST: Spec = {
    "name": {"type": "str"},
    "state": {"type": "str", "choices": ["running", "stopped", "present", "absent"], "default": "present"},
    "description": {"type": "str"},
    "uuid": {"type": "str"},
    "vcpus": {"type": "int"},
    "vcpus_max": {"type": "int"},
    "memory": {"type": "str"},
    "memory_max": {"type": "str"},
    "firmware": {"type": "str", "choices": ["bios", "uefi"]},
    "secure_boot": {"type": "bool"},
    "tpm": {"type": "bool"},
    "boot_order": {"type": "list", "elements": "str", "choices": ["disk", "cdrom", "network"]},
    "package": {"type": "dict", "options": PACKAGE},
    "disks": {"type": "list", "elements": "dict", "options": DISK},
    "cdroms": {"type": "list", "elements": "dict", "options": {"source": {"type": "str"}}},
    "nics": {"type": "list", "elements": "dict", "options": NIC},
    # User data is where passwords and keys are: nothing of it is ever logged or shown.
    "cloud_init": {"type": "dict", "options": CLOUD_INIT, "no_log": True},
    "autostart": {"type": "raw"},
    "restart": {"type": "str", "choices": ["never", "graceful", "force"], "default": "never"},
    "delete_disks": {"type": "bool", "default": False},
    "wait_for": {"type": "str", "choices": ["none", "address"], "default": "none"},
    "wait_timeout": {"type": "int", "default": 300},
    "shutdown_timeout": {"type": "int", "default": 120},
}

# The lists whose entries can have options that only one hypervisor has.
ENTRIES = ("disks", "nics")


def guest_argument_spec(hypervisor: str, own: Spec) -> Spec:
    """The options of a <hypervisor>_guest task.

    own: what only this hypervisor has, written under its name; that of a list's entry is called as in the traits, such
    as C(disks.turbo), and is written in the entry.
    The entries of guests take the same options and are validated by parse_wishes, not by the module's machinery,
    so that a message can name the guest and every error of a task is told at once.
    """
    return {
        **_guest_spec(hypervisor, own),
        "guests": {"type": "list", "elements": "dict", "no_log": True},
    }


def parse_wishes(
    params: Mapping[str, Any], hypervisor: str, own: Spec, forms: Forms | None = None
) -> list[Wish[Guest]]:
    """Turn a task's options into wishes, one per guest.

    params: the module's parameters; keys that are not options of a guest are ignored. forms: of those of the
    hypervisor's own options whose values have one.
    Raises SpecError with all that is wrong, each line saying which guest, which key, what was given and what may be.
    """
    spec = _guest_spec(hypervisor, own)

    def parse(read: Reader) -> Wish[Guest]:
        return Wish(_in_form(read, parse_guest(read, hypervisor), hypervisor, forms or {}), parse_policy(read))

    return parse_entries("guest", params, spec, parse, _shared)


def parse_entries(
    kind: str,
    params: Mapping[str, Any],
    spec: Spec,
    parse: Callable[[Reader], Wish[Item]],
    together: Callable[[Sequence[Wish[Item]]], list[str]] = lambda _wishes: [],
) -> list[Wish[Item]]:
    """Turn a task's list of things (kind, in the plural) into wishes.

    The task's own options are the defaults of each entry; without a list they are the one entry. spec: an entry's
    options. parse: from options in shape to a wish. together: what is wrong with wishes when they are seen together.
    Raises SpecError with all that is wrong in all of them.
    """
    defaults = {key: value for key, value in params.items() if key in spec and value is not None}
    entries = params.get(f"{kind}s")
    entries = [{}] if entries is None else entries
    if not isinstance(entries, list):
        raise SpecError([f"{kind}s: a list is allowed{quote(entries, structure=True)}"])
    errors: list[str] = []
    wishes = []
    for index, entry in enumerate(entries):
        if not isinstance(entry, Mapping):
            errors.append(f"{kind} number {index + 1}: a mapping is allowed{quote(entry, structure=True)}")
            continue
        given = {**defaults, **{key: value for key, value in entry.items() if value is not None}}
        wish, found = _parse_one(spec, given, parse)
        errors += [f"{kind} {_called(given, index)}: {error}" for error in found]
        wishes.append(wish)
    errors += [*_same_names(kind, [wish.item.name for wish in wishes]), *together(wishes)]
    if errors:
        raise SpecError(errors)
    return wishes


def entry_spec(options: Spec) -> Spec:
    """The same options as entries of a list: the defaults come from the task, the name from the entry."""
    bare = {key: {k: v for k, v in option.items() if k != "default"} for key, option in options.items()}
    return {**bare, "name": {**bare["name"], "required": True}}


def _guest_spec(hypervisor: str, own: Spec) -> Spec:
    """The options of a guest, with those that only this hypervisor has."""
    spec = {**GUEST, hypervisor: {"type": "dict", "options": {key: own[key] for key in own if "." not in key}}}
    for name in ENTRIES:
        inner = {key.partition(".")[2]: rule for key, rule in own.items() if key.startswith(f"{name}.")}
        more: Spec = {hypervisor: {"type": "dict", "options": inner}} if inner else {}
        spec[name] = {**GUEST[name], "options": {**GUEST[name]["options"], **more}}
    return spec


def _parse_one(
    spec: Spec, given: dict[str, Any], parse: Callable[[Reader], Wish[Item]]
) -> tuple[Wish[Item], list[str]]:
    """One wish, which is of no use when there are errors."""
    required = {**spec, "name": {**spec["name"], "required": True}}
    errors = list(shape_errors(required, given))
    # What is in shape is looked at all the same: all errors are told at once.
    sound = {key: value for key, value in given.items() if not errors or not list(shape_errors(spec, {key: value}))}
    secret = [key for key, rule in spec.items() if rule.get("no_log")]
    # Unset options within lists and mappings come as None, which is no choice and no type.
    written = {key: value if key in secret else _written(value) for key, value in sound.items()}
    reader = Reader(normal(spec, written))
    wish = parse(reader)
    return wish, errors + reader.errors


def _in_form(reader: Reader, guest: Guest, hypervisor: str, forms: Forms) -> Guest:
    """The guest with the hypervisor's own options in normal form."""
    if not guest.options:
        return guest
    inner = reader.sub(hypervisor)
    pairs = ((key, inner.parsed(key, forms[key]) if key in forms else value) for key, value in guest.options)
    return replace(guest, options=tuple(pairs))


def _called(given: Mapping[str, Any], index: int) -> str:
    """What a guest is called in messages: by its name only where that is one."""
    name = given.get("name")
    return name if isinstance(name, str) and NAME.fullmatch(name) else f"number {index + 1}"


def _written(value: Any) -> Any:
    """What is left of a value without the options that nobody wrote."""
    if isinstance(value, dict):
        return {key: _written(item) for key, item in value.items() if item is not None}
    return [_written(item) for item in value] if isinstance(value, list) else value


def _same_names(kind: str, names: Sequence[str]) -> list[str]:
    says = "is listed more than once; each name may be there once"
    return [f"{kind} {name}: {says}" for name, count in Counter(names).items() if count > 1 and NAME.fullmatch(name)]


def _shared(wishes: Sequence[Wish[Guest]]) -> list[str]:
    """What is wished for by more than one guest, and can be only one's."""
    users: dict[tuple[str, str], list[str]] = {}
    for guest in (wish.item for wish in wishes if wish.item.state != "absent"):
        own = {("uuid:", guest.uuid)} if guest.uuid else set()
        own |= {("nics: mac", nic.mac) for nic in guest.nics or () if nic.mac}
        own |= {("disks: path", disk.path) for disk in guest.disks or () if disk.path}
        for key in sorted(own):
            users.setdefault(key, []).append(guest.name)
    return [f"guest {names[-1]}: {' '.join(key)} is {names[0]}'s" for key, names in users.items() if len(names) > 1]
