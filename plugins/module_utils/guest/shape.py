# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The shape of what the user wrote: types, choices, unknown and missing options; errors say where and what."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterator, Mapping
from typing import Any, Callable

Options = dict[str, dict[str, Any]]

_WHOLE = re.compile(r"[+-]?[0-9]{1,18}", re.ASCII)
_PLAIN = re.compile(r"[\w.-]{1,40}", re.ASCII)
_TRUE = ("true", "yes", "on", "y", "t", "1")
_BOOLS = (*_TRUE, "false", "no", "off", "n", "f", "0")
QUOTE_LENGTH = 80
HUGE = 10**QUOTE_LENGTH  # Python refuses to write out numbers of thousands of digits


def shape_errors(spec: Options, given: Mapping[Any, Any], where: str = "", secret: bool = False) -> Iterator[str]:
    """Say what is wrong with the shape of a mapping of options.

    spec: as AnsibleModule takes it. where: the path to the mapping, as in ``disks[0].``. secret: values and names are
    not quoted. An option that is None counts as not written. AnsibleModule itself would turn many a wrong type into
    something, name neither place nor value, and stop at the first error of a list.
    """
    for key in given:
        if key not in spec:
            name = "" if secret else key if isinstance(key, str) and _PLAIN.fullmatch(key) else _short(key)
            yield f"{where}{name}: {_unknown(spec, key, secret)}"
    for key, rule in spec.items():
        hidden = secret or bool(rule.get("no_log"))
        if given.get(key) is not None:
            yield from _value_errors(rule, given[key], f"{where}{key}", hidden)
        elif rule.get("required"):
            yield f"{where}{key}: is needed"


def normal(spec: Options, given: Mapping[Any, Any]) -> dict[str, Any]:
    """Turn options that are in shape into the types of the spec, with its defaults; None for what is not written.

    AnsibleModule's own machinery does the same, but takes several times as long, which with a thousand guests is felt.
    """
    return {
        key: rule.get("default") if given.get(key) is None else _normal_value(rule, given[key])
        for key, rule in spec.items()
    }


def _normal_value(rule: Mapping[str, Any], value: Any) -> Any:
    kind = rule.get("type", "str")
    if kind == "dict" and rule.get("options") is not None:
        return normal(rule["options"], value)
    if kind == "list":
        entry = {"type": rule.get("elements", "raw"), "options": rule.get("options")}
        return [_normal_value(entry, item) for item in (value.split(",") if isinstance(value, str) else value)]
    return NORMAL[kind](value) if kind in NORMAL else value


def _unknown(spec: Options, key: object, secret: bool) -> str:
    close = [] if secret else difflib.get_close_matches(str(key), spec, 1)
    return f"there is no such option; {f'is {close[0]} meant?' if close else 'there are ' + ', '.join(sorted(spec))}"


def _value_errors(rule: Mapping[str, Any], value: Any, where: str, secret: bool) -> Iterator[str]:
    kind = rule.get("type", "str")
    says, fits = KINDS[kind]
    choices = rule.get("choices")
    # Ansible's own rule: words in place of a list of texts are split at the commas.
    split = kind == "list" and rule.get("elements") == "str" and isinstance(value, str) and "\n" not in value
    if not (split or fits(value)):
        yield f"{where}: {says} is allowed{quote(value, secret, kind in ('dict', 'list'))}"
    elif choices and kind != "list" and value not in choices:
        yield f"{where}: {', '.join(str(choice) for choice in choices)} are allowed{quote(value, secret)}"
    elif kind == "dict" and rule.get("options") is not None:
        yield from shape_errors(rule["options"], value, f"{where}.", secret)
        for group in rule.get("required_together", ()):
            if len({value.get(key) is None for key in group}) > 1:
                yield f"{where}: {' and '.join(group)} are required together"
    elif kind == "list":
        entry = {"type": rule.get("elements", "raw"), "options": rule.get("options"), "choices": choices}
        for index, item in enumerate(value.split(",") if split else value):
            yield from _value_errors(entry, item, f"{where}[{index}]", secret)


def _is_text(value: Any) -> bool:
    return isinstance(value, (str, int, float)) and not isinstance(value, bool)


def _is_whole(value: Any) -> bool:
    if isinstance(value, bool):  # which Python takes for a number
        return False
    return isinstance(value, int) or (isinstance(value, str) and _WHOLE.fullmatch(value.strip()) is not None)


def _is_bool(value: Any) -> bool:
    return isinstance(value, (bool, int, str)) and str(value).lower() in _BOOLS


KINDS: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "str": ("a text", _is_text),
    "path": ("a path", lambda value: isinstance(value, str)),
    "int": ("a whole number", _is_whole),
    "float": ("a number", lambda value: _is_text(value) and not isinstance(value, str)),
    "bool": ("true or false", _is_bool),
    "dict": ("a mapping", lambda value: isinstance(value, Mapping)),
    "list": ("a list", lambda value: isinstance(value, list)),
    "raw": ("anything", lambda value: value is not None),
}

# From a value that fits to one of the type. What is not here is taken as it is.
NORMAL: dict[str, Callable[[Any], Any]] = {
    "str": str,
    "path": lambda value: os.path.expanduser(os.path.expandvars(value)),
    "int": int,
    "float": float,
    "bool": lambda value: str(value).lower() in _TRUE,
}


def quote(value: object, secret: bool = False, structure: bool = False) -> str:
    """What was given, for the end of a message.

    Not all of it when it is long, and nothing of what is in mappings and lists, of further lines, and of a text in
    place of a structure: there may be user data in it that is not indented as far as it should be.
    """
    if structure and isinstance(value, str):
        return "" if secret else " (given: a text)"
    return "" if secret else f" (given: {_short(value)})"


def _short(value: object) -> str:
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, (list, tuple)):
        return "a list"
    first, more = value, False
    if isinstance(value, str):
        first, more = value.strip().partition("\n")[0], "\n" in value.strip()
        first = value if not more else first
    elif isinstance(value, int) and abs(value) >= HUGE:
        return "a number of many digits"
    text = repr(first)
    return text if len(text) <= QUOTE_LENGTH and not more else text[: QUOTE_LENGTH - 1] + "…"
