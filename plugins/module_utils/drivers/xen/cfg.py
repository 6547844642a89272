# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The grammar of xl.cfg: a file's statements with their places in it, so that an edit leaves every other byte alone.

Source: xl.cfg(5), and the lexer and grammar of libxlutil. A statement ends at a line's end or a semicolon, a list may
run over lines, and a comment runs from # to the end of its line. Of keys that are written twice the last counts, and
+= adds to what was there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import HypervisorError

_TOKEN = re.compile(
    r"""(?P<blank>[ \t]+|\#[^\n]*)|(?P<newline>\n)|(?P<word>[a-z][._0-9a-z]*)|(?P<number>[0-9][0-9a-fx]*)"""
    r"""|(?P<string>'(?:[^'\\\n\0]|\\[^\n\0])*'|"(?:[^"\\\n\0]|\\[^\n\0])*")|(?P<sign>\+=|[=,;\[\]])"""
)
_ESCAPE = re.compile(r"\\(.)")
_SPECIAL = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\\": "\\", "'": "'", '"': '"'}
_NUMBER = re.compile(r"0x[0-9a-f]+|[0-9]+")


class CfgError(HypervisorError):
    """A text that xl would not read either."""


@dataclass(frozen=True)
class Node:
    """A value and its place: start and end in the text. text: of a string or number; items: of a list, else None."""

    start: int
    end: int
    text: str = ""
    items: tuple[Node, ...] | None = None

    @property
    def plain(self) -> str | tuple[str, ...]:
        """The value without its place; lists within lists are flat."""
        if self.items is None:
            return self.text
        return tuple(text for one in self.items for text in ((one.plain,) if isinstance(one.plain, str) else one.plain))


@dataclass(frozen=True)
class Statement:
    """An assignment and its place, without what ends it. adds: it is written with +=."""

    key: str
    start: int
    end: int
    value: Node
    adds: bool


@dataclass(frozen=True)
class Token:
    """A word of the text: kind is one of the names in the pattern, or end."""

    kind: str
    text: str
    start: int
    end: int


def tokens(text: str) -> Iterator[Token]:
    """Yield what counts of a text. Raises CfgError, naming the line, for what is no token."""
    place = 0
    while place < len(text):
        match = _TOKEN.match(text, place)
        if match is None:
            raise CfgError(
                f"line {line_of(text, place)}: {text[place : place + 20].partition(chr(10))[0]!r} is not xl.cfg"
            )
        place = match.end()
        if match.lastgroup and match.lastgroup != "blank":
            yield Token(match.lastgroup, match[0], match.start(), match.end())
    yield Token("end", "", place, place)


def line_of(text: str, place: int) -> int:
    """The number of the line that a place is in, from 1."""
    return text.count("\n", 0, place) + 1


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = list(tokens(text))
        self._place = 0

    def statements(self) -> Iterator[Statement]:
        while self._next.kind != "end":
            if self._next.kind == "newline" or self._next.text == ";":
                self._take()
                continue
            key = self._expect("word")
            sign = self._take()
            if sign.text not in ("=", "+="):
                raise self._wrong(sign)
            value = self._value()
            if self._next.kind not in ("newline", "end") and self._next.text != ";":
                raise self._wrong(self._next)
            yield Statement(key.text, key.start, value.end, value, sign.text == "+=")

    def _value(self) -> Node:
        first = self._take()
        if first.kind == "number":
            return Node(first.start, first.end, first.text)
        if first.kind == "string":
            return Node(first.start, first.end, unquoted(first.text))
        if first.text != "[":
            raise self._wrong(first)
        items: list[Node] = []
        self._lines()
        while self._next.text != "]":
            items.append(self._value())
            self._lines()
            if self._next.text != "]" and self._take().text != ",":
                raise self._wrong(self._tokens[self._place - 1])
            self._lines()
        return Node(first.start, self._take().end, items=tuple(items))

    def _lines(self) -> None:
        while self._next.kind == "newline":
            self._take()

    @property
    def _next(self) -> Token:
        return self._tokens[self._place]

    def _take(self) -> Token:
        token = self._tokens[self._place]
        if token.kind == "end":
            raise self._wrong(token)
        self._place += 1
        return token

    def _expect(self, kind: str) -> Token:
        token = self._take()
        if token.kind != kind:
            raise self._wrong(token)
        return token

    def _wrong(self, token: Token) -> CfgError:
        what = "the end of the file" if token.kind == "end" else repr(token.text)
        return CfgError(f"line {line_of(self._text, token.start)}: {what} is not expected there")


@lru_cache(maxsize=4096)
def parse(text: str) -> tuple[Statement, ...]:
    """The statements of a text, in their order. Raises CfgError, naming the line."""
    return tuple(_Parser(text).statements())


def unquoted(text: str) -> str:
    """What a quoted string stands for."""
    return _ESCAPE.sub(lambda match: _unescaped(match[1]), text[1:-1])


def _unescaped(code: str) -> str:
    # xl 4.17 refuses numbers after \\x, and leaves characters out that are written by octal numbers.
    if code not in _SPECIAL:
        raise CfgError(f"there is no \\{code} in strings of xl.cfg")
    return _SPECIAL[code]


def quoted(text: str) -> str:
    """A text as a string, in the quotes that make it most readable."""
    mark = "'" if '"' in text and "'" not in text else '"'
    text = text.replace("\\", "\\\\").replace(mark, f"\\{mark}").replace("\n", "\\n").replace("\t", "\\t")
    return f"{mark}{text}{mark}"


def number_of(text: str | None) -> int | None:
    """A number as C's strtol reads it; None for what is none."""
    if text is None or not _NUMBER.fullmatch(text):
        return None
    if text.startswith("0x"):
        return int(text, 16)
    return int(text, 8) if text.startswith("0") and text.strip("01234567") == "" and len(text) > 1 else int(text)
