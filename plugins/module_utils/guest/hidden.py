# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a task's options must never be seen, and what of them is shown."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

HIDDEN = "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"
STARS = "********"
# Shorter texts are words such as a user's name, which also stand where they are no secret.
SECRET_LENGTH = 8
# Under these names there is data for cloud-init, wherever they stand and almost however they are spelt.
SEEDS = ("cloud_init", "user_data", "meta_data", "network_config", "vendor_data")
LIKENESS = 0.8
_URL = re.compile(r"(?:https?|ftp)://\S+", re.ASCII | re.IGNORECASE)


def scrub(message: str, params: Mapping[str, Any], spec: Mapping[str, Any]) -> str:
    """A message without any secret of the task's options.

    Nothing of cloud_init is ever put into a message on purpose; this is for what commands and libraries say. What also
    stands in an option that is no secret, as a guest's name is often its host name in the user data, stays.
    """
    texts = list(_texts(params, spec))
    for text, secret in texts:
        for part in _url_secrets(text):
            message = message.replace(part, STARS)
        told = secret and len(text) >= SECRET_LENGTH and text in message
        if told and not any(text in other for other, hidden in texts if not hidden):
            message = message.replace(text, STARS)
    return message


def _texts(value: Any, spec: Mapping[str, Any], secret: bool = False) -> Iterator[tuple[str, bool]]:
    """Every text in a value, and whether it is secret."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            rule = spec.get(key)
            hidden = secret or is_seed(key) or (rule is not None and bool(rule.get("no_log")) and key != "guests")
            yield from _texts(item, spec, hidden)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _texts(item, spec, secret)
    elif isinstance(value, str) or (secret and isinstance(value, int)):
        yield str(value), secret


def is_seed(name: object) -> bool:
    """Whether data for cloud-init may be meant by a name."""
    return name in SEEDS or bool(isinstance(name, str) and difflib.get_close_matches(name.lower(), SEEDS, 1, LIKENESS))


def _url_secrets(text: str) -> Iterator[str]:
    """What of the URLs in a text lets their user in: a password, and all that comes after the question mark."""
    for url in _URL.findall(text):
        try:
            parts = urlsplit(url)
            found = (parts.password, parts.query)
        except ValueError:
            found = (None, url)
        yield from (part for part in found if part)


def without_secrets(text: str) -> str:
    """A text without what lets somebody in at the URLs in it."""
    for part in _url_secrets(text):
        text = text.replace(part, STARS)
    return text


def shown(given: Mapping[str, Any], spec: Mapping[str, Any], key: str = "") -> dict[str, Any]:
    """The parameters without secrets, and without what stands where nobody looks for secrets.

    key: the list whose entries take the same options as the task. It is no_log as a whole, for AnsibleModule would log
    all of it, and is shown here as far as it holds no secret. A value under a name that is no option, of another type
    than the option's, or of many lines is not shown: it may be user data that is not indented as far as it should be.
    """
    return {name: _shown_value(name, value, spec, key) for name, value in given.items()}


def _shown_value(name: str, value: Any, spec: Mapping[str, Any], key: str) -> Any:
    rule = spec.get(name)
    inner = rule.get("options") if rule else None
    if rule is not None and name == key and inner is None:
        inner = {other: one for other, one in spec.items() if other != key}
    elif value and (rule is None or rule.get("no_log")):
        return HIDDEN
    if isinstance(value, str) and "\n" in value.strip() and name != "description":
        return HIDDEN
    return _shown_within(value, inner, (rule or {}).get("type", "str"))


def _shown_within(value: Any, inner: Mapping[str, Any] | None, kind: str) -> Any:
    """A value as far as it is of the option's kind. inner: the options within it."""
    if isinstance(value, str):
        return HIDDEN if kind in ("dict", "list") else without_secrets(value)
    if isinstance(value, Mapping):
        if inner is not None:
            return shown(value, inner)
        # Of a mapping whose keys nobody knows, numbers are shown.
        return {name: HIDDEN if _is_long(one) else one for name, one in value.items()} if kind == "raw" else HIDDEN
    if isinstance(value, (list, tuple)):
        within = "dict" if inner is not None else "str"
        return [_shown_within(one, inner, within) for one in value] if kind in ("list", "raw") else HIDDEN
    return value


def _is_long(value: Any) -> bool:
    """Whether a value can hold more than a number."""
    return value is not None and not isinstance(value, (bool, int, float))
