# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A guest's definition in xl.cfg, and changes to it in place: what is not named stays, byte for byte."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.xen.cfg import (
    Node,
    Statement,
    number_of,
    parse,
    quoted,
)

_AFTER_ITEM = re.compile(r"(?:[ \t\n]|#[^\n]*\n)*,")
_AFTER_STATEMENT = re.compile(r"[ \t]*;[ \t]*")


class Definition:
    """One text of xl.cfg. Every change parses the new text, so that what is kept can be read."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.statements = parse(text)

    @property
    def written(self) -> set[str]:
        """Every key that is written."""
        return {one.key for one in self.statements}

    def _effective(self, key: str) -> list[Statement]:
        """The statements that make up a key's value: the last plain one, and those that add to it."""
        mine = [one for one in self.statements if one.key == key]
        first = max((index for index, one in enumerate(mine) if not one.adds), default=0)
        return mine[first:]

    def text_of(self, key: str) -> str | None:
        """A string or number as it is written, None when the key is not there."""
        found = self._effective(key)
        return "".join(one.value.text for one in found) if found else None

    def number_of(self, key: str) -> int | None:
        """A number, None when the key is not there or is none."""
        return number_of(self.text_of(key))

    def items_of(self, key: str) -> list[Node]:
        """The entries of a list; a string in place of a list is its one entry."""
        found: list[Node] = []
        for one in self._effective(key):
            alone = [one.value] if one.value.text else []
            found += alone if one.value.items is None else one.value.items
        return found

    def plain_of(self, key: str) -> str | tuple[str, ...] | None:
        """Any value without its places, None when the key is not there."""
        found = self._effective(key)
        if not found:
            return None
        if any(one.value.items is not None for one in found):
            return Node(0, 0, items=tuple(self.items_of(key))).plain
        return self.text_of(key)

    def put(self, key: str, value: str | int | Sequence[str] | None) -> None:
        """Give a key a value in its place, or at the end of the file where it has none; None takes the key away."""
        if value is None:
            for one in reversed([one for one in self.statements if one.key == key]):
                self._cut_statement(one)
            return
        written = _rendered(value)
        found = self._effective(key)
        if not found:
            self._append(f"{key} = {written}")
            return
        for one in reversed(found[1:]):
            self._cut_statement(one)
        self._splice(found[0].value.start, found[0].value.end, written)

    def add_item(self, key: str, text: str) -> None:
        """Add an entry at the end of a list, as the entries before it are laid out."""
        found = self._effective(key)
        if not found or found[-1].value.items is None:
            self.put(key, [*(one.text for one in self.items_of(key)), text])
            return
        whole = found[-1].value
        if not whole.items:
            # The new entry stands in front of all that is in the brackets, which can be nothing but comments.
            self._splice(whole.start + 1, whole.start + 1, f" {quoted(text)}{'' if self._is_bare(whole) else ','}")
            return
        last = whole.items[-1]
        comma = _AFTER_ITEM.match(self.text, last.end)
        start, stop = self.text.rfind("\n", 0, last.start) + 1, last.start
        line = self.text[start:stop]
        gap = f"\n{line}" if not line.strip() else " "
        if comma:
            self._splice(comma.end(), comma.end(), f"{gap}{quoted(text)},")
        else:
            self._splice(last.end, last.end, f",{gap}{quoted(text)}")

    def _is_bare(self, whole: Node) -> bool:
        start, stop = whole.start, whole.end
        return "#" not in self.text[start:stop]

    def put_item(self, item: Node, text: str) -> None:
        """Replace one entry of a list."""
        self._splice(item.start, item.end, quoted(text))

    def cut_item(self, item: Node) -> None:
        """Take one entry out of a list, with the comma that follows it."""
        comma = _AFTER_ITEM.match(self.text, item.end)
        if comma:
            after = comma.end()
            self.text = self.text[: after - 1] + self.text[after:]
        self._cut(item.start, item.end)

    def put_comment(self, pattern: re.Pattern[str], line: str) -> None:
        """Replace the line that a pattern matches by another, or add it at the end."""
        found = pattern.search(self.text)
        if found:
            self._splice(found.start(), found.end(), line)
        else:
            self._append(line)

    def _append(self, line: str) -> None:
        gap = "" if not self.text or self.text.endswith("\n") else "\n"
        self._splice(len(self.text), len(self.text), f"{gap}{line}\n")

    def _cut_statement(self, one: Statement) -> None:
        after = _AFTER_STATEMENT.match(self.text, one.end)
        self._cut(one.start, after.end() if after else one.end)

    def _cut(self, start: int, end: int) -> None:
        """Take a piece out, and the line that it stood on when nothing else is on it."""
        begin = self.text.rfind("\n", 0, start) + 1
        stop = self.text.find("\n", end)
        stop = len(self.text) if stop < 0 else stop
        if not self.text[begin:start].strip() and not self.text[end:stop].strip():
            start, end = begin, min(stop + 1, len(self.text))
        self._splice(start, end, "")

    def _splice(self, start: int, end: int, text: str) -> None:
        self.text = self.text[:start] + text + self.text[end:]
        self.statements = parse(self.text)


def _rendered(value: str | int | Sequence[str]) -> str:
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        return value if value.isascii() and value.isdigit() and not value.startswith("0") else quoted(value)
    return "[ " + ", ".join(map(quoted, value)) + " ]" if value else "[]"
