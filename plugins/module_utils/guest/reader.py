# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading options: what texts and numbers may be, and a note of everything that is wrong, not only the first."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Callable, TypeVar

from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.shape import quote

Value = TypeVar("Value")

# Names become file names and parts of definitions on every hypervisor: what is safe on all of them.
NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]{0,62}", re.ASCII)
NAME_SAYS = "1 to 63 letters, digits and _ . + - are allowed, the first of them a letter, a digit or _"
MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}", re.ASCII)
# What no definition and no log can hold: control characters other than tab and line feed, and halves of characters.
CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
# A disk's file is named GUEST.DISK.FORMAT: without a dot in it, no two disks ever share a file name.
DISK_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,31}", re.ASCII)
DISK_NAME_SAYS = "1 to 32 letters, digits and _ - are allowed, the first of them not -"
# What is known by name elsewhere on the host. Whether it is there is for the driver to say.
PLACE = re.compile(r"(?!-|\.{1,2}$)[^/\t\n]{1,255}")
PLACE_SAYS = "1 to 255 characters are allowed, no / among them, and no - in front"
LINE = re.compile(r"[^\t\n]{1,4096}")
LINE_SAYS = "one line of 1 to 4096 characters is allowed"
BRIDGE = re.compile(r"(?![-]|\.{1,2}$)[!-.0-9;-~]{1,15}", re.ASCII)
BRIDGE_SAYS = "a bridge's name has 1 to 15 characters, no space, / or : among them, and no - in front"
URL = re.compile(r"[!-~]{1,4096}", re.ASCII)
MODEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,31}", re.ASCII)
UUID = re.compile(r"[0-9a-f]{8}(-?)[0-9a-f]{4}(?:\1[0-9a-f]{4}){2}\1[0-9a-f]{12}", re.ASCII)
VCPUS_LARGEST = 4096
TIMEOUT_LARGEST_S = 86400


class Reader:
    """Reads values out of a mapping of options, and notes in errors what is wrong with them."""

    def __init__(self, values: Mapping[str, Any], where: str = "", errors: list[str] | None = None) -> None:
        self.values = values
        self.where = where
        self.errors: list[str] = [] if errors is None else errors

    def get(self, key: str) -> Any:
        """The value as it is, None when it is not written."""
        return self.values.get(key)

    def sub(self, key: str, index: int | None = None) -> Reader:
        """A reader of a mapping within, or of a list's entry."""
        values = self.values[key] if index is None else self.values[key][index]
        place = key if index is None else f"{key}[{index}]"
        return Reader(values, f"{self.where}{place}.", self.errors)

    def wrong(self, key: str, says: str) -> None:
        """Note that a value cannot be."""
        self.errors.append(f"{self.where}{key}: {says}{quote(self.values.get(key))}")

    def parsed(self, key: str, parse: Callable[[Any], Value]) -> Value | None:
        """The value after parse, which raises ValueError with what is allowed."""
        value = self.get(key)
        if value is None:
            return None
        try:
            return parse(value)
        except ValueError as error:
            self.wrong(key, str(error))
            return None

    def text(self, key: str, pattern: re.Pattern[str] | None = None, says: str = "") -> str | None:
        """A text that has no control characters, and fits a pattern."""
        value: str | None = self.get(key)
        if value is None:
            return None
        if CONTROL.search(value):
            self.wrong(key, "control characters are not allowed")
        elif pattern is not None and not pattern.fullmatch(value):
            self.wrong(key, says)
        return value

    def number(self, key: str, least: int, most: int) -> int | None:
        """A whole number within bounds."""
        value: int | None = self.get(key)
        if value is not None and (isinstance(value, bool) or not least <= value <= most):
            self.wrong(key, f"a whole number from {least} to {most} is allowed")
        return value


def parse_mac(text: str) -> str:
    """Normalise a MAC address to lower case with colons. Raises ValueError for what is no card's address."""
    mac = text.strip().lower().replace("-", ":")
    if not MAC.fullmatch(mac):
        raise ValueError("a MAC address is six pairs of hex digits, in quotes, as in '52:54:00:12:34:56'")
    if int(mac[:2], 16) & 1 or mac == "00:00:00:00:00:00":
        raise ValueError("a card's MAC address is not a multicast address and not zero")
    return mac


def parse_uuid(text: str) -> str:
    """Normalise a UUID to lower case with dashes. Raises ValueError for what is none, and for the nil UUID."""
    uuid = text.strip().lower()
    digits = uuid.replace("-", "")
    if not UUID.fullmatch(uuid) or not digits.strip("0"):
        raise ValueError("a UUID is 32 hex digits, not all of them 0, as in '6f1a0e6c-1b5d-4c55-9d4e-0c9a5a3f7b21'")
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
