# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A disk as xl.cfg writes it: TARGET,FORMAT,VDEV,ACCESS by position, by key=value, or both, and what else there is.

Source: xl-disk-configuration(5), and the scanner of libxlutil.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

RAW = "raw"
EMPTY = "empty"
_READ_ONLY = ("r", "ro")
_PREFIX = re.compile(r"(raw|qcow2?|vhd|iscsi|e?nbd|drbd|tapdisk|tap2?|aio|ioemu|file|phy):(?=.)")
_FORMATS = ("raw", "qcow", "qcow2", "vhd")
_SCRIPTS = ("iscsi", "nbd", "enbd", "drbd")
# What a spec consists of, besides what is told in fields of its own.
_FLAGS = ("discard", "no-discard", "direct-io-safe", "trusted", "untrusted", "colo", "no-colo")


@dataclass(frozen=True)
class DiskSpec:
    """A disk or a cdrom drive.

    target: the data, empty for an empty drive. format: raw | qcow2 | … | empty. vdev: what the guest sees, such as
    xvda. others: what else is written, as it is written, in its order.
    """

    target: str
    vdev: str
    format: str = RAW
    read_only: bool = False
    cdrom: bool = False
    others: tuple[str, ...] = ()

    @property
    def path(self) -> str:
        """Where the data is. The hotplug script of block devices looks below /dev for what is no absolute path."""
        return self.target if not self.target or self.target.startswith("/") or self._script else f"/dev/{self.target}"

    @property
    def _script(self) -> bool:
        return any(one.startswith("script=") for one in self.others)

    def written(self) -> str:
        """The spec by key=value, the target last, which may then hold anything."""
        parts = [] if self.format == EMPTY else [f"format={self.format}"]
        parts += [f"vdev={self.vdev}", f"access={'ro' if self.read_only else 'rw'}"]
        parts += [*(["devtype=cdrom"] if self.cdrom else []), *self.others]
        return ",".join([*parts, *([f"target={self.target}"] if self.target else [])])


def parse_disk(text: str) -> DiskSpec:
    """Read a spec. What is unknown is kept in others."""
    found: dict[str, str] = {}
    others: list[str] = []
    rest, prefixed = text.strip(), False
    while rest:
        if rest.startswith("target="):
            found["target"] = rest.partition("=")[2].rstrip(",")
            break
        prefix = _PREFIX.match(rest) if "target" not in found else None
        if prefix:
            prefixed = True
            _note_prefix(prefix[1], found, others)
            end = prefix.end()
            rest = rest[end:]
            continue
        word, _comma, rest = rest.partition(",")
        rest = rest.lstrip()
        _note(word, found, others, prefixed)
    cdrom = found.get("devtype") == "cdrom"
    target = found.get("target", "")
    kind = found.get("format") or RAW
    return DiskSpec(
        target=target,
        vdev=found.get("vdev", ""),
        format=EMPTY if cdrom and not target else kind,
        read_only=cdrom or found.get("access") in _READ_ONLY,
        cdrom=cdrom,
        others=tuple(others),
    )


def _note_prefix(prefix: str, found: dict[str, str], others: list[str]) -> None:
    if prefix in _FORMATS:
        found["format"] = prefix
    elif prefix in _SCRIPTS:
        others.append(f"script=block-{prefix}")


def _note(word: str, found: dict[str, str], others: list[str], prefixed: bool) -> None:
    """Note one parameter."""
    key, equals, value = word.partition("=")
    if word == "cdrom":
        found["devtype"] = "cdrom"
    elif equals and key in ("format", "vdev", "access", "devtype"):
        found[key] = value
    elif equals or word in _FLAGS:
        others.append(word)
    elif "target" not in found:
        found["target"] = word
    elif not prefixed and "format" not in found:
        _note_third(word, found, empty=not found["target"])
    elif "vdev" not in found:
        _note_device(word, found)
    elif "access" not in found:
        found["access"] = word
    else:
        others.append(word)


def _note_third(word: str, found: dict[str, str], empty: bool) -> None:
    """A format; but of an empty drive it may be left out, and the device stands in its place."""
    if empty and ":" in word:
        found["format"] = EMPTY
        _note_device(word, found)
    else:
        found["format"] = word


def _note_device(word: str, found: dict[str, str]) -> None:
    device, colon, kind = word.rpartition(":")
    found["vdev"] = device if colon else word
    if colon:
        found["devtype"] = kind
