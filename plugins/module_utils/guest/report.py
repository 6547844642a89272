# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a user sees of a run: actions, a diff a person can read, and guests in the words of the guest specification."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any

from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.change import Change
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.hidden import without_secrets
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.lists import entry_key
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.resource import Outcome
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Autostart, CloudInit, Guest, Image
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.units import MIB, format_size

# Value objects carry units in their names; users write the unit with the value.
SPEC_NAMES = {
    "memory_mib": "memory",
    "memory_max_mib": "memory_max",
    "size_bytes": "size",
    "disks.size_bytes": "disks.size",
    "delay_s": "delay",
}
# Bare words are easier to read; what YAML would take for something else is quoted.
PLAIN = re.compile(r"[A-Za-z/](?:[A-Za-z0-9_./\[\]+ -]*[A-Za-z0-9_./\]+-])?", re.ASCII)
# What is made and removed as a whole.
WHOLE = ("guest", "pool", "network", "snapshot")
SIZE = re.compile(r"[0-9]+ (?:B|[MGT]iB)", re.ASCII)
RESERVED = ("true", "false", "yes", "no", "on", "off", "null", "y", "n")


def describe(value: Any) -> Any:
    """Turn a value object into plain data as a user would write it: sizes with units, nothing that is unset."""
    if isinstance(value, CloudInit):
        return f"seed {value.digest}"
    if isinstance(value, Autostart) and not value.is_ordered:
        return value.enabled
    if isinstance(value, Image):
        return {"source": without_secrets(value.source)}
    if isinstance(value, Guest):
        return describe_guest(value)
    if is_dataclass(value):
        pairs = {one.name: getattr(value, one.name) for one in fields(value)}
        pairs.update(pairs.pop("options", ()))
        shown = {name: item for name, item in pairs.items() if item not in (None, ()) and item is not False}
        return {spec_name(name): describe_field(name, item) for name, item in shown.items()}
    if isinstance(value, (tuple, list)):
        return [describe(item) for item in value]
    return value


def spec_name(field: str) -> str:
    """An option's name as users write it."""
    return SPEC_NAMES.get(field, field)


def describe_field(field: str, value: Any) -> Any:
    """A field's value as users write it."""
    if field == "nics.source" and value is not None:
        return {name: place for name, place in zip(("network", "bridge"), value) if place is not None}
    if isinstance(value, int) and not isinstance(value, bool):
        if field.endswith("_mib"):
            return format_size(value * MIB)
        if field.endswith("size_bytes"):
            return format_size(value)
    return describe(value)


def describe_guest(guest: Guest) -> dict[str, Any]:
    """A guest as plain data, with its options and, where it is a state, its uuid and addresses."""
    skipped = ("live", "options", "addresses", "unfinished")
    pairs = {one.name: getattr(guest, one.name) for one in fields(guest) if one.name not in skipped}
    plain = {spec_name(key): describe_field(key, value) for key, value in pairs.items() if value is not None}
    plain.update({key: describe(value) for key, value in guest.options if value is not None})
    return {**plain, "addresses": list(guest.addresses)} if guest.uuid else plain


def action(change: Change) -> dict[str, Any]:
    """A change as an entry of the result's actions."""
    plain: dict[str, Any] = {"verb": change.verb, "field": spec_name(change.field)}
    if change.key:
        plain["key"] = change.key
    # The whole definition of a guest is in the diff; of a disk or a card a short form helps.
    if change.field not in WHOLE:
        plain["before"] = describe_field(change.field, change.before)
        plain["after"] = describe_field(change.field, change.after)
    if change.verb in ("set", "add", "remove", "grow"):
        plain["hot"] = change.hot
    if change.delete:
        plain["delete"] = True
    return plain


def diff(outcomes: Sequence[Outcome[Any]]) -> dict[str, str]:
    """The before and after of all that changes, as YAML; what stays as it is is not in it."""
    before: dict[str, Any] = {}
    after: dict[str, Any] = {}
    for outcome in outcomes:
        if outcome.changes:
            before[outcome.name], after[outcome.name] = _sides(outcome.changes)
    return {"before": to_yaml(before), "after": to_yaml(after)}


def _sides(changes: Sequence[Change]) -> list[Any]:
    main = next((one for one in changes if one.field in WHOLE and one.verb in ("create", "remove")), None)
    if main is not None:
        return [_whole(main, changes, "before"), _whole(main, changes, "after")]
    sides: list[dict[str, Any]] = [{}, {}]
    for change in changes:
        if change.field != "state":
            label = _free(_label(change), sides)
            for side, value in zip(sides, (change.before, change.after)):
                if value is not None:
                    side[label] = describe_field(change.field, value)
    power = [change for change in changes if change.field == "state"]
    if power:
        before, after = power[0].before, power[-1].after
        sides[0]["state"], sides[1]["state"] = before, f"{after}, restarted" if before == after else after
    return list(sides)


def _free(label: str, sides: Sequence[Mapping[str, Any]]) -> str:
    """A label that is not taken yet: several new cards may be on one network."""
    names = (label if number == 1 else f"{label} {number}" for number in range(1, 1000))
    return next(name for name in names if not any(name in side for side in sides))


def _label(change: Change) -> str:
    """What a change is about, as a path into the guest: disks[root].size."""
    field, dot, part = spec_name(change.field).partition(".")
    return f"{field}[{change.key}]{dot}{part}" if change.key else f"{field}{dot}{part}"


def _whole(main: Change, changes: Sequence[Change], side: str) -> Any:
    """A guest that appears or disappears is shown whole, in its last state."""
    value = getattr(main, side)
    plain = "absent" if value is None else describe(value)
    if isinstance(plain, dict):
        power = [getattr(change, side) for change in changes if change.field == "state"]
        if power:
            plain["state"] = power[-1] if side == "after" else power[0]
        plain.pop("name", None)
        if side == "after":
            plain.pop("addresses", None)  # of which a guest has none before it runs
    return plain


def to_yaml(value: Any, indent: int = 0) -> str:
    """Write plain data as block YAML. (Modules cannot count on a YAML library on the host.)."""
    pad = "  " * indent
    if isinstance(value, Mapping) and value:
        return "".join(f"{pad}{_scalar(key)}:{_inline(item, indent)}" for key, item in value.items())
    if isinstance(value, (list, tuple)) and value:
        return "".join(_entry_yaml(item, indent) for item in value)
    return "" if value in ({}, None) and indent == 0 else f"{pad}{_scalar(value)}\n"


def _entry_yaml(value: Any, indent: int) -> str:
    """A list's entry; a mapping begins on the line of its dash."""
    pad = "  " * indent
    if isinstance(value, (Mapping, list, tuple)) and value:
        return f"{pad}- {to_yaml(value, indent + 1).lstrip(' ')}"
    return f"{pad}- {_scalar(value)}\n"


def _inline(value: Any, indent: int) -> str:
    if isinstance(value, (Mapping, list, tuple)) and value:
        return "\n" + to_yaml(value, indent + 1)
    return f" {_scalar(value)}\n"


def _scalar(value: Any) -> str:
    if isinstance(value, str) and (SIZE.fullmatch(value) or (PLAIN.fullmatch(value) and value.lower() not in RESERVED)):
        return value
    # A terminal may take anything else that is not printable for a command, and YAML does not hold it.
    return "".join(one if one.isprintable() else _escaped(one) for one in json.dumps(value, ensure_ascii=False))


def _escaped(letter: str) -> str:
    return f"\\U{ord(letter):08x}" if ord(letter) > 0xFFFF else f"\\u{ord(letter):04x}"


def kept_disks(outcome: Outcome[Any]) -> list[str]:
    """The paths of disks that stay on the host after their guest, or their place in it, is gone."""
    deleted = {change.key for change in outcome.changes if change.delete}
    kept: dict[str, str | None] = {}
    for change in outcome.changes:
        if change.verb == "remove" and change.field == "guest":
            kept.update({disk.name: disk.path for disk in change.before.disks or () if disk.size_bytes is not None})
        elif change.verb == "remove" and change.field == "disks" and change.before.size_bytes is not None:
            kept[entry_key(change.before)] = change.before.path
    return [path for name, path in kept.items() if path and name not in deleted]
