# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documents and what they speak of do not drift apart: links, paths, commands, examples."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.traits import OWN
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.spec import parse_wishes
from ansible_collections.hostforge.hypervisor.tests.runner.environment import CHECKOUT
from ansible_collections.hostforge.hypervisor.tests.runner.parts import PARTS
from ansible_collections.hostforge.hypervisor.tests.unit.docs import pages

PAGES = pages.pages()
EVERY = pytest.mark.parametrize("path", PAGES)
EXAMPLE = CHECKOUT / "playbooks/inventory/example.yml"


@EVERY
def test_every_link_leads_somewhere(path: str) -> None:
    assert list(pages.broken_links(path, PAGES[path])) == []


def test_every_page_can_be_reached_from_the_front() -> None:
    reached = {"README.md"}
    waiting = ["README.md"]
    while waiting:
        path = waiting.pop()
        targets = {target.partition("#")[0] for target in pages.links(PAGES[path])} - {""}
        names = {str(((CHECKOUT / path).parent / target).resolve().relative_to(CHECKOUT)) for target in targets}
        waiting += (names & set(PAGES)) - reached
        reached |= names & set(PAGES)
    assert reached == set(PAGES)


@EVERY
def test_every_path_that_a_page_names_is_there(path: str) -> None:
    assert [name for name in pages.tree_paths(PAGES[path]) if not pages.exists(name)] == []


@EVERY
def test_every_command_of_ours_exists(path: str) -> None:
    for command in pages.commands(PAGES[path]):
        script, _space, word = command.partition(" ")
        assert (CHECKOUT / script).is_file(), command
        if script == "bin/test":
            assert word in {"", "quick", "--list", *(part.name for part in PARTS)}, command
        elif script == "bin/demo":
            assert word in {"", *demo_commands()}, command


def demo_commands() -> set[str]:
    """The words that the demonstration knows, by its own help."""
    cli = (CHECKOUT / "molecule/shared/demo/cli.py").read_text()
    return {word for word in ("run", "status", "ssh", "destroy") if f'add_parser("{word}"' in cli}


def test_the_example_inventory_is_the_one_that_is_run() -> None:
    text = EXAMPLE.read_text()
    assert text[text.index("---\n") :] in pages.blocks(PAGES["docs/getting-started.md"], "yaml")


@EVERY
def test_every_yaml_block_can_be_read(path: str) -> None:
    for block in pages.blocks(PAGES[path], "yaml"):
        assert yaml.safe_load(block) is not None


@EVERY
def test_every_specification_is_one(path: str) -> None:
    for block in pages.blocks(PAGES[path], "yaml"):
        for guests in written_guests(yaml.safe_load(block)):
            assert parse_wishes({"guests": guests}, "kvm", OWN)


def written_guests(value: object) -> list[list[Any]]:
    """The lists of guests anywhere in a block; what only a template can tell is made up."""
    if isinstance(value, list):
        return [found for item in value for found in written_guests(item)]
    if not isinstance(value, dict):
        return []
    found = [found for item in value.values() for found in written_guests(item)]
    guests = value.get("hypervisor_guests")
    return [*found, [templated(guest) for guest in guests]] if guests else found


def templated(value: object) -> object:
    """A value with something in the place of each template."""
    if isinstance(value, dict):
        return {key: templated(item) for key, item in value.items()}
    if isinstance(value, list):
        return [templated(item) for item in value]
    return {"source": "/image"} if isinstance(value, str) and value.startswith("{{") else value


def test_the_map_names_every_file_of_the_core() -> None:
    core = (CHECKOUT / "plugins/module_utils/guest").glob("[a-z]*.py")
    assert [path.name for path in core if f"`{path.name}`" not in PAGES["docs/architecture.md"]] == []


@pytest.mark.parametrize("role", sorted(path.name for path in (CHECKOUT / "roles").iterdir()))
def test_the_page_of_a_role_names_every_variable_with_its_default(role: str) -> None:
    text = PAGES[f"roles/{role}/README.md"]
    specs = yaml.safe_load((CHECKOUT / f"roles/{role}/meta/argument_specs.yml").read_text())
    defaults = yaml.safe_load((CHECKOUT / f"roles/{role}/defaults/main.yml").read_text())
    options = specs["argument_specs"]["main"]["options"]
    assert [name for name in options if f"`{name}`" not in text] == []
    for name, value in defaults.items():
        if isinstance(value, bool | int | str) or value == []:
            plain = str(value).lower() if isinstance(value, bool) else str(value)
            assert f"| `{name}` | `{plain}` |" in text


def test_what_the_tests_of_links_find() -> None:
    bad = (
        "[a](nowhere.md) [b](README.md#no-such-heading) [c](../outside) [d](https://example.org/x)\n```\n[e](f)\n```\n"
    )
    assert len(list(pages.broken_links("README.md", bad))) == 3
    assert pages.anchors("# What a *new* `guest` gets\n## It's here") == {"what-a-new-guest-gets", "its-here"}
    assert pages.commands("run `bin/test quick` or\nbin/demo ssh web1") == {"bin/test quick", "bin/demo ssh"}
