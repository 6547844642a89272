# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What may be written under C(xen:), in normal form. Each raises ValueError with what is allowed."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Union

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.xen.devices import SEED_VDEV, VDEV
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.xen.keys import KEYS, OPTIONS_FOR

_LOADER = re.compile(r"none|pvgrub|pygrub|/[!-~]{1,4095}", re.ASCII)
_PATH = re.compile(r"/[ -~]{1,4095}|", re.ASCII)
_LINE = re.compile(r"[^\x00-\x1f\x7f]{0,4096}")

Value = Union[str, tuple[str, ...]]


def loader(value: Any) -> str:
    """By what a guest boots."""
    text = str(value)
    if not _LOADER.fullmatch(text):
        raise ValueError("pvgrub, pygrub, none or an absolute path is allowed")
    return text


def path(value: Any) -> str:
    """A file on the host, or nothing."""
    text = str(value)
    if not _PATH.fullmatch(text):
        raise ValueError("an absolute path on the host is allowed, or an empty text for none")
    return text


def line(value: Any) -> str:
    """A kernel's command line."""
    text = str(value).strip()
    if not _LINE.fullmatch(text):
        raise ValueError("one line of at most 4096 characters is allowed")
    return text


def config(value: Any) -> tuple[tuple[str, Value], ...]:
    """Keys of xl.cfg that there is no option for, sorted, with their values as xl reads them."""
    found: dict[str, Value] = {}
    for key, item in sorted(dict(value).items(), key=lambda pair: str(pair[0])):
        if key in OPTIONS_FOR:
            raise ValueError(f"{key} is written as {OPTIONS_FOR[key]}")
        if key not in KEYS:
            raise ValueError(f"xl.cfg(5) knows no key {str(key)[:40]}, and xl would take it without a word")
        found[key] = _plain(key, item)
    return tuple(found.items())


def _plain(key: str, item: Any) -> Value:
    if isinstance(item, bool):
        return str(int(item))
    if isinstance(item, int) and 0 <= item < 2**63:
        return str(item)
    if isinstance(item, str) and _LINE.fullmatch(item):
        return item
    if isinstance(item, list) and not any(isinstance(one, (bool, list)) for one in item):
        return tuple(str(_plain(key, one)) for one in item)
    raise ValueError(f"{key}: a text, a number, true, false, or a list of texts is allowed")


def vdev(value: Any) -> str:
    """The name of a disk's device in the guest."""
    if not VDEV.fullmatch(str(value)) or value == SEED_VDEV:
        raise ValueError(f"a name such as xvdb, hdb or sdb is allowed, but not {SEED_VDEV}, which is that of the seed")
    return str(value)


FORMS: Mapping[str, Callable[[Any], Any]] = {
    "bootloader": loader,
    "kernel": path,
    "ramdisk": path,
    "cmdline": line,
    "config": config,
}
