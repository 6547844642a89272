# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tables of docs/guest-specification.md, made from what the modules document and what the drivers' traits say."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any

import yaml

from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest import report
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.traits import Traits
from ansible_collections.hostforge.hypervisor.tests.runner.environment import CHECKOUT

PLUGINS = "ansible_collections.hostforge.hypervisor.plugins"
PAGE = CHECKOUT / "docs/guest-specification.md"
BEGIN = "<!-- Tables: made by tests/docs/generate.py; what is changed here by hand is lost. -->"
END = "<!-- End of the tables. -->"

# The options that say which guests, and how a run behaves, not what a guest is.
RUN = ("name", "guests", "state", "restart", "delete_disks", "wait_for", "wait_timeout", "shutdown_timeout")
LISTS = {"disks": "Disks", "cdroms": "Cdrom drives", "nics": "Network cards", "cloud_init": "cloud-init"}
# Where several options are one field of the traits.
ALIASES = {"nics.network": "nics.source", "nics.bridge": "nics.source"}
TYPES = {
    "str": "text",
    "int": "whole number",
    "bool": "`true`, `false`",
    "path": "path",
    "raw": "",
    "dict": "mapping",
    "list": "list",
}
SIZES = {report.spec_name(name) for name in report.SPEC_NAMES if name.endswith(("_mib", "size_bytes"))}
# The sentences of a description that belong into the column of defaults.
DEFAULT_SENTENCE = re.compile(
    r"(?:A new (?:guest|one|disk) (?:has|is) )?(.*?),? where nothing is written|A new guest has (.*)"
)

Option = Mapping[str, Any]
Options = Mapping[str, Option]


def page(text: str) -> str:
    """The page, with the tables of this moment between its marks."""
    before, _mark, rest = text.partition(BEGIN)
    _old, _mark, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{tables()}\n\n{END}{after}"


def tables() -> str:
    """All tables, as Markdown."""
    options, sheets = fragment("guest"), data_sheets()
    plain = {name: option for name, option in options.items() if name not in (*RUN, *LISTS)}
    parts = [_table("The guest itself", plain, sheets)]
    parts += [_table(title, {name: options[name]}, sheets) for name, title in LISTS.items()]
    for sheet in sheets:
        parts.append(_table(f"Only on {sheet.hypervisor}", own(sheet.hypervisor), [sheet]))
    parts.append(_table("What the run may do, and how long it waits", {name: options[name] for name in RUN}, []))
    return "\n\n".join(parts)


def own(hypervisor: str) -> Options:
    """The options that only one hypervisor has, of a guest and of the entries of its lists."""
    options = fragment(hypervisor)
    entries = {f"{name}.{hypervisor}": option["suboptions"] for name, option in options.items() if name in LISTS}
    found = {path: inner[hypervisor] for path, inner in entries.items() if hypervisor in inner}
    return {hypervisor: options[hypervisor], **found}


def fragment(name: str) -> Options:
    """The options of a doc fragment, from all of its parts."""
    parts = vars(import_module(f"{PLUGINS}.doc_fragments.{name}").ModuleDocFragment)
    texts = [text for key, text in parts.items() if key.isupper()]
    return {option: body for text in texts for option, body in yaml.safe_load(text).get("options", {}).items()}


def data_sheets() -> list[Traits]:
    """The traits of every driver that there is a module for, in the order of their names."""
    suffix = "_guest.py"
    names = sorted(path.name[: -len(suffix)] for path in (CHECKOUT / "plugins/modules").glob(f"?*{suffix}"))
    return [import_module(f"{PLUGINS}.module_utils.drivers.{name}.traits").TRAITS for name in names]


def flat(options: Options, prefix: str = "") -> Iterator[tuple[str, Option]]:
    """Every option with its path; those within an option come after it."""
    for name, option in options.items():
        yield f"{prefix}{name}", option
        yield from flat(option.get("suboptions", {}), f"{prefix}{name}.")


def _table(title: str, options: Options, sheets: list[Traits]) -> str:
    head = ["Option", "Meaning", "Value", "Default", *(f"Change on {sheet.hypervisor}" for sheet in sheets)]
    rows = [head, ["---"] * len(head), *(_row(path, option, sheets) for path, option in flat(options))]
    return f"### {title}\n\n" + "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _row(path: str, option: Option, sheets: list[Traits]) -> list[str]:
    meaning, default = described(option)
    return [f"`{path}`", meaning, _value(path, option), default, *(change(path, sheet) for sheet in sheets)]


def described(option: Option) -> tuple[str, str]:
    """What an option means, and what counts where nothing is written, for every run or for a new guest."""
    said = option["description"]
    sentences = re.split(r"(?<=\.)\s+", " ".join(said) if isinstance(said, list) else said)
    found = [(sentence, DEFAULT_SENTENCE.fullmatch(sentence.removesuffix("."))) for sentence in sentences]
    meaning = " ".join(sentence for sentence, match in found if match is None)
    defaults = [next(filter(None, match.groups())) for _sentence, match in found if match is not None]
    if "default" in option:
        value = option["default"]
        defaults = [f"V({str(value).lower() if isinstance(value, bool) else value})"]
    return markdown(meaning), markdown(" ".join(defaults))


def _value(path: str, option: Option) -> str:
    choices = ", ".join(f"`{choice}`" for choice in option.get("choices", ()))
    unit = "size in MiB, GiB or TiB" if path in SIZES else ""
    return (choices or unit or TYPES[option["type"]]) + (" (required)" if option.get("required") else "")


def change(path: str, sheet: Traits) -> str:
    """When a change of an option takes effect in a running guest; empty for what is no property of a guest."""
    name = field_of(path, sheet.hypervisor)
    if name in sheet.fields:
        rule = sheet.fields[name]
        return f"**{rule.when}**" + (f": {rule.note}" if rule.note else "")
    return "does not exist" if any(name in other.fields for other in data_sheets()) else ""


def field_of(path: str, hypervisor: str) -> str:
    """The field of the traits that an option is."""
    names = {report.spec_name(field): field for sheet in data_sheets() for field in sheet.fields}
    inner = path.removeprefix(f"{hypervisor}.").replace(f".{hypervisor}.", ".")
    return ALIASES.get(inner) or names.get(inner, inner)


def markdown(text: str) -> str:
    """Ansible's markup as Markdown, on one line of a table."""
    return " ".join(re.sub(r"\b(?:O|V|C|RV)\(([^)]*)\)", r"`\1`", text).split()).replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text()))
